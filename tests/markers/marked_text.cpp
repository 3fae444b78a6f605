#include "tests/markers/marked_text.h"

#include <algorithm>
#include <stdexcept>

#include "base/text.h"

namespace engramd::test {
namespace {

constexpr std::string_view kRelations[] = {"has", "lacks", "first", "order", "contains"};

bool is_name(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' || c == '.';
}

// Copies text without its marks, which go to `marks`; reads one file.
class FileReader {
 public:
  FileReader(std::string path, std::string_view text, std::string_view shift, MarkedText& into)
      : path_(std::move(path)), rest_(text), shift_(shift), into_(into) {}

  void read() {
    while (!rest_.empty())
      if (!mark()) copy(1);
    if (!open_.empty()) throw std::runtime_error(path_ + ": [[" + open_.back().name + ": no ]]");
    into_.files[path_] = std::move(out_);
  }

 private:
  struct Open {
    std::string name;
    size_t begin;
  };

  bool mark() {
    if (starts("$0")) return cursor();
    if (starts("$~")) return shift();
    if (starts("]]") && !open_.empty()) return end_range();
    return starts("[[") && begin_range();
  }
  bool starts(std::string_view what) const { return rest_.substr(0, what.size()) == what; }
  void copy(size_t n) {
    out_ += rest_.substr(0, n);
    rest_.remove_prefix(n);
  }
  bool cursor() {
    into_.marks.push_back({"$0", {path_, out_.size(), out_.size()}});
    rest_.remove_prefix(2);
    return true;
  }
  bool shift() {
    into_.has_shift = true;
    out_ += shift_;
    rest_.remove_prefix(2);
    return true;
  }
  // [[name: and no second colon, so that a C++ attribute and Lua's long strings stay text.
  bool begin_range() {
    size_t at = 2;
    while (at < rest_.size() && is_name(rest_[at])) ++at;
    if (at >= rest_.size() || rest_[at] != ':' || rest_.substr(at, 2) == "::") return false;
    open_.push_back({std::string(rest_.substr(2, at - 2)), out_.size()});
    rest_.remove_prefix(at + 1);
    return true;
  }
  bool end_range() {
    Open range = open_.back();
    open_.pop_back();
    if (range.name.empty()) range.name = out_.substr(range.begin);
    into_.marks.push_back({range.name, {path_, range.begin, out_.size()}});
    rest_.remove_prefix(2);
    return true;
  }

  const std::string path_;
  std::string_view rest_, shift_;
  MarkedText& into_;
  std::string out_;
  std::vector<Open> open_;
};

// Where a relation begins and how long it is, outside quotes; the words count only when there is
// no arrow.
std::pair<size_t, size_t> find_relation(std::string_view line) {
  std::pair<size_t, size_t> found{line.size(), 0};
  bool quoted = false;
  for (size_t at = 0; at < line.size(); ++at) {
    if (line[at] == '"') quoted = !quoted;
    if (quoted || line[at] != ' ') continue;
    const std::string_view rest = line.substr(at);
    if (rest.substr(0, 4) == " -> ") return {at + 1, 2};
    for (const std::string_view word : kRelations)
      if (found.second == 0 && rest.substr(0, word.size() + 2) == " " + std::string(word) + " ")
        found = {at + 1, word.size()};
  }
  return found;
}

Question read_question(std::string_view line) {
  Question question;
  question.line = std::string(line);
  const auto [at, size] = find_relation(line);
  const std::string_view asked = trim(line.substr(0, at));
  question.relation = std::string(line.substr(std::min(at, line.size()), size));
  if (size > 0) question.expected = std::string(trim(line.substr(at + size)));
  const size_t space = std::min(asked.find(' '), asked.size());
  question.verb = std::string(asked.substr(0, space));
  question.argument = std::string(trim(asked.substr(space)));
  if (const size_t mark = question.verb.find('@'); mark != std::string::npos) {
    question.at = question.verb.substr(mark + 1);
    question.verb.resize(mark);
  }
  return question;
}

void with_line_ends(std::string& text, std::string_view end) {
  std::string out;
  for (const char c : text) c == '\n' ? out += end : out += c;
  text = std::move(out);
}

}  // namespace

std::vector<std::string> Question::expected_items() const {
  std::vector<std::string> items;
  std::string item;
  size_t depth = 0;
  bool quoted = false;
  for (const char c : expected + ",") {
    if (c == '"') quoted = !quoted;
    if (!quoted && (c == '{' || c == '(')) ++depth;
    if (!quoted && (c == '}' || c == ')') && depth > 0) --depth;
    if (c != ',' || quoted || depth > 0) {
      item += c;
      continue;
    }
    if (const auto trimmed = trim(item); !trimmed.empty()) items.emplace_back(trimmed);
    item.clear();
  }
  if (items == std::vector<std::string>{"nothing"}) items.clear();
  return items;
}

std::vector<Span> MarkedText::spans(const std::string& name) const {
  std::vector<Span> found;
  for (const Mark& mark : marks)
    if (mark.name == name) found.push_back(mark.span);
  if (found.empty()) throw std::runtime_error("no range is called " + name);
  return found;
}

MarkedText read_marked_text(std::string_view text, std::string_view shift) {
  constexpr std::string_view kFile = "//- ", kQuestion = "//? ";
  MarkedText out;
  std::vector<std::pair<std::string, std::string>> files;
  std::string line_end = "\n";
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    const std::string_view line = text.substr(0, end);
    const std::string_view bare = trim(line);
    text.remove_prefix(end);
    if (line.substr(0, kFile.size()) == kFile) {
      std::string_view path = trim(line.substr(kFile.size()));
      if (path.substr(0, 1) == "/") path.remove_prefix(1);
      files.emplace_back(path, "");
    } else if (bare.substr(0, kQuestion.size()) == kQuestion) {
      Question question = read_question(trim(bare.substr(kQuestion.size())));
      if (question.verb == "client" && question.argument == "plain") {
        out.plain_client = true;
      } else if (question.verb == "client") {
        out.client.merge_patch(nlohmann::json::parse(question.argument));
      } else if (question.verb == "lines") {
        line_end = question.argument == "crlf" ? "\r\n" : "\r";
      } else {
        out.questions.push_back(std::move(question));
      }
    } else if (files.empty()) {
      if (bare == "#init git") out.with_git = true;
    } else {
      files.back().second += line;
    }
  }
  for (auto& [path, body] : files) {
    if (line_end != "\n") with_line_ends(body, line_end);
    FileReader(path, body, shift, out).read();
  }
  return out;
}

}  // namespace engramd::test
