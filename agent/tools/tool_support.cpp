#include "agent/tools/tool_support.h"

#include <algorithm>
#include <charconv>

#include "agent/edit/line_diff.h"
#include "agent/tools/nearest.h"
#include "agent/verify/verifier.h"
#include "base/text.h"
#include "repoindex/query.h"
#include "repoindex/search/secrets.h"
#include "repoindex/snapshot.h"

namespace engramd::agent {
namespace {

constexpr size_t kQuotedAfterEdit = 24;

std::optional<int64_t> number(std::string_view text) {
  text = trim(text);
  if (text.starts_with("L")) text.remove_prefix(1);
  int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  if (text.empty() || parsed.ec != std::errc{} || parsed.ptr != end) return std::nullopt;
  return value;
}

}  // namespace

bool PathAndLines::is_root() const {
  return path == ".";
}

std::optional<std::pair<int64_t, int64_t>> read_line_range(std::string_view text) {
  text = trim(text);
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  const size_t cut = text.find_first_of("-:,\n", text.starts_with('-') ? 1 : 0);
  if (cut == std::string_view::npos) {
    const auto one = number(text);
    if (!one) return std::nullopt;
    return std::pair{*one, *one};
  }
  const auto first = number(text.substr(0, cut)), last = number(text.substr(cut + 1));
  if (!first || !last) return std::nullopt;
  return std::pair{*first, *last};
}

Result<PathAndLines> path_and_lines(const ToolContext& ctx, std::string_view given) {
  std::string path(trim(given));
  if (path.size() >= 2 && (path.front() == '"' || path.front() == '\'' || path.front() == '`') &&
      path.back() == path.front())
    path = path.substr(1, path.size() - 2);
  if (path.starts_with("file://")) path.erase(0, 7);
  if (path.find('/') == std::string::npos) std::replace(path.begin(), path.end(), '\\', '/');
  PathAndLines out;
  // Lines behind the path; a file may really be called so, but then it is there.
  for (const std::string_view mark : {"#L", "#", ":"}) {
    const size_t at = path.find(mark, 1);
    if (at == std::string::npos) continue;
    std::string_view rest = std::string_view(path).substr(at + mark.size());
    // "12:5" of a compiler is line and column.
    const size_t colon = rest.find(':');
    const bool has_column = colon != std::string_view::npos && number(rest.substr(0, colon)) &&
                            rest.find('-') == std::string_view::npos;
    if (has_column) rest = rest.substr(0, colon);
    if (rest.ends_with(':')) rest.remove_suffix(1);
    if (const auto lines = read_line_range(rest)) {
      out.first = lines->first;
      out.last = lines->second;
      path.erase(at);
      break;
    }
  }
  for (const auto& root : {ctx.bench.original().string(), ctx.bench.tree().string()}) {
    if (path == root) path = ".";
    if (path.starts_with(root + "/")) path.erase(0, root.size() + 1);
  }
  if (path.starts_with('/'))
    return fail(ErrorCode::invalid_input,
                path + " is outside of the repository; paths are relative to its root");
  while (path.starts_with("./")) path.erase(0, 2);
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  if (path.empty()) path = ".";
  out.path = std::move(path);
  return out;
}

Result<PathAndLines> path_argument(const ToolContext& ctx, const Arguments& args,
                                   const std::string& name) {
  ENGRAMD_TRY(const std::string given, args.text(name));
  if (trim(given).empty())
    return fail(ErrorCode::invalid_input, "the argument \"" + name + "\" is empty");
  return path_and_lines(ctx, given);
}

std::string unknown_path(ToolContext& ctx, const std::string& path) {
  std::string out = "there is no " + path;
  const auto view = ctx.bench.view(ctx.cancel);
  if (!view) return out;
  const std::vector<std::string> paths = view->paths();
  const std::string folder = path + "/";
  if (std::any_of(paths.begin(), paths.end(),
                  [&](const std::string& known) { return known.starts_with(folder); }))
    return path + " is a folder; list_files shows what is in it";
  std::string list;
  for (const std::string& near : nearest_paths(path, paths, 4))
    list += (list.empty() ? "" : ", ") + near;
  return out + (list.empty() ? "; list_files and locate tell what there is"
                             : "; did you mean " + list + "?");
}

Result<PathAndLines> file_argument(ToolContext& ctx, const Arguments& args,
                                   const std::string& name) {
  ENGRAMD_TRY(PathAndLines out, path_argument(ctx, args, name));
  if (out.is_root()) return fail(ErrorCode::invalid_input, "expected a file, found the root");
  std::error_code error;
  if (!std::filesystem::is_regular_file(ctx.bench.tree() / out.path, error))
    return fail(ErrorCode::not_found, unknown_path(ctx, out.path));
  return out;
}

std::string like_names(const repoindex::View& view, const std::string& name) {
  std::vector<std::string> near;
  for (const auto& hit : repoindex::workspace_symbols(view, name, 20))
    if (std::find(near.begin(), near.end(), hit.symbol.name) == near.end())
      near.push_back(hit.symbol.name);
  if (near.empty() && view.snapshot) {
    std::vector<std::string> names;
    view.snapshot->for_each_defined_name([&](std::string_view known, uint64_t) {
      names.emplace_back(known);
      return names.size() < 500000;
    });
    near = nearest_names(name, names, 5);
  }
  if (near.size() > 5) near.resize(5);
  std::string list;
  for (const std::string& one : near) list += (list.empty() ? "" : ", ") + one;
  return list.empty() ? "" : "; did you mean " + list + "?";
}

bool Answer::add(std::string_view line) {
  if (n_left_out_ > 0 || text_.size() + line.size() + 1 > max_bytes_) {
    ++n_left_out_;
    return false;
  }
  text_ += line;
  text_ += '\n';
  ++n_added_;
  return true;
}

std::string Answer::done(const std::string& how) && {
  if (n_left_out_ > 0)
    text_ += "(" + std::to_string(n_left_out_) + " more left out" +
             (how.empty() ? "" : "; " + how) + ")\n";
  return std::move(text_);
}

std::string shown_line(std::string_view line) {
  if (line.size() <= kLineBytes) return utf8_sanitized(line);
  size_t cut = kLineBytes;
  while (cut > 0 && (static_cast<unsigned char>(line[cut]) & 0xC0) == 0x80) --cut;
  return utf8_sanitized(line.substr(0, cut)) + "... (" + std::to_string(line.size() - cut) +
         " more bytes)";
}

std::vector<size_t> hidden_lines(std::string_view text) {
  const std::vector<ByteRange> secrets = repoindex::secret_lines(text);
  std::vector<size_t> out;
  if (secrets.empty()) return out;
  const LineIndex index(text);
  for (const ByteRange& range : secrets) out.push_back(index.position(range.begin).line);
  return out;
}

ToolOutcome edit_reply(ToolContext& ctx, const std::string& heading,
                       const std::vector<FileChange>& changes) {
  ToolOutcome outcome;
  outcome.text = heading + "\n";
  std::vector<std::string> paths;
  for (const FileChange& change : changes) {
    paths.push_back(change.path);
    // A new file is known to who wrote it, a deleted one has no lines.
    if (!change.before || !change.after) continue;
    outcome.text += change.path + " now reads" +
                    quoted_changes(*change.before, *change.after, kQuotedAfterEdit) + "\n";
  }
  for (const std::string& note : ctx.bench.take_notes()) outcome.text += "note: " + note + "\n";
  EditVerifier* verifier = ctx.verifier != nullptr ? ctx.verifier : ctx.bench.verifier();
  if (verifier != nullptr) outcome.text += verifier->after_edit(paths, ctx.cancel).text;
  return outcome;
}

}  // namespace engramd::agent
