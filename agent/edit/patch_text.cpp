#include "agent/edit/patch_text.h"

#include <charconv>

#include "agent/edit/lines.h"
#include "base/text.h"

namespace engramd::agent {
namespace {

constexpr size_t kMaxFiles = 200;

bool starts(std::string_view line, std::string_view prefix) {
  return line.starts_with(prefix);
}

// A path as a diff writes it: without a/ or b/, quotes and what follows a tab.
std::string path_of(std::string_view text) {
  if (const size_t tab = text.find('\t'); tab != std::string_view::npos) text = text.substr(0, tab);
  text = trim(text);
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"')
    text = text.substr(1, text.size() - 2);
  if (text == "/dev/null") return {};
  if (starts(text, "a/") || starts(text, "b/")) text.remove_prefix(2);
  while (starts(text, "./")) text.remove_prefix(2);
  return std::string(text);
}

std::string said(size_t line, std::string_view text, const std::string& expected) {
  return "line " + std::to_string(line + 1) + " of the patch is \"" +
         utf8_sanitized(text.substr(0, 80)) + "\", expected " + expected;
}

void drop_blank_end(PatchHunk& hunk) {
  while (!hunk.lines.empty() && hunk.lines.back().kind == ' ' &&
         trim(hunk.lines.back().text).empty())
    hunk.lines.pop_back();
}

// A line inside a hunk of the envelope or of a diff. Models leave the blank of context lines out.
PatchLine hunk_line(std::string_view line) {
  if (line.empty()) return {' ', {}};
  if (line[0] == '+' || line[0] == '-' || line[0] == ' ')
    return {line[0], std::string(line.substr(1))};
  return {' ', std::string(line)};
}

class Reader {
 public:
  explicit Reader(std::string_view text) : lines_(lines_of(text)) {}

  Result<std::vector<FilePatch>> read() {
    for (const Line& line : lines_) {
      const std::string_view body = trim(line.text);
      if (body == "*** Begin Patch" || starts(body, "*** Update File:") ||
          starts(body, "*** Add File:") || starts(body, "*** Delete File:"))
        return read_envelope();
      if (starts(line.text, "--- ") || starts(line.text, "diff --git ")) return read_diff();
    }
    return fail(
        ErrorCode::invalid_input,
        "expected a patch: either *** Begin Patch, *** Update File: PATH, @@ and lines that "
        "begin with a blank, - or +, *** End Patch; or a unified diff with --- and +++ "
        "lines");
  }

 private:
  std::string_view at(size_t i) const { return i < lines_.size() ? lines_[i].text : ""; }

  Result<std::vector<FilePatch>> read_envelope() {
    std::vector<FilePatch> files;
    bool is_open = false;  // a hunk takes lines
    const auto hunk = [&]() -> PatchHunk& {
      if (!is_open || files.back().hunks.empty()) files.back().hunks.emplace_back();
      is_open = true;
      return files.back().hunks.back();
    };
    for (size_t i = 0; i < lines_.size(); ++i) {
      const std::string_view line = lines_[i].text;
      if (starts(line, "*** ")) {
        const std::string_view rest = trim(line.substr(4));
        const auto file = [&](std::string_view word, FilePatch::Kind kind) {
          if (!starts(rest, word)) return false;
          files.push_back({kind, path_of(rest.substr(word.size())), {}, {}, false});
          is_open = pending_ = false;
          return true;
        };
        if (rest == "Begin Patch") continue;
        if (rest == "End Patch") break;
        if (file("Update File:", FilePatch::Kind::update) ||
            file("Add File:", FilePatch::Kind::add) ||
            file("Delete File:", FilePatch::Kind::remove)) {
          if (files.back().path.empty())
            return fail(ErrorCode::invalid_input, said(i, line, "a path behind the colon"));
          if (files.size() > kMaxFiles)
            return fail(ErrorCode::exhausted,
                        "the patch changes more than " + std::to_string(kMaxFiles) + " files");
          continue;
        }
        if (starts(rest, "Move to:") && !files.empty()) {
          files.back().new_path = path_of(rest.substr(8));
          continue;
        }
        if (rest == "End of File" && !files.empty()) {
          hunk().at_end = true;
          is_open = false;
          continue;
        }
        return fail(ErrorCode::invalid_input,
                    said(i, line,
                         "Update File, Add File, Delete File, Move to, End of File or "
                         "End Patch behind the stars"));
      }
      if (files.empty()) continue;  // prose or a fence before the first file
      FilePatch& current = files.back();
      if (starts(line, "```") || trim(line) == "EOF") {
        is_open = false;
        continue;
      }
      if (current.kind == FilePatch::Kind::remove) {
        if (trim(line).empty() || starts(line, "-")) continue;
        return fail(ErrorCode::invalid_input,
                    said(i, line, "nothing more of a file that is deleted"));
      }
      if (current.kind == FilePatch::Kind::add) {
        if (starts(line, "+"))
          hunk().lines.push_back({'+', std::string(line.substr(1))});
        else if (!trim(line).empty())
          return fail(ErrorCode::invalid_input,
                      said(i, line, "every line of a new file to begin with +"));
        continue;
      }
      if (starts(line, "@@")) {
        std::string_view anchor = trim(line.substr(2));
        if (anchor.ends_with("@@")) anchor = trim(anchor.substr(0, anchor.size() - 2));
        // Several @@ lines in a row lead inwards: class, then method.
        if (is_open || current.hunks.empty() || !current.hunks.back().lines.empty()) {
          current.hunks.emplace_back();
        }
        is_open = false;
        if (starts(anchor, "-") && anchor.find('+') != std::string_view::npos) {
          read_range(anchor, current.hunks.back());
        } else if (!anchor.empty()) {
          current.hunks.back().anchors.emplace_back(anchor);
        }
        pending_ = true;
        continue;
      }
      if (pending_) {  // the first line behind @@ belongs to the hunk that was opened there
        is_open = true;
        pending_ = false;
      }
      hunk().lines.push_back(hunk_line(line));
    }
    return finished(std::move(files));
  }

  // "-12,3 +12,4" with or without a name behind.
  static void read_range(std::string_view text, PatchHunk& hunk) {
    size_t value = 0;
    const char *begin = text.data() + 1, *end = text.data() + text.size();
    const auto parsed = std::from_chars(begin, end, value);
    if (parsed.ec == std::errc{}) hunk.line = value;
  }

  Result<std::vector<FilePatch>> read_diff() {
    std::vector<FilePatch> files;
    bool in_hunk = false, new_file = false, gone = false, executable = false;
    std::string rename_from, rename_to;
    for (size_t i = 0; i < lines_.size(); ++i) {
      const std::string_view line = lines_[i].text;
      const bool is_header = starts(line, "--- ") && starts(at(i + 1), "+++ ");
      if (starts(line, "diff --git ")) {
        in_hunk = new_file = gone = executable = false;
        if (!rename_from.empty() && !rename_to.empty())
          files.push_back({FilePatch::Kind::update, rename_from, rename_to, {}, false});
        rename_from.clear();
        rename_to.clear();
        continue;
      }
      if (is_header) {
        const std::string from = path_of(line.substr(4)), to = path_of(at(++i).substr(4));
        FilePatch file;
        file.kind = from.empty() || new_file ? FilePatch::Kind::add
                    : to.empty() || gone     ? FilePatch::Kind::remove
                                             : FilePatch::Kind::update;
        file.path = file.kind == FilePatch::Kind::add ? to : from;
        if (file.kind == FilePatch::Kind::update && to != from) file.new_path = to;
        if (file.path.empty())
          return fail(ErrorCode::invalid_input, said(i, at(i), "a file's name"));
        file.executable = executable;
        files.push_back(std::move(file));
        if (files.size() > kMaxFiles)
          return fail(ErrorCode::exhausted,
                      "the patch changes more than " + std::to_string(kMaxFiles) + " files");
        rename_from.clear();
        rename_to.clear();
        in_hunk = false;
        continue;
      }
      if (starts(line, "@@")) {
        if (files.empty())
          return fail(ErrorCode::invalid_input, said(i, line, "--- and +++ lines before a hunk"));
        PatchHunk hunk;
        std::string_view rest = trim(line.substr(2));
        if (starts(rest, "-")) read_range(rest, hunk);
        // git writes the enclosing line behind; it helps only where the hunk alone does not.
        files.back().hunks.push_back(std::move(hunk));
        in_hunk = true;
        continue;
      }
      if (!in_hunk) {
        if (starts(line, "new file mode")) new_file = true;
        if (starts(line, "new file mode 100755")) executable = true;
        if (starts(line, "deleted file mode")) gone = true;
        if (starts(line, "rename from ")) rename_from = path_of(line.substr(12));
        if (starts(line, "rename to ")) rename_to = path_of(line.substr(10));
        if (starts(line, "GIT binary patch") || starts(line, "Binary files "))
          return fail(ErrorCode::unsupported, "the patch changes a binary file");
        continue;
      }
      if (starts(line, "```") || trim(line) == "EOF" || starts(line, "-- ")) {
        if (starts(line, "```") || i + 2 >= lines_.size()) {
          in_hunk = false;
          continue;
        }
      }
      PatchHunk& hunk = files.back().hunks.back();
      if (starts(line, "\\")) {
        if (!hunk.lines.empty() && hunk.lines.back().kind != '-') hunk.no_last_newline = true;
        continue;
      }
      hunk.lines.push_back(hunk_line(line));
    }
    if (!rename_from.empty() && !rename_to.empty())
      files.push_back({FilePatch::Kind::update, rename_from, rename_to, {}, false});
    return finished(std::move(files));
  }

  static Result<std::vector<FilePatch>> finished(std::vector<FilePatch> files) {
    for (FilePatch& file : files) {
      std::vector<PatchHunk> kept;
      for (PatchHunk& hunk : file.hunks) {
        if (file.kind == FilePatch::Kind::update) drop_blank_end(hunk);
        bool changes = false;
        for (const PatchLine& line : hunk.lines) changes = changes || line.kind != ' ';
        if (changes) kept.push_back(std::move(hunk));
      }
      file.hunks = std::move(kept);
      if (file.kind == FilePatch::Kind::update && file.hunks.empty() && file.new_path.empty())
        return fail(ErrorCode::invalid_input,
                    "the patch changes nothing in " + file.path + ": no line begins with - or +");
    }
    if (files.empty()) return fail(ErrorCode::invalid_input, "the patch names no file");
    return files;
  }

  const std::vector<Line> lines_;
  bool pending_ = false;
};

}  // namespace

Result<std::vector<FilePatch>> read_patch(std::string_view text) {
  return Reader(text).read();
}

}  // namespace engramd::agent
