#include "repoindex/search/matcher.h"

#include <re2/filtered_re2.h>
#include <re2/re2.h>

#include <algorithm>
#include <cstring>

#include "repoindex/search/find.h"

namespace engramd::repoindex {

namespace {

constexpr size_t kMaxPattern = 4096;
constexpr int64_t kMaxRegexBytes = 32 << 20;  // of RE2's automata, per query

bool is_word(char c) {
  return isalnum(static_cast<unsigned char>(c)) || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

RE2::Options options_of(const TextQuery& query) {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_case_sensitive(!query.ignore_case);
  options.set_never_nl(true);
  options.set_max_mem(kMaxRegexBytes);
  return options;
}

// A literal that every match must hold, lower case; empty when there is none of use.
std::string required_literal(const std::string& pattern, const RE2::Options& options) {
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
  return best;
}

}  // namespace

struct TextMatcher::Impl {
  std::optional<LiteralFinder> literal;  // the pattern itself, or what each match must hold
  std::unique_ptr<RE2> regex;            // null: the literal is all there is
  bool whole_word = false;               // of a literal; a regex says \b itself

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
    impl->literal.emplace(query.pattern, query.ignore_case);
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
  if (std::string literal = required_literal(pattern, options); !literal.empty()) {
    impl->literal.emplace(std::move(literal), true);  // atoms come in lower case
  }
  return TextMatcher(std::move(impl));
}

std::optional<ByteRange> TextMatcher::Impl::next_literal(std::string_view text, size_t from) const {
  const std::string& needle = literal->needle();
  for (size_t at = from;; ++at) {
    at = literal->find(text, at);
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
  if (!impl_->literal) return impl_->next_regex(text, from, text.size());
  for (size_t at = from; at <= text.size();) {
    size_t hit = impl_->literal->find(text, at);
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
