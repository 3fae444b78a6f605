// What is read of a file for the uses of one name: the same as in its whole facts, and what was
// left out is told.
#include <algorithm>
#include <catch2/catch.hpp>
#include <random>

#include "base/file.h"
#include "repoindex/index.h"
#include "repoindex/store/record.h"
#include "tests/support/workspace.h"

using namespace engramd;
using namespace engramd::repoindex;

namespace {

struct Stored {
  FactsParts parts;
  FileFactsPtr facts;  // keeps the names alive
  std::string outline, uses, places;
  std::vector<uint32_t> sizes;

  explicit Stored(FileFactsPtr of) : parts(split_facts(*of)), facts(std::move(of)) {
    outline = packed_outline(parts);
    uses = packed_uses(parts);
    auto unpacked = unpack_places(uses);
    REQUIRE(unpacked);
    places = *unpacked;
    for (std::string_view name : parts.names) sizes.push_back(static_cast<uint32_t>(name.size()));
  }
  Result<FileFactsPtr> around(uint32_t name) const {
    return unpack_around(outline, uses, places, name, sizes,
                         [&](uint32_t n) { return parts.names[n]; });
  }
};

bool same_symbols(const FileFacts& a, const FileFacts& b) {
  return std::equal(a.symbols.begin(), a.symbols.end(), b.symbols.begin(), b.symbols.end(),
                    [](const Symbol& x, const Symbol& y) {
                      return x.name == y.name && x.kind == y.kind && x.begin == y.begin &&
                             x.end == y.end && x.name_begin == y.name_begin &&
                             x.name_end == y.name_end && x.parent == y.parent &&
                             x.local == y.local && x.qualifier == y.qualifier &&
                             x.type_name == y.type_name && x.bases == y.bases &&
                             x.is_declaration == y.is_declaration && x.inside_only == y.inside_only;
                    });
}

bool same_imports(const FileFacts& a, const FileFacts& b) {
  return std::equal(a.imports.begin(), a.imports.end(), b.imports.begin(), b.imports.end(),
                    [](const Import& x, const Import& y) {
                      return x.target == y.target && x.name == y.name && x.alias == y.alias &&
                             x.begin == y.begin && x.end == y.end && x.level == y.level;
                    });
}

// The occurrences of `part` are those of `whole`, each use of the name is there, and where some are
// missing there is a gap.
void check_occurrences(const FileFacts& part, const FileFacts& whole, std::string_view name) {
  auto text = [](const FileFacts& f, uint32_t i) { return i == kNone ? "" : f.names[i]; };
  size_t w = 0, n_uses = 0, n_wrong = 0;
  for (size_t i = 0; i <= part.occurrences.size(); ++i) {
    const Occurrence* o = i < part.occurrences.size() ? &part.occurrences[i] : nullptr;
    size_t from = w;
    while (w < whole.occurrences.size() &&
           (o == nullptr || whole.occurrences[w].begin != o->begin ||
            whole.occurrences[w].end != o->end || whole.occurrences[w].role != o->role)) {
      n_wrong += text(whole, whole.occurrences[w].name) == name ? 1 : 0;  // a use is left out
      ++w;
    }
    const bool gap = std::binary_search(part.gaps.begin(), part.gaps.end(), i);
    n_wrong += gap != (w > from) ? 1 : 0;
    if (o == nullptr) break;
    REQUIRE(w < whole.occurrences.size());
    const Occurrence& there = whole.occurrences[w++];
    const bool same = text(part, o->name) == text(whole, there.name) && o->scope == there.scope &&
                      (o->receiver == kNone) == (there.receiver == kNone) &&
                      text(part, o->receiver) == text(whole, there.receiver) &&
                      part.lines.position(o->begin) == whole.lines.position(o->begin) &&
                      part.lines.position(o->end) == whole.lines.position(o->end);
    n_wrong += same ? 0 : 1;
    n_uses += text(part, o->name) == name ? 1 : 0;
  }
  CHECK(n_wrong == 0);
  CHECK(n_uses > 0);
}

}  // namespace

TEST_CASE("around: the uses of each name come with all symbols and what stands around them") {
  size_t n_files = 0, n_left_out = 0;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(engramd::test::fixtures() / "languages")) {
    if (!entry.is_regular_file()) continue;
    auto text = read_file(entry.path());
    REQUIRE(text);
    Stored stored(extract_facts(entry.path().filename().string(), *text));
    if (stored.facts->language.empty()) continue;
    INFO(entry.path().string());
    std::vector<bool> occurs(stored.parts.names.size());
    for (const Occurrence& o : stored.facts->occurrences) {
      auto at = std::lower_bound(stored.parts.names.begin(), stored.parts.names.end(),
                                 stored.facts->names[o.name]);
      occurs[static_cast<size_t>(at - stored.parts.names.begin())] = true;
    }
    for (uint32_t n = 0; n < occurs.size(); ++n) {
      if (!occurs[n]) continue;
      INFO(stored.parts.names[n]);
      auto part = stored.around(n);
      REQUIRE(part);
      CHECK((*part)->partial);
      CHECK((*part)->language == stored.facts->language);
      CHECK(same_symbols(**part, *stored.facts));
      CHECK(same_imports(**part, *stored.facts));
      check_occurrences(**part, *stored.facts, stored.parts.names[n]);
      n_left_out += stored.facts->occurrences.size() - (*part)->occurrences.size();
    }
    ++n_files;
  }
  CHECK(n_files > 20);
  CHECK(n_left_out > 10000);
}

TEST_CASE("around: damaged places are an error or other facts, nothing worse") {
  const std::string text =
      "import os\nclass A(B):\n  def f(self, x):\n    y = g(x)\n    return y.f(x=self.f)\n";
  const Stored sound(extract_facts("a.py", text));
  std::mt19937 random(5);
  for (int round = 0; round < 3000; ++round) {
    Stored damaged = sound;
    for (unsigned n = 1 + random() % 3; n > 0; --n) {
      damaged.places[random() % damaged.places.size()] = static_cast<char>(random());
    }
    auto part = damaged.around(random() % static_cast<unsigned>(damaged.sizes.size()));
    if (!part) continue;
    for (const Occurrence& o : (*part)->occurrences) {
      CHECK(o.end <= (*part)->n_bytes);
      CHECK(o.name < (*part)->names.size());
      const bool named = o.receiver == kNone || o.receiver < (*part)->names.size();
      CHECK(named);
      const bool scoped = o.scope == kNone || o.scope < (*part)->symbols.size();
      CHECK(scoped);
    }
  }
}
