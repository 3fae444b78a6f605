#include <algorithm>
#include <ctime>

#include "agent/edit/symbol_edit.h"
#include "agent/tools/tool_support.h"
#include "base/text.h"
#include "repoindex/git/command.h"
#include "repoindex/git/history.h"

namespace engramd::agent {
namespace {

using namespace repoindex;

constexpr size_t kMaxCommits = 15;
constexpr int64_t kWallMs = 10'000;

std::string day(int64_t seconds) {
  const std::time_t time = seconds;
  std::tm parts{};
  if (::gmtime_r(&time, &parts) == nullptr) return "?";
  char text[16];
  std::strftime(text, sizeof text, "%Y-%m-%d", &parts);
  return text;
}

std::string commit_line(const std::string& id, int64_t time, const std::string& subject) {
  return id.substr(0, 10) + " " + day(time) + " " + shown_line(subject);
}

// Hexadecimal digits, or HEAD with ~ and ^ behind: nothing that git could take for an option or for
// a name of something that HEAD does not reach.
bool is_plain_revision(std::string_view text) {
  if (text.starts_with("HEAD"))
    return text.substr(4).find_first_not_of("~^0123456789") == std::string_view::npos;
  return text.size() >= 4 && text.size() <= 40 &&
         text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

Result<ToolOutcome> show_commit(ToolContext& ctx, const std::string& commit,
                                const std::string& path) {
  if (!is_plain_revision(commit))
    return fail(ErrorCode::invalid_input,
                "\"" + utf8_sanitized(commit.substr(0, 60)) +
                    "\" is no commit, expected hexadecimal digits or HEAD~1");
  const auto& root = ctx.bench.original();
  if (!git_text({root, {"merge-base", "--is-ancestor", commit, "HEAD"}, {}, kWallMs}, ctx.cancel))
    return fail(ErrorCode::not_found, "there is no commit " + commit + " in the history of HEAD");
  std::vector<std::string> arguments = {"show",
                                        "--no-color",
                                        "--no-ext-diff",
                                        "--no-textconv",
                                        "--stat=100",
                                        "--patch",
                                        "--format=commit %h%nauthor %an%ndate %as%n%n%B",
                                        commit,
                                        "--"};
  if (!path.empty()) arguments.push_back(path);
  ENGRAMD_TRY(const std::string text,
              git_text({root, arguments, {}, kWallMs}, ctx.cancel, 4u << 20));
  Answer answer;
  for (const std::string_view line : split_lines(text)) answer.add(shown_line(line));
  return ToolOutcome{std::move(answer).done(path.empty() ? "say path to see one file of it" : "")};
}

Result<ToolOutcome> blame_lines(ToolContext& ctx, const std::string& path, int64_t first,
                                int64_t last) {
  ENGRAMD_TRY(const std::string text, ctx.bench.read(path));
  const LineSpan span{static_cast<uint32_t>(std::max<int64_t>(first, 1) - 1),
                      static_cast<uint32_t>(std::clamp<int64_t>(last - first + 1, 1, 400))};
  ENGRAMD_TRY(const std::vector<BlameRange> ranges,
              blame(ctx.bench.original(), path, span, text, ctx.cancel));
  Answer answer;
  for (const BlameRange& range : ranges) {
    const std::string lines = std::to_string(range.lines.first + 1) + "-" +
                              std::to_string(range.lines.first + range.lines.n);
    answer.add(lines + "\t" +
               (range.commit.empty()
                    ? "not committed yet"
                    : commit_line(range.commit, range.author_time, range.summary)));
  }
  if (answer.empty()) return ToolOutcome{"no commit has these lines"};
  return ToolOutcome{std::move(answer).done("ask for fewer lines")};
}

Result<ToolOutcome> log_of(ToolContext& ctx, std::vector<std::string> more,
                           const std::string& nothing) {
  std::vector<std::string> arguments = {"log", "--no-color", "--format=%h %as %s", "-n",
                                        std::to_string(kMaxCommits)};
  arguments.insert(arguments.end(), more.begin(), more.end());
  ENGRAMD_TRY(const std::string text,
              git_text({ctx.bench.original(), arguments, {}, kWallMs}, ctx.cancel));
  Answer answer;
  for (const std::string_view line : split_lines(text))
    if (!line.empty()) answer.add(shown_line(line));
  if (answer.empty()) return ToolOutcome{nothing};
  std::string out = std::move(answer).done();
  return ToolOutcome{out + "(say commit to see one)\n"};
}

}  // namespace

Tool make_git_history_tool() {
  return {
      {"git_history",
       "Past commits: of a file, of lines or a symbol in it, with a text in their changes, or one "
       "commit whole.",
       schema({{"path?", "string", "relative path"},
               {"lines?", "string", "of the path, like 10-20: who changed them last"},
               {"symbol?", "string", "of the path: who changed it last"},
               {"text?", "string", "commits that added or removed it"},
               {"commit?", "string", "show this commit"}})},
      [](ToolContext& ctx, const Arguments& args) -> Result<ToolOutcome> {
        PathAndLines asked;
        if (args.has("path")) {
          ENGRAMD_TRY(asked, path_argument(ctx, args));
        }
        const std::string path = asked.is_root() ? "" : asked.path;
        if (const std::string commit(trim(args.text_or("commit", ""))); !commit.empty())
          return show_commit(ctx, commit, path);
        if (args.has("lines")) {
          const auto lines = read_line_range(args.text_or("lines", ""));
          if (!lines)
            return fail(ErrorCode::invalid_input,
                        "the argument \"lines\" must be like 10-20, found \"" +
                            utf8_sanitized(args.text_or("lines", "").substr(0, 40)) + "\"");
          asked.first = lines->first;
          asked.last = lines->second;
        }
        const std::string symbol(trim(args.text_or("symbol", "")));
        if (!symbol.empty() && !path.empty()) {
          ENGRAMD_TRY(const View view, ctx.bench.view(ctx.cancel));
          ENGRAMD_TRY(const SymbolHit hit, symbol_named(view, path, symbol));
          asked.first = hit.full_start.line + 1;
          asked.last = hit.full_end.line + 1;
        }
        if (asked.first > 0) {
          if (path.empty())
            return fail(ErrorCode::invalid_input, "lines need the argument \"path\" (a string)");
          return blame_lines(ctx, path, asked.first, asked.last);
        }
        std::string text = args.text_or("text", symbol);
        std::vector<std::string> more;
        if (!text.empty()) more.push_back("-S" + text);
        if (path.empty()) return log_of(ctx, more, "no commit did that");
        more.insert(more.end(), {"--", path});
        return log_of(ctx, more, "no commit touched " + path);
      }};
}

}  // namespace engramd::agent
