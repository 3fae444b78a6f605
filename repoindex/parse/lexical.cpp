#include "repoindex/parse/lexical.h"

#include <array>
#include <unordered_map>

#include "repoindex/parse/extract.h"

namespace engramd::repoindex {

namespace {

constexpr size_t kMaxNameBytes = 200;
constexpr size_t kMaxNames = 100'000, kMaxOccurrences = 400'000;
constexpr uint32_t kMaxOfOneName = 32;

enum ByteClass : uint8_t { other, letter, digit };

constexpr std::array<ByteClass, 256> byte_classes() {
  std::array<ByteClass, 256> out{};
  for (unsigned c = 0; c < 256; ++c) {
    bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80;
    out[c] = is_letter ? letter : c >= '0' && c <= '9' ? digit : other;
  }
  return out;
}
constexpr std::array<ByteClass, 256> kClasses = byte_classes();

}  // namespace

void add_lexical_names(const CompiledLanguage& language, std::string_view text, size_t offset,
                       FileFacts& facts) {
  facts.truncated = true;
  struct Known {
    uint32_t id, n;
  };
  std::unordered_map<std::string_view, Known> known;
  for (uint32_t i = 0; i < facts.names.size(); ++i) known.emplace(facts.names[i], Known{i, 0});
  std::vector<std::string_view> fresh;  // facts.names may not grow while views into it are held
  const size_t n_before = facts.names.size();
  const bool dollar = language.row.dollar_in_names;
  auto class_at = [&](size_t i) {
    char c = text[i];
    return dollar && c == '$' ? letter : kClasses[static_cast<unsigned char>(c)];
  };
  for (size_t i = offset; i < text.size();) {
    ByteClass first = class_at(i);
    if (first == other) {
      ++i;
      continue;
    }
    size_t begin = i;
    while (i < text.size() && class_at(i) != other) ++i;
    std::string_view name = text.substr(begin, i - begin);
    // 0xFF and 1e5 are numbers, one letter says nothing, and a "name" of a page is data.
    if (first == digit || name.size() < 2 || name.size() > kMaxNameBytes) continue;
    if (language.keywords.count(name) != 0) continue;
    auto it = known.find(name);
    if (it == known.end()) {
      if (n_before + fresh.size() >= kMaxNames) continue;
      auto id = static_cast<uint32_t>(n_before + fresh.size());
      it = known.emplace(name, Known{id, 0}).first;
      fresh.push_back(name);
    }
    if (it->second.n++ >= kMaxOfOneName) continue;
    if (facts.occurrences.size() >= kMaxOccurrences && it->second.n > 1) continue;
    Occurrence o;
    o.name = it->second.id;
    o.begin = static_cast<uint32_t>(begin);
    o.end = static_cast<uint32_t>(i);
    facts.occurrences.push_back(o);
  }
  facts.names.reserve(n_before + fresh.size());
  for (std::string_view name : fresh) facts.names.emplace_back(name);
}

FileFacts lexical_facts(const CompiledLanguage& language, std::string_view text) {
  FileFacts facts;
  facts.language = language.row.name;
  facts.n_bytes = static_cast<uint32_t>(text.size());
  facts.n_lines = count_lines(text);
  facts.lines = LineMap(text);
  add_lexical_names(language, text, 0, facts);
  return facts;
}

}  // namespace engramd::repoindex
