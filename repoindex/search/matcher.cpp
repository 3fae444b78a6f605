#include "repoindex/search/matcher.h"

#include <re2/filtered_re2.h>
#include <re2/re2.h>

#include <algorithm>
#include <cstring>

#include "repoindex/facts.h"
#include "repoindex/search/find.h"

namespace engramd::repoindex {

namespace {

constexpr size_t kMaxPattern = 4096;
constexpr size_t kMaxAlternatives = 6;
constexpr size_t kFirstStretch = 4096, kLongestStretch = 1u << 20;
constexpr int64_t kMaxRegexBytes = 32 << 20;  // of RE2's automata, per query

bool is_word(char c) {
  return isalnum(static_cast<unsigned char>(c)) || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

RE2::Options options_of(const TextQuery& query) {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_case_sensitive(!query.ignore_case);
  options.set_never_nl(true);
  options.set_max_mem(kMaxRegexBytes);
  return options;
}

// Literals of which every match must hold one, lower case; none when there are none of use. A
// single one is best, else all of a few alternatives.
std::vector<std::string> required_literals(const std::string& pattern,
                                           const RE2::Options& options) {
  re2::FilteredRE2 filter(3);  // atoms shorter than this are in every second line
  int id = 0;
  if (filter.Add(pattern, options, &id) != RE2::NoError) return {};
  std::vector<std::string> atoms;
  filter.Compile(&atoms);
  std::string best;
  for (size_t without = 0; without < atoms.size() && atoms.size() <= 64; ++without) {
    std::vector<int> others, potentials;
    for (size_t i = 0; i < atoms.size(); ++i) {
      if (i != without) others.push_back(static_cast<int>(i));
    }
    filter.AllPotentials(others, &potentials);
    // Atoms of other letters than ASCII are folded by other rules than ours.
    if (potentials.empty() && atoms[without].size() > best.size() && is_ascii(atoms[without])) {
      best = atoms[without];
    }
  }
  if (!best.empty()) return {best};
  std::vector<int> potentials;
  filter.AllPotentials({}, &potentials);
  const bool need_one = potentials.empty() && !atoms.empty() && atoms.size() <= kMaxAlternatives;
  return need_one && std::all_of(atoms.begin(), atoms.end(), is_ascii) ? atoms
                                                                       : std::vector<std::string>();
}

}  // namespace

struct TextMatcher::Impl {
  std::vector<LiteralFinder> literals;  // the pattern itself, or of which each match must hold one
  std::unique_ptr<RE2> regex;           // null: the one literal is all there is
  bool whole_word = false;              // of a literal; a regex says \b itself

  size_t find_literal(std::string_view text, size_t from) const;

  std::optional<ByteRange> next_literal(std::string_view text, size_t from) const;
  std::optional<ByteRange> next_regex(std::string_view text, size_t from, size_t end) const;
};

TextMatcher::TextMatcher(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
TextMatcher::TextMatcher(TextMatcher&&) noexcept = default;
TextMatcher& TextMatcher::operator=(TextMatcher&&) noexcept = default;
TextMatcher::~TextMatcher() = default;

Result<TextMatcher> TextMatcher::compile(const TextQuery& query) {
  if (query.pattern.empty()) return fail(ErrorCode::invalid_input, "the text to look for is empty");
  if (query.pattern.size() > kMaxPattern) {
    return fail(ErrorCode::invalid_input,
                "the text to look for has " + std::to_string(query.pattern.size()) +
                    " bytes, expected at most " + std::to_string(kMaxPattern));
  }
  auto impl = std::make_unique<Impl>();
  impl->whole_word = query.whole_word;
  // Case folding of other alphabets is RE2's business.
  bool plain = !query.regex && (!query.ignore_case || is_ascii(query.pattern));
  if (plain) {
    impl->literals.emplace_back(query.pattern, query.ignore_case);
    return TextMatcher(std::move(impl));
  }
  std::string pattern = query.regex ? query.pattern : RE2::QuoteMeta(query.pattern);
  if (query.whole_word) pattern = "\\b(?:" + pattern + ")\\b";
  pattern = "(?m)" + pattern;  // ^ and $ are those of lines
  RE2::Options options = options_of(query);
  impl->regex = std::make_unique<RE2>(pattern, options);
  if (!impl->regex->ok()) {
    return fail(ErrorCode::invalid_input,
                "the regular expression cannot be read: " + impl->regex->error());
  }
  for (std::string& literal : required_literals(pattern, options)) {
    impl->literals.emplace_back(std::move(literal), true);  // atoms come in lower case
  }
  return TextMatcher(std::move(impl));
}

// The first of any. Stretch by stretch: a literal that never comes must not be looked for to the
// end of the text at every hit of another.
size_t TextMatcher::Impl::find_literal(std::string_view text, size_t from) const {
  if (literals.size() == 1) return literals.front().find(text, from);
  size_t stretch = kFirstStretch;
  while (from < text.size()) {
    const size_t end = std::min(from + stretch, text.size());
    size_t first = std::string_view::npos;
    for (const LiteralFinder& literal : literals) {
      // It must begin before the end of the stretch, and before what was found already.
      const size_t behind =
          std::min(std::min(end, first) + literal.needle().size() - 1, text.size());
      first = std::min(first, literal.find(text.substr(0, behind), from));
    }
    if (first != std::string_view::npos) return first;
    from = end;
    stretch = std::min(stretch * 2, kLongestStretch);
  }
  return std::string_view::npos;
}

std::optional<ByteRange> TextMatcher::Impl::next_literal(std::string_view text, size_t from) const {
  const LiteralFinder& literal = literals.front();
  const std::string& needle = literal.needle();
  for (size_t at = from;; ++at) {
    at = literal.find(text, at);
    if (at == std::string_view::npos) return std::nullopt;
    size_t end = at + needle.size();
    if (!whole_word) return ByteRange{at, end};
    bool opens = !is_word(needle.front()) || at == 0 || !is_word(text[at - 1]);
    bool closes = !is_word(needle.back()) || end == text.size() || !is_word(text[end]);
    if (opens && closes) return ByteRange{at, end};
  }
}

std::optional<ByteRange> TextMatcher::Impl::next_regex(std::string_view text, size_t from,
                                                       size_t end) const {
  re2::StringPiece whole(text.data(), text.size()), found;
  // Empty matches are no answer: `a*` would match between any two bytes.
  while (from <= end && regex->Match(whole, from, end, RE2::UNANCHORED, &found, 1)) {
    auto begin = static_cast<size_t>(found.data() - text.data());
    if (!found.empty()) return ByteRange{begin, begin + found.size()};
    from = begin + 1;
  }
  return std::nullopt;
}

std::optional<ByteRange> TextMatcher::next(std::string_view text, size_t from) const {
  if (impl_->regex == nullptr) return impl_->next_literal(text, from);
  if (impl_->literals.empty()) return impl_->next_regex(text, from, text.size());
  for (size_t at = from; at <= text.size();) {
    size_t hit = impl_->find_literal(text, at);
    if (hit == std::string_view::npos) return std::nullopt;
    size_t begin = hit == 0 ? std::string_view::npos : text.rfind('\n', hit - 1);
    begin = begin == std::string_view::npos ? 0 : begin + 1;
    size_t end = std::min(text.find('\n', hit), text.size());
    // The match may begin before the literal, but not before what was asked for.
    if (auto found = impl_->next_regex(text.substr(0, end), std::max(begin, from), end))
      return found;
    at = end + 1;
  }
  return std::nullopt;
}

}  // namespace engramd::repoindex
