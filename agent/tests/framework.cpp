#include "agent/tests/framework.h"

#include <algorithm>
#include <array>
#include <fstream>

#include "base/file.h"

namespace engramd::agent {

#define ENGRAMD_DECLARE(name) const FrameworkRow& name##_row();
ENGRAMD_TEST_FRAMEWORKS(ENGRAMD_DECLARE)
#undef ENGRAMD_DECLARE

namespace {

namespace fs = std::filesystem;

using RowFunction = const FrameworkRow& (*)();
constexpr RowFunction kRows[] = {
#define ENGRAMD_ROW(name) name##_row,
    ENGRAMD_TEST_FRAMEWORKS(ENGRAMD_ROW)
#undef ENGRAMD_ROW
};

}  // namespace

const FrameworkRow& row_of(Framework framework) {
  static constexpr FrameworkRow none{.name = "command", .id_form = ""};
  const auto index = static_cast<size_t>(framework);
  return index < std::size(kRows) ? kRows[index]() : none;
}

std::vector<Framework> all_frameworks() {
  std::vector<Framework> all;
  for (size_t i = 0; i < std::size(kRows); ++i) all.push_back(static_cast<Framework>(i));
  return all;
}

std::string_view to_string(Framework framework) {
  return row_of(framework).name;
}

std::optional<FoundCall> find_framework_call(std::string_view line) {
  const std::vector<ShellCall> calls = shell_calls(line);
  for (auto call = calls.rbegin(); call != calls.rend(); ++call) {
    const ProgramCall program = program_of(*call);
    for (const Framework framework : all_frameworks())
      if (const FrameworkRow& row = row_of(framework);
          row.is_call != nullptr && row.is_call(program))
        return FoundCall{*call, program, framework};
  }
  return std::nullopt;
}

std::optional<CallEdit> edit_of(const TestCommand& command) {
  if (!command.script.empty()) {
    // Arguments behind the call of the script reach the framework inside it.
    const std::vector<ShellCall> calls = shell_calls(command.text);
    if (calls.empty() || command.argument_separator.empty()) return std::nullopt;
    const auto inner = find_framework_call(command.script);
    if (!inner) return std::nullopt;
    return CallEdit(command.text, calls.back(), inner->program, command.argument_separator);
  }
  auto found = find_framework_call(command.text);
  if (found) return CallEdit(command.text, found->call, found->program, "");
  // A test program of C++, called by its path: the last call.
  if (command.framework != Framework::gtest && command.framework != Framework::catch2)
    return std::nullopt;
  const std::vector<ShellCall> calls = shell_calls(command.text);
  if (calls.empty()) return std::nullopt;
  return CallEdit(command.text, calls.back(), program_of(calls.back()), "");
}

void CallEdit::append(std::string_view text) {
  if (is_script()) return append_last(text);
  size_t at = call_.words.back().end;
  for (size_t i = program_.first_argument(); i < call_.words.size(); ++i)
    if (call_.words[i].text == "--") {
      at = call_.words[i - 1].end;
      break;
    }
  changes_.push_back({at, at, " " + std::string(text)});
}

void CallEdit::append_last(std::string_view text) {
  const size_t at = call_.words.back().end;
  std::string added = " " + std::string(text);
  if (is_script() &&
      std::none_of(changes_.begin(), changes_.end(),
                   [&](const Change& change) { return change.begin == at; }) &&
      std::none_of(call_.words.begin(), call_.words.end(),
                   [](const LineWord& word) { return word.text == "--"; }))
    added = separator_ + std::string(text);
  changes_.push_back({at, at, added});
}

void CallEdit::replace_program(std::string_view text) {
  const LineWord& word = call_.words[program_.at];
  changes_.push_back({word.begin, word.end, std::string(text)});
}

void CallEdit::remove(size_t word_index) {
  const LineWord& word = call_.words[word_index];
  for (const Change& change : changes_)
    if (change.begin == word.begin && change.end == word.end) return;
  changes_.push_back({word.begin, word.end, ""});
}

void CallEdit::prepend(std::string_view text) {
  changes_.push_back({call_.words.front().begin, call_.words.front().begin, std::string(text)});
}

std::string CallEdit::result() const {
  std::vector<Change> changes = changes_;
  std::stable_sort(changes.begin(), changes.end(),
                   [](const Change& a, const Change& b) { return a.begin < b.begin; });
  std::string out;
  size_t at = 0;
  for (const Change& change : changes) {
    if (change.begin > at) out.append(line_, at, change.begin - at);
    // A word that goes takes the space in front of it along.
    if (change.text.empty() && out.ends_with(' ')) out.pop_back();
    out += change.text;
    at = std::max(at, change.end);
  }
  return out + line_.substr(at);
}

std::string in_tree(std::string_view path, std::string_view tree_inside) {
  if (path.starts_with("file://")) path.remove_prefix(7);
  if (!tree_inside.empty() && path.size() > tree_inside.size() && path.starts_with(tree_inside) &&
      path[tree_inside.size()] == '/')
    path.remove_prefix(tree_inside.size() + 1);
  while (path.starts_with("./")) path.remove_prefix(2);
  return std::string(path);
}

std::string regex_quoted(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view("\\^$.|?*+()[]{}").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

bool for_each_line(const fs::path& file, uint64_t max_bytes,
                   const std::function<void(std::string_view)>& fn) {
  constexpr size_t kMaxLine = 4u << 20;
  std::ifstream in(file, std::ios::binary);
  std::string buffer, piece(1u << 20, '\0');
  uint64_t n_read = 0;
  bool whole = true, skipping = false;
  while (in && n_read < max_bytes) {
    in.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    const auto n = static_cast<size_t>(in.gcount());
    if (n == 0) break;
    n_read += n;
    buffer.append(piece, 0, n);
    size_t begin = 0;
    for (size_t end = 0; (end = buffer.find('\n', begin)) != std::string::npos; begin = end + 1) {
      if (!skipping) fn(std::string_view(buffer).substr(begin, end - begin));
      skipping = false;
    }
    buffer.erase(0, begin);
    if (buffer.size() > kMaxLine) {  // no record of a framework is that long
      buffer.clear();
      skipping = true;
      whole = false;
    }
  }
  if (!buffer.empty() && !skipping) fn(buffer);
  return whole && n_read < max_bytes;
}

std::vector<fs::path> report_files(const RunFiles& files, std::string_view end) {
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator at(files.reports, error), last; !error && at != last;
       at.increment(error))
    // A link could name any file of ours.
    if (found.size() < 20000 && at->symlink_status(error).type() == fs::file_type::regular &&
        at->path().filename().string().ends_with(end))
      found.push_back(at->path());
  std::sort(found.begin(), found.end());
  return found;
}

std::pair<std::string_view, std::string_view> split_id(std::string_view id) {
  const size_t colons = id.find("::");
  if (colons == std::string_view::npos) return {id, {}};
  return {id.substr(0, colons), id.substr(colons + 2)};
}

bool ProjectFolder::has(std::string_view name) const {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool ProjectFolder::has_file_below(std::string_view end) const {
  return std::any_of(below.begin(), below.end(),
                     [&](const std::string& file) { return file.ends_with(end); });
}

std::string ProjectFolder::read(std::string_view name) const {
  if (name.find('/') == std::string_view::npos && !has(name)) return {};
  const auto text = read_file(path / name, 1u << 20);
  return text ? *text : std::string();
}

}  // namespace engramd::agent
