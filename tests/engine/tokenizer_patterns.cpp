#define PCRE2_CODE_UNIT_WIDTH 8
#include "tests/engine/tokenizer_patterns.h"

#include <pcre2.h>

#include <catch2/catch.hpp>
#include <map>
#include <memory>

#include "base/text.h"

namespace engramd::test {
namespace {

// The models' files are written for engines whose \s is White_Space (PCRE2's lacks U+0085 and has
// U+180E), whose \p{Han} is the script, and
// which know the intersection of sets; PCRE2 needs it said otherwise.
const std::string kWhiteSpace = "\\t-\\r\\x{85}\\p{Z}";

std::string for_pcre2(std::string_view pattern) {
  std::string out;
  int depth = 0;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const std::string_view rest = pattern.substr(i);
    constexpr std::string_view kNotHan = "&&[^\\p{Han}]]";
    if (rest.starts_with(kNotHan)) {
      const size_t open = out.rfind('[');
      out.insert(open, "(?:(?!\\p{sc:Han})");
      out += "])";
      depth = 0;
      i += kNotHan.size() - 1;
    } else if (rest.starts_with("\\p{Han}")) {
      out += "\\p{sc:Han}";
      i += 6;
    } else if (rest.starts_with("\\s")) {
      out += depth > 0 ? kWhiteSpace : "[" + kWhiteSpace + "]";
      ++i;
    } else if (rest.starts_with("\\S")) {
      REQUIRE(depth == 0);
      out += "[^" + kWhiteSpace + "]";
      ++i;
    } else if (pattern[i] == '\\') {
      out += rest.substr(0, 2);
      ++i;
    } else {
      if (pattern[i] == '[' && depth == 0)
        depth = 1;
      else if (pattern[i] == ']')
        depth = 0;
      out += pattern[i];
    }
  }
  return out;
}

}  // namespace

Regex::Regex(std::string_view pattern) {
  const std::string text = for_pcre2(pattern);
  int error = 0;
  PCRE2_SIZE at = 0;
  pcre2_code* code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(),
                                   PCRE2_UTF | PCRE2_UCP, &error, &at, nullptr);
  INFO(text << " at " << at);
  REQUIRE(code != nullptr);
  pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
  code_ = code;
  match_ = pcre2_match_data_create_from_pattern(code, nullptr);
}

Regex::~Regex() {
  pcre2_match_data_free(static_cast<pcre2_match_data*>(match_));
  pcre2_code_free(static_cast<pcre2_code*>(code_));
}

void Regex::cut(std::string_view text, size_t base, std::vector<size_t>& ends) const {
  auto* match = static_cast<pcre2_match_data*>(match_);
  size_t done = 0;
  while (done < text.size()) {
    const int found =
        pcre2_match(static_cast<pcre2_code*>(code_), reinterpret_cast<PCRE2_SPTR>(text.data()),
                    text.size(), done, PCRE2_NO_UTF_CHECK, match, nullptr);
    if (found == PCRE2_ERROR_NOMATCH) break;
    REQUIRE(found >= 0);
    const PCRE2_SIZE* span = pcre2_get_ovector_pointer(match);
    REQUIRE(span[1] > span[0]);
    if (span[0] > done) ends.push_back(base + span[0]);
    ends.push_back(base + span[1]);
    done = span[1];
  }
  if (done < text.size()) ends.push_back(base + text.size());
}

std::vector<size_t> words_by_patterns(const engine::tokenizer::PreTokenizer& row,
                                      std::string_view text) {
  static std::map<std::string, std::unique_ptr<Regex>, std::less<>> compiled;
  // A copy that is UTF-8, and where each of its bytes lies in `text`.
  std::string valid;
  std::vector<size_t> origin;
  for (size_t i = 0; i < text.size();) {
    const size_t length = utf8_length_at(text, i);
    const size_t before = valid.size();
    if (length == 1 && static_cast<unsigned char>(text[i]) >= 0x80)
      valid += "\xEF\xBF\xBD";
    else
      valid += text.substr(i, length);
    origin.resize(origin.size() + valid.size() - before, i);
    i += length;
  }
  origin.push_back(text.size());

  std::vector<size_t> ends;
  if (!valid.empty()) ends.push_back(valid.size());
  for (const std::string_view pattern : row.patterns) {
    auto& regex = compiled[std::string(pattern)];
    if (regex == nullptr) regex = std::make_unique<Regex>(pattern);
    std::vector<size_t> finer;
    size_t begin = 0;
    for (const size_t end : ends) {
      regex->cut(std::string_view(valid).substr(begin, end - begin), begin, finer);
      begin = end;
    }
    ends = std::move(finer);
  }
  for (size_t& end : ends) end = origin[end];
  return ends;
}

}  // namespace engramd::test
