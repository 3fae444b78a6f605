#include "daemon/completion/stop_rules.h"

#include <algorithm>
#include <vector>

#include "base/text.h"

namespace engramd::daemon {
namespace {

constexpr std::string_view kBlank = " \t\r";

std::string_view without_end_blanks(std::string_view text) {
  const size_t last = text.find_last_not_of(kBlank);
  return last == std::string_view::npos ? std::string_view() : text.substr(0, last + 1);
}

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n\f") == std::string_view::npos;
}

// Length of the longest end of `text` that `rest` starts with. Only from a character that is no
// identifier's inside, so that "name" before "e)" is not cut.
size_t overlap(std::string_view text, std::string_view rest) {
  const auto in_word = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           static_cast<unsigned char>(c) >= 0x80;
  };
  for (size_t n = std::min(text.size(), rest.size()); n > 0; --n) {
    const std::string_view end = text.substr(text.size() - n);
    if (!rest.starts_with(end) || is_blank(end)) continue;
    if (n < text.size() && in_word(end[0]) && in_word(text[text.size() - n - 1])) continue;
    return n;
  }
  return 0;
}

}  // namespace

int bracket_balance(std::string_view text) {
  int balance = 0;
  char quote = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote != 0) {
      if (c == '\\')
        ++i;
      else if (c == quote || c == '\n')
        quote = 0;
    } else if (c == '"' || c == '\'' || c == '`') {
      quote = c;
    } else if (c == '(' || c == '[' || c == '{') {
      ++balance;
    } else if (c == ')' || c == ']' || c == '}') {
      --balance;
    }
  }
  return balance;
}

size_t indent_of(std::string_view line) {
  size_t columns = 0;
  for (const char c : line) {
    if (c == ' ')
      ++columns;
    else if (c == '\t')
      columns += 8 - columns % 8;
    else
      break;
  }
  return columns;
}

StopRules::StopRules(std::string_view before, std::string_view after, const StopSettings& settings)
    : settings_(settings) {
  settings_.max_lines = std::max<size_t>(settings_.max_lines, 1);
  const size_t line_begin = before.rfind('\n') + 1;  // npos + 1 is 0
  const std::string_view left = before.substr(line_begin);
  indent_ = indent_of(left);
  line_is_blank_ = is_blank(left);
  const size_t line_end = after.find('\n');
  rest_ = without_end_blanks(after.substr(0, line_end));
  if (line_end != std::string_view::npos) {
    for (const std::string_view line : split_lines(after.substr(line_end + 1, 4096))) {
      if (is_blank(line)) continue;
      next_line_ = without_end_blanks(line);
      break;
    }
  }
  const std::string_view said = without_end_blanks(left);
  opens_block_ = is_blank(rest_) && !said.empty() &&
                 std::string_view(":{([,").find(said.back()) != std::string_view::npos;
}

// How many lines this text may have. Typing gets one, or more while a bracket that the suggestion
// itself opened is open; text right of the cursor never gets pushed apart by a new line.
size_t StopRules::line_limit(std::string_view generated) const {
  if (!is_blank(rest_) && rest_.find_first_not_of(")]}\"';:,") != std::string_view::npos) return 1;
  if (settings_.invoked || settings_.judged) return settings_.max_lines;
  return bracket_balance(generated) > 0 && is_blank(rest_) ? settings_.max_lines : 1;
}

bool StopRules::done(std::string_view generated) const {
  const std::string_view said = without_end_blanks(generated);
  if (!is_blank(rest_) && said.size() >= rest_.size() && said.ends_with(rest_) &&
      bracket_balance(said.substr(0, said.size() - rest_.size())) == 0)
    return true;
  // A first line end right at the cursor opens the line below and does not count.
  std::string_view text = generated;
  if (opens_block_ || settings_.invoked) {
    const size_t first = text.find_first_not_of(kBlank);
    if (first != std::string_view::npos && text[first] == '\n') text.remove_prefix(first + 1);
  }
  size_t n_lines = 0, line_begin = 0;
  for (size_t end = text.find('\n'); end != std::string_view::npos;
       end = text.find('\n', line_begin)) {
    ++n_lines;
    const std::string_view line = without_end_blanks(text.substr(line_begin, end - line_begin));
    const bool whole_line = line_begin > 0 || text.size() < generated.size();
    if (whole_line && !is_blank(line) && (line == next_line_ || indent_of(line) < indent_))
      return true;
    line_begin = end + 1;
    if (n_lines >= line_limit(text.substr(0, end))) return true;
  }
  return false;
}

std::string StopRules::trimmed(std::string_view generated) const {
  // Line by line: the cursor's line, then whole lines below it.
  std::vector<std::string_view> kept;
  size_t limit = 1, begin = 0;
  bool starts_below = false;
  for (;;) {
    const size_t end = std::min(generated.find('\n', begin), generated.size());
    const std::string_view line = without_end_blanks(generated.substr(begin, end - begin));
    if (kept.empty()) {
      starts_below = is_blank(line) && (opens_block_ || settings_.invoked) && is_blank(rest_);
      limit = starts_below ? 2 : 1;
      if (line_is_blank_ && !line.empty() && without_end_blanks(trim(line)) == trim(next_line_))
        return {};  // the line below says it already
    } else {
      if (kept.size() >=
          std::max(limit, line_limit(generated.substr(0, begin)) + (starts_below ? 1 : 0)))
        break;
      if (!is_blank(line) && (line == next_line_ || indent_of(line) < indent_)) break;
    }
    kept.push_back(line);
    if (end == generated.size()) break;
    begin = end + 1;
  }
  while (kept.size() > 1 && is_blank(kept.back())) kept.pop_back();
  std::string text;
  for (size_t i = 0; i < kept.size(); ++i) {
    if (i > 0) text += '\n';
    text += kept[i];
  }
  if (kept.size() == 1) text.resize(text.size() - overlap(text, rest_));
  return is_blank(text) ? std::string() : text;
}

}  // namespace engramd::daemon
