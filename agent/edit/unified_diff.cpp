#include "agent/edit/unified_diff.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

#include "agent/edit/line_diff.h"
#include "agent/sandbox/work_tree.h"

namespace engramd::agent {
namespace {

constexpr size_t kContext = 3;

struct Step {
  char kind = ' ';  // ' ', '-', '+'
  std::string_view line;
};

std::vector<Step> compare(const std::vector<std::string_view>& a,
                          const std::vector<std::string_view>& b) {
  std::vector<Step> steps;
  size_t i = 0, j = 0;
  const auto change_until = [&](size_t a_end, size_t b_end) {
    while (i < a_end) steps.push_back({'-', a[i++]});
    while (j < b_end) steps.push_back({'+', b[j++]});
  };
  for (const auto& [same_a, same_b] : common_lines(a, b)) {
    change_until(same_a, same_b);
    steps.push_back({' ', a[i++]});
    ++j;
  }
  change_until(a.size(), b.size());
  return steps;
}

void write_hunks(const std::vector<Step>& steps, std::string& out) {
  size_t at = 0, old_line = 1, new_line = 1;
  while (at < steps.size()) {
    size_t change = at;
    while (change < steps.size() && steps[change].kind == ' ') ++change;
    if (change == steps.size()) return;
    const size_t begin = change - std::min(kContext, change - at);
    old_line += begin - at;
    new_line += begin - at;
    size_t end = change, last_change = change;
    while (end < steps.size() && end <= last_change + 2 * kContext) {
      if (steps[end].kind != ' ') last_change = end;
      ++end;
    }
    end = std::min(last_change + 1 + kContext, steps.size());
    size_t n_old = 0, n_new = 0;
    std::string body;
    for (size_t i = begin; i < end; ++i) {
      n_old += steps[i].kind != '+';
      n_new += steps[i].kind != '-';
      body += steps[i].kind;
      body += steps[i].line;
      if (steps[i].line.empty() || steps[i].line.back() != '\n')
        body += "\n\\ No newline at end of file\n";
    }
    const auto range = [](size_t start, size_t count) {
      return std::to_string(count == 0 ? start - 1 : start) +
             (count == 1 ? "" : "," + std::to_string(count));
    };
    out += "@@ -" + range(old_line, n_old) + " +" + range(new_line, n_new) + " @@\n" + body;
    old_line += n_old;
    new_line += n_new;
    at = end;
  }
}

constexpr size_t kMaxGap = 2;  // equal lines inside one block

struct Hunk {
  size_t old_start = 0;
  std::vector<std::string> before, after;  // lines with their ends
};

struct FileDiff {
  std::string old_path, new_path;  // empty: /dev/null
  std::vector<Hunk> hunks;
  bool executable = false;
};

std::string path_of(std::string_view text) {
  if (const size_t tab = text.find('\t'); tab != std::string_view::npos) text = text.substr(0, tab);
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  if (text == "/dev/null") return {};
  if (text.substr(0, 2) == "a/" || text.substr(0, 2) == "b/") text.remove_prefix(2);
  return std::string(text);
}

Result<std::vector<FileDiff>> read_diff(std::string_view diff) {
  std::vector<FileDiff> files;
  bool next_is_executable = false;
  size_t left_before = 0, left_after = 0;
  char last_kind = 0;
  for (const std::string_view line : whole_lines(diff)) {
    const auto starts = [&](std::string_view prefix) {
      return line.substr(0, prefix.size()) == prefix;
    };
    if (left_before == 0 && left_after == 0) {
      if (starts("new file mode 100755")) next_is_executable = true;
      if (starts("--- ")) {
        files.push_back({path_of(line.substr(4)), {}, {}, next_is_executable});
        next_is_executable = false;
      } else if (starts("+++ ") && !files.empty()) {
        files.back().new_path = path_of(line.substr(4));
      } else if (starts("@@ -")) {
        if (files.empty())
          return fail(ErrorCode::corrupt, "the diff has a hunk before any file name");
        Hunk hunk;
        const char *at = line.data() + 4, *end = line.data() + line.size();
        const auto number = [&](size_t missing) {
          size_t value = missing;
          const auto parsed = std::from_chars(at, end, value);
          at = parsed.ptr;
          return value;
        };
        hunk.old_start = number(0);
        left_before = 1;
        if (at < end && *at == ',') ++at, left_before = number(1);
        while (at < end && *at != '+') ++at;
        if (at < end) ++at;
        number(0);
        left_after = 1;
        if (at < end && *at == ',') ++at, left_after = number(1);
        files.back().hunks.push_back(std::move(hunk));
        last_kind = 0;
      } else if (starts("\\") && !files.empty() && !files.back().hunks.empty()) {
        Hunk& hunk = files.back().hunks.back();
        if (last_kind != '+' && !hunk.before.empty() && hunk.before.back().ends_with('\n'))
          hunk.before.back().pop_back();
        if (last_kind != '-' && !hunk.after.empty() && hunk.after.back().ends_with('\n'))
          hunk.after.back().pop_back();
      } else if (starts("GIT binary patch") || starts("Binary files ")) {
        return fail(ErrorCode::unsupported, "the diff changes a binary file");
      }
      continue;
    }
    Hunk& hunk = files.back().hunks.back();
    const char kind = line.empty() || line[0] == '\n' ? ' ' : line[0];
    std::string body(line[0] == '\n' ? line : line.substr(1));
    if (kind == '\\') {
      if (last_kind != '+' && !hunk.before.empty()) hunk.before.back().pop_back();
      if (last_kind != '-' && !hunk.after.empty()) hunk.after.back().pop_back();
      continue;
    }
    if (kind != ' ' && kind != '-' && kind != '+')
      return fail(ErrorCode::corrupt,
                  "the diff has an unexpected line in a hunk: " + std::string(line.substr(0, 80)));
    if ((kind != '+' && left_before == 0) || (kind != '-' && left_after == 0))
      return fail(ErrorCode::corrupt, "a hunk of the diff is longer than its header says");
    if (kind != '+') hunk.before.push_back(body), --left_before;
    if (kind != '-') hunk.after.push_back(body), --left_after;
    last_kind = kind;
  }
  if (left_before != 0 || left_after != 0)
    return fail(ErrorCode::corrupt, "the diff ends in the middle of a hunk");
  return files;
}

bool matches_at(const std::vector<std::string>& lines, size_t at,
                const std::vector<std::string>& want) {
  if (at + want.size() > lines.size()) return false;
  return std::equal(want.begin(), want.end(), lines.begin() + static_cast<std::ptrdiff_t>(at));
}

}  // namespace

std::string unified_diff(const std::vector<FileChange>& changes) {
  std::string out;
  for (const FileChange& change : changes) {
    if (change.before == change.after) continue;
    const std::string mode = change.executable ? "100755" : "100644";
    out += "diff --git a/" + change.path + " b/" + change.path + "\n";
    if (!change.before) out += "new file mode " + mode + "\n";
    if (!change.after) out += "deleted file mode " + mode + "\n";
    const std::string before = change.before.value_or(""), after = change.after.value_or("");
    if (before == after) continue;  // an empty file made or removed has no hunks
    out += change.before ? "--- a/" + change.path + "\n" : "--- /dev/null\n";
    out += change.after ? "+++ b/" + change.path + "\n" : "+++ /dev/null\n";
    write_hunks(compare(whole_lines(before), whole_lines(after)), out);
  }
  return out;
}

Result<std::vector<FileChange>> apply_unified_diff(
    std::string_view diff,
    const std::function<std::optional<std::string>(const std::string& path)>& read) {
  ENGRAMD_TRY(const std::vector<FileDiff> files, read_diff(diff));
  if (files.empty()) return fail(ErrorCode::corrupt, "the diff names no file");
  std::vector<FileChange> changes;
  for (const FileDiff& file : files) {
    FileChange change;
    change.path = file.new_path.empty() ? file.old_path : file.new_path;
    change.executable = file.executable;
    if (!is_safe_relative_path(change.path))
      return fail(ErrorCode::invalid_input,
                  "the diff changes a path outside of the tree: " + change.path);
    if (!file.old_path.empty() && !file.new_path.empty() && file.old_path != file.new_path)
      return fail(ErrorCode::unsupported, "the diff renames " + file.old_path);
    if (!file.old_path.empty()) {
      change.before = read(file.old_path);
      if (!change.before)
        return fail(ErrorCode::not_found, "the diff changes a missing file: " + file.old_path);
    } else if (read(change.path)) {
      return fail(ErrorCode::invalid_input,
                  "the diff adds a file that is there already: " + change.path);
    }
    std::vector<std::string> lines;
    const std::string before = change.before.value_or("");
    for (const std::string_view line : whole_lines(before)) lines.emplace_back(line);
    std::ptrdiff_t shift = 0;
    size_t number = 0;
    for (const Hunk& hunk : file.hunks) {
      ++number;
      const size_t wanted = hunk.before.empty() ? hunk.old_start : hunk.old_start - 1;
      const std::ptrdiff_t expected = static_cast<std::ptrdiff_t>(wanted) + shift;
      size_t at = static_cast<size_t>(std::max<std::ptrdiff_t>(expected, 0));
      if (!matches_at(lines, at, hunk.before)) {
        std::vector<size_t> places;
        for (size_t i = 0; i < lines.size() && places.size() < 2; ++i)
          if (matches_at(lines, i, hunk.before)) places.push_back(i);
        if (places.size() != 1)
          return fail(ErrorCode::invalid_input,
                      "hunk " + std::to_string(number) + " of " + change.path +
                          (places.empty() ? " does not fit: the lines around it have changed"
                                          : " fits at several places"));
        at = places[0];
      }
      shift += static_cast<std::ptrdiff_t>(hunk.after.size()) -
               static_cast<std::ptrdiff_t>(hunk.before.size());
      const auto place = lines.begin() + static_cast<std::ptrdiff_t>(at);
      const auto after =
          lines.erase(place, place + static_cast<std::ptrdiff_t>(hunk.before.size()));
      lines.insert(after, hunk.after.begin(), hunk.after.end());
    }
    if (!file.new_path.empty()) {
      std::string text;
      for (const std::string& line : lines) text += line;
      change.after = std::move(text);
    }
    changes.push_back(std::move(change));
  }
  return changes;
}

std::vector<TextEdit> changed_blocks(std::string_view before, std::string_view after) {
  std::vector<TextEdit> edits;
  size_t offset = 0;             // in before
  std::string_view equal;        // lines since the last change, while they are few
  size_t n_equal = kMaxGap + 1;  // no block is open
  for (const Step& step : compare(whole_lines(before), whole_lines(after))) {
    if (step.kind == ' ') {
      if (n_equal == 0) equal = before.substr(offset, 0);
      ++n_equal;
      if (!edits.empty() && n_equal <= kMaxGap)
        equal = std::string_view(equal.data(), equal.size() + step.line.size());
      offset += step.line.size();
      continue;
    }
    if (n_equal > kMaxGap) {
      edits.push_back({{offset, offset}, {}});
    } else if (n_equal > 0) {
      edits.back().replacement += equal;
      edits.back().range.end = offset;
    }
    n_equal = 0;
    if (step.kind == '-') {
      offset += step.line.size();
      edits.back().range.end = offset;
    } else {
      edits.back().replacement += step.line;
    }
  }
  return edits;
}

}  // namespace engramd::agent
