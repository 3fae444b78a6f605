// tests/fuzz/mutate.h - damaged source texts, and what must be true of the facts of any text.
// Deterministic: a seed gives the same texts everywhere. One thread.
#pragma once

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "repoindex/facts.h"
#include "repoindex/store/record.h"

namespace engramd::test {

class Mutator {
 public:
  explicit Mutator(uint32_t seed) : random_(seed) {}

  size_t below(size_t n) { return n == 0 ? 0 : random_() % n; }

  // One to eight damages, one after the other; other is a text to splice from.
  std::string mutated(std::string text, std::string_view other) {
    size_t n = 1 + below(8);
    for (size_t i = 0; i < n; ++i) damage(text, other);
    if (text.size() > kMaxBytes) text.resize(kMaxBytes);
    return text;
  }

 private:
  static constexpr size_t kMaxBytes = 1u << 16;

  ByteRange part_of(std::string_view text, size_t longest) {
    size_t begin = below(text.size() + 1);
    return {begin, begin + below(std::min(longest, text.size() - begin) + 1)};
  }

  void damage(std::string& text, std::string_view other) {
    static constexpr std::string_view kPieces[] = {"(",
                                                   ")",
                                                   "[",
                                                   "]",
                                                   "{",
                                                   "}",
                                                   "<",
                                                   ">",
                                                   "\"",
                                                   "'",
                                                   "`",
                                                   "/*",
                                                   "*/",
                                                   "//",
                                                   "#",
                                                   "\n",
                                                   "\r",
                                                   "\r\n",
                                                   "\\",
                                                   "\t",
                                                   ";",
                                                   ":",
                                                   "::",
                                                   ",",
                                                   "=",
                                                   "=>",
                                                   "->",
                                                   ".",
                                                   "@",
                                                   "$",
                                                   "\"\"\"",
                                                   "<<EOF\n",
                                                   "#if 0\n",
                                                   "#endif\n",
                                                   "#define X \\\n",
                                                   "\xEF\xBB\xBF",
                                                   "\xFF",
                                                   "\xC3",
                                                   "é",
                                                   "　"};
    switch (below(10)) {
      case 0:  // flip bits of a few bytes
        for (size_t k = 0; k < 1 + below(6) && !text.empty(); ++k) {
          text[below(text.size())] ^= static_cast<char>(1u << below(8));
        }
        break;
      case 1:  // any byte, zero too
        if (!text.empty()) text[below(text.size())] = static_cast<char>(below(256));
        break;
      case 2: {
        ByteRange r = part_of(text, 200);
        text.erase(r.begin, r.size());
        break;
      }
      case 3: {  // the same again, here or elsewhere
        ByteRange r = part_of(text, 300);
        text.insert(below(text.size() + 1), text.substr(r.begin, r.size()));
        break;
      }
      case 4: {
        ByteRange r = part_of(other, 600);
        text.insert(below(text.size() + 1), other.substr(r.begin, r.size()));
        break;
      }
      case 5:
        text.resize(below(text.size() + 1));
        break;
      case 6: {  // deep: one piece many times
        std::string_view piece = kPieces[below(std::size(kPieces))];
        std::string deep;
        for (size_t k = 0; k < below(2000); ++k) deep += piece;
        text.insert(below(text.size() + 1), deep);
        break;
      }
      case 7: {  // two parts change places
        ByteRange r = part_of(text, 300);
        std::string cut = text.substr(r.begin, r.size());
        text.erase(r.begin, r.size());
        text.insert(below(text.size() + 1), cut);
        break;
      }
      case 8: {  // deep: a line of the text many times, nested by what it opens
        ByteRange r = part_of(text, 40);
        std::string piece = text.substr(r.begin, r.size()), deep;
        for (size_t k = 0; k < below(400); ++k) deep += piece;
        text.insert(below(text.size() + 1), deep);
        break;
      }
      default:
        for (size_t k = 0; k < 1 + below(4); ++k) {
          text.insert(below(text.size() + 1), kPieces[below(std::size(kPieces))]);
        }
    }
  }

  std::mt19937 random_;
};

// Empty when all is as it must be, else what is not.
inline std::string broken_rule(const repoindex::FileFacts& facts, std::string_view text) {
  using repoindex::kNone;
  auto at = [](const char* rule, size_t i) {
    return std::string(rule) + " at " + std::to_string(i);
  };
  if (facts.n_bytes != text.size()) return "n_bytes is not the size";
  std::set<std::string_view> distinct(facts.names.begin(), facts.names.end());
  if (distinct.size() != facts.names.size()) return "a name comes twice";
  for (size_t i = 0; i < facts.symbols.size(); ++i) {
    const repoindex::Symbol& s = facts.symbols[i];
    if (s.name.empty()) return at("a symbol without a name", i);
    if (s.parent != kNone && s.parent >= i) return at("a parent after its child", i);
    if (s.begin > s.name_begin || s.name_begin > s.name_end || s.name_end > s.end ||
        s.end > text.size()) {
      return at("a symbol's ranges", i) + ": " + s.name + " " + std::to_string(s.begin) + "-" +
             std::to_string(s.end) + ", name " + std::to_string(s.name_begin) + "-" +
             std::to_string(s.name_end);
    }
    if (s.signature.size() > 500 || s.doc.size() > 2000) return at("an uncapped text", i);
    if (!utf8_valid(s.signature) || !utf8_valid(s.doc)) return at("broken UTF-8", i);
  }
  for (size_t i = 0; i < facts.occurrences.size(); ++i) {
    const repoindex::Occurrence& o = facts.occurrences[i];
    if (o.begin >= o.end || o.end > text.size()) return at("an occurrence's range", i);
    if (i > 0 && facts.occurrences[i - 1].begin > o.begin) return at("unsorted occurrences", i);
    if (o.name >= facts.names.size()) return at("an occurrence's name", i);
    if (o.receiver != kNone && o.receiver >= facts.names.size()) return at("a receiver", i);
    if (o.scope != kNone && o.scope >= facts.symbols.size()) return at("a scope", i);
  }
  for (size_t i = 0; i < facts.imports.size(); ++i) {
    const repoindex::Import& import = facts.imports[i];
    if (import.begin > import.end || import.end > text.size()) return at("an import's range", i);
  }
  std::string record = repoindex::encode_facts(facts);
  auto back = repoindex::decode_facts(record);
  if (!back) return "a record that cannot be read back: " + back.error().message;
  if (repoindex::encode_facts(**back) != record) return "a record that changes on the way";
  return {};
}

}  // namespace engramd::test
