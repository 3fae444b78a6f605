#include "repoindex/syntax/selection.h"

#include <algorithm>

#include "repoindex/languages/language.h"

namespace engramd::repoindex {

namespace {

// Editors read the answer as one object inside the other.
constexpr size_t kMaxSteps = 200;

bool is_word(char c) {
  const auto u = static_cast<unsigned char>(c);
  return isalnum(u) || c == '_' || c == '$' || u >= 0x80;
}
bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' || c == '\v';
}

class Steps {
 public:
  Steps(const SyntaxFile& file, size_t offset) : text_(*file.text), offset_(offset) {}

  void add(size_t begin, size_t end) {
    end = std::min(end, text_.size());
    if (begin > offset_ || end < offset_ || begin >= end || out_.size() >= kMaxSteps) return;
    if (!out_.empty()) {
      const ByteRange& last = out_.back();
      if (begin > last.begin || end < last.end || end - begin == last.size()) return;
    }
    out_.push_back({begin, end});
  }
  void add_trimmed(size_t begin, size_t end) {
    end = std::min(end, text_.size());
    while (begin < end && is_space(text_[begin])) ++begin;
    while (end > begin && is_space(text_[end - 1])) --end;
    add(begin, end);
  }
  std::vector<ByteRange> take() { return std::move(out_); }

 private:
  const std::string_view text_;
  const size_t offset_;
  std::vector<ByteRange> out_;
};

bool is_bracket_pair(std::string_view open, std::string_view close) {
  if (close.size() != 1 || open.empty()) return false;
  const char o = open.back(), c = close[0];
  return (o == '(' && c == ')') || (o == '[' && c == ']') || (o == '{' && c == '}') ||
         (o == '<' && c == '>');
}

// Between the quotes of a literal: where they end and begin.
bool quotes_of(std::string_view literal, size_t* head, size_t* tail) {
  size_t prefix = 0;  // r"", f'', L""
  while (prefix < literal.size() && prefix < 3 &&
         isalpha(static_cast<unsigned char>(literal[prefix])))
    ++prefix;
  for (std::string_view quote : {"\"\"\"", "'''", "\"", "'", "`"}) {
    if (literal.substr(prefix, quote.size()) != quote) continue;
    if (literal.size() < prefix + 2 * quote.size()) return false;
    if (literal.substr(literal.size() - quote.size()) != quote) return false;
    *head = prefix + quote.size();
    *tail = quote.size();
    return true;
  }
  return false;
}

}  // namespace

std::vector<ByteRange> selection_steps(const SyntaxFile& file, size_t offset) {
  const std::string_view text = *file.text;
  offset = std::min(offset, text.size());
  Steps steps(file, offset);
  // The token that ends here, when none begins here.
  size_t probe = offset;
  const bool on_word = offset < text.size() && is_word(text[offset]);
  if (!on_word && offset > 0 && (is_word(text[offset - 1]) || offset == text.size()))
    probe = offset - 1;
  size_t begin = offset, end = offset;
  while (begin > 0 && is_word(text[begin - 1])) --begin;
  while (end < text.size() && is_word(text[end])) ++end;
  steps.add(begin, end);

  const uint32_t line = file.line_of(offset);
  const ByteRange line_range = file.lines->line_range(line, text);
  if (file.tree == nullptr) {
    steps.add_trimmed(line_range.begin, line_range.end);
    steps.add(0, text.size());
    return steps.take();
  }
  std::vector<SyntaxNode> path = file.tree->path_to(static_cast<uint32_t>(probe));
  for (auto node = path.rbegin(); node != path.rend(); ++node) {
    const std::string_view own = node->text(text);
    if (file.language != nullptr && contains_kind(file.language->comments, node->kind())) {
      // One line of a long comment before all of it.
      steps.add_trimmed(std::max<size_t>(line_range.begin, node->begin()),
                        std::min<size_t>(line_range.end, node->end()));
    }
    const uint32_t n = node->child_count();
    size_t head = 0, tail = 0;
    if (n >= 2) {
      const SyntaxNode first = node->child(0), last = node->child(n - 1);
      if (is_bracket_pair(first.text(text), last.text(text)) ||
          (first.text(text) == last.text(text) && first.text(text).size() <= 3 &&
           !first.is_named() && n == 3)) {
        steps.add_trimmed(first.end(), last.begin());
      }
    }
    if (quotes_of(own, &head, &tail)) steps.add(node->begin() + head, node->end() - tail);
    steps.add_trimmed(node->begin(), node->end());
    steps.add(node->begin(), node->end());
  }
  steps.add(0, text.size());
  std::vector<ByteRange> out = steps.take();
  if (out.size() == kMaxSteps) out.push_back({0, text.size()});
  return out;
}

}  // namespace engramd::repoindex
