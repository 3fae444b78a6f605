#include "engine/tokenizer/character_classes.h"

#include <array>
#include <utility>
#include <vector>

namespace engramd::engine::tokenizer {
namespace {

constexpr char32_t kEnd = 0x110000;
constexpr char32_t kPage = 256;

// Two stages: most pages of 256 code points are all alike and share one copy.
struct ClassTable {
  std::array<uint16_t, kEnd / kPage> page{};
  std::vector<std::array<CharacterFlags, kPage>> pages{1};

  ClassTable() {
    for (const CodePointRange& range : character_ranges())
      for (char32_t c = range.first; c <= range.last && c < kEnd;) {
        const char32_t page_end = (c / kPage + 1) * kPage;
        if (c % kPage == 0 && range.last >= page_end - 1) {
          page[c / kPage] = full_page(range.flags);
          c = page_end;
          continue;
        }
        uint16_t& index = page[c / kPage];
        if (index == 0) {
          index = static_cast<uint16_t>(pages.size());
          pages.emplace_back();
        }
        pages[index][c % kPage] = range.flags;
        ++c;
      }
  }

  uint16_t full_page(CharacterFlags flags) {
    for (const auto& [known, index] : full_)
      if (known == flags) return index;
    full_.emplace_back(flags, static_cast<uint16_t>(pages.size()));
    pages.emplace_back().fill(flags);
    return full_.back().second;
  }

 private:
  std::vector<std::pair<CharacterFlags, uint16_t>> full_;
};

}  // namespace

CharacterFlags character_flags(char32_t code_point) {
  if (code_point < 128) return kAsciiFlags[code_point];
  if (code_point >= kEnd) return 0;
  static const ClassTable table;
  return table.pages[table.page[code_point / kPage]][code_point % kPage];
}

}  // namespace engramd::engine::tokenizer
