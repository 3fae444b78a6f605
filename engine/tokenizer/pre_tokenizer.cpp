#include "engine/tokenizer/pre_tokenizer.h"

#include <algorithm>
#include <array>
#include <utility>

#include "engine/tokenizer/deepseek_scanners.h"
#include "engine/tokenizer/scanner.h"

namespace engramd::engine::tokenizer {
namespace {

// (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?W+|\p{N}{1,kDigits}| ?[^\s\p{N}W]+[\r\n]*
// |\s*[\r\n]+|\s+(?!\S)|\s+ where W is \p{L} and what kWord adds to it
template <int kDigits, CharacterFlags kWord = kLetter>
size_t next_of_qwen_and_llama(std::string_view text, size_t begin) {
  const WholeText source{text};
  if (const size_t n = contraction(source, begin, true)) return begin + n;
  const Character first = source.at(begin);
  if (first.is(kWord)) return skip(source, begin + first.length, kWord);
  if (first.is(kNumber)) return skip_numbers(source, begin, kDigits);
  const Character second = source.at(begin + first.length);
  if (!first.is_line_end() && second.is(kWord)) return skip(source, begin + first.length, kWord);

  constexpr CharacterFlags kNoSymbol = kSpace | kNumber | kWord;
  const bool space_before_symbol = first.code == ' ' && second.length != 0 && !second.is(kNoSymbol);
  if (!first.is(kNoSymbol) || space_before_symbol)
    return skip_line_ends(source, skip_others(source, begin + first.length, kNoSymbol));
  return spaces_with_line_ends(source, begin);
}

// The ends of the two ways to read a word of the o200k patterns at `begin`, 0 where there is none:
//   first   [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+
//   second  [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*
// A run of the upper set that no Ll follows can still end in the first way, after the last of its
// characters that is in both sets: that is as far as the regular expression gives back.
template <CharacterFlags kExcluded>
std::pair<size_t, size_t> cased_word(const WholeText& source, size_t begin) {
  constexpr CharacterFlags kBoth = kOtherLetter | kMark;
  size_t end = begin, past_both = 0;
  Character c = source.at(end);
  while (c.is(kUpper | kBoth) && !c.is(kExcluded)) {
    end += c.length;
    if (c.is(kBoth)) past_both = end;
    c = source.at(end);
  }
  if (!c.is(kLower)) return {past_both, end > begin ? end : 0};
  while (c.is(kLower | kBoth) && !c.is(kExcluded)) {
    end += c.length;
    c = source.at(end);
  }
  return {end, 0};
}

struct O200k {
  int digits = 3;
  bool contractions = true;
  bool slash_after_line_end = true;
  bool han_apart = false;
};
// [^\r\n\p{L}\p{N}]?(a word of the first way)C?|[^\r\n\p{L}\p{N}]?(of the second way)C?
// |\p{N}{1,digits}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+ where C is a contraction;
// with han_apart a run of \p{Han} comes before all of them and is in no other word.
template <O200k kVariant>
size_t next_of_o200k(std::string_view text, size_t begin) {
  constexpr CharacterFlags kExcluded = kVariant.han_apart ? kHan : CharacterFlags{0};
  const WholeText source{text};
  const Character first = source.at(begin);
  if (first.is(kExcluded)) return skip(source, begin, kHan);
  if (first.is(kNumber)) return skip_numbers(source, begin, kVariant.digits);

  const bool may_lead = !first.is(kLetter) && !first.is_line_end();
  const auto with_lead = may_lead ? cased_word<kExcluded>(source, begin + first.length)
                                  : std::pair<size_t, size_t>{0, 0};
  // A mark may lead and may start the word.
  const auto without = first.is(kLetter | kMark) ? cased_word<kExcluded>(source, begin) : with_lead;
  for (const size_t end : {with_lead.first, without.first, with_lead.second, without.second})
    if (end != 0) return kVariant.contractions ? end + contraction(source, end, true) : end;

  constexpr CharacterFlags kNoSymbol = kSpace | kNumber | kLetter;
  const Character second = source.at(begin + first.length);
  const bool space_before_symbol = first.code == ' ' && second.length != 0 && !second.is(kNoSymbol);
  if (!first.is(kNoSymbol) || space_before_symbol) {
    size_t end = skip_others(source, begin + first.length, kNoSymbol);
    for (;;) {
      const char32_t c = source.at(end).code;
      if (c != '\r' && c != '\n' && !(kVariant.slash_after_line_end && c == '/')) return end;
      ++end;
    }
  }
  return spaces_with_line_ends(source, begin);
}

// 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
size_t next_of_gpt2(std::string_view text, size_t begin) {
  const WholeText source{text};
  if (const size_t n = contraction(source, begin, false)) return begin + n;
  const Character first = source.at(begin);
  const Character word = first.code == ' ' ? source.at(begin + 1) : first;
  if (word.length == 0 || word.is(kSpace)) return spaces(source, begin);
  for (const CharacterFlags kind : {kLetter, kNumber})
    if (word.is(kind)) return skip(source, begin + first.length, kind);
  return skip_others(source, begin + first.length, kSpace | kLetter | kNumber);
}

constexpr std::string_view kQwen2Patterns[] = {
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"};
constexpr std::string_view kQwen35Patterns[] = {
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"};
constexpr std::string_view kLlamaPatterns[] = {
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"};
constexpr std::string_view kGpt4oPatterns[] = {
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)"};
constexpr std::string_view kTekkenPatterns[] = {
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)"};
constexpr std::string_view kKimiPatterns[] = {
    R"([\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"};
constexpr std::string_view kGpt2Patterns[] = {
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)"};

constexpr auto kLlama = next_of_qwen_and_llama<3>;
// Where two rows have one pattern, the first is what a tokenizer.json is taken for.
constexpr PreTokenizer kRows[] = {
    {"qwen2", kQwen2Patterns, next_of_qwen_and_llama<1>},
    {"qwen35", kQwen35Patterns, next_of_qwen_and_llama<1, kLetter | kMark>},
    {"deepseek-v3", kDeepseekV3Patterns, next_of_deepseek_v3},
    {"deepseek-coder", kDeepseekCoderPatterns, next_of_deepseek_coder},
    {"gpt-4o", kGpt4oPatterns, next_of_o200k<O200k{}>},
    {"glm4", kLlamaPatterns, kLlama},
    {"llama-bpe", kLlamaPatterns, kLlama, true},
    {"kimi-k2", kKimiPatterns,
     next_of_o200k<O200k{.slash_after_line_end = false, .han_apart = true}>, true, true},
    {"tekken", kTekkenPatterns, next_of_o200k<O200k{.digits = 1, .contractions = false}>, true},
    {"gpt-2", kGpt2Patterns, next_of_gpt2},
};
constexpr std::pair<std::string_view, std::string_view> kOtherNames[] = {
    {"deepseek-r1-qwen", "qwen2"}, {"megrez", "qwen2"},     {"stablelm2", "qwen2"},
    {"joyai-llm", "deepseek-v3"},  {"chatglm-bpe", "glm4"}, {"llama3", "llama-bpe"},
    {"llama-v3", "llama-bpe"},     {"llama4", "gpt-4o"},    {"minimax-m2", "gpt-4o"},
};

}  // namespace

const PreTokenizer* find_pre_tokenizer(std::string_view name) {
  for (const auto& [other, row] : kOtherNames)
    if (other == name) name = row;
  for (const PreTokenizer& row : kRows)
    if (row.name == name) return &row;
  return nullptr;
}

const PreTokenizer* find_pre_tokenizer(std::span<const std::string> patterns) {
  for (const PreTokenizer& row : kRows)
    if (std::equal(row.patterns.begin(), row.patterns.end(), patterns.begin(), patterns.end()))
      return &row;
  return nullptr;
}

std::span<const PreTokenizer> pre_tokenizers() {
  return kRows;
}

std::string pre_tokenizer_names() {
  std::string names;
  for (const PreTokenizer& row : kRows) {
    if (!names.empty()) names += ", ";
    names += row.name;
  }
  return names;
}

}  // namespace engramd::engine::tokenizer
