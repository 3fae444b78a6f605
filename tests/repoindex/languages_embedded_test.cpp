// Text in another language inside a file, and the bounds of data languages.
#include <algorithm>
#include <catch2/catch.hpp>
#include <set>

#include "repoindex/index.h"
#include "repoindex/languages/language.h"
#include "repoindex/parse/extract.h"

using namespace engramd;
using namespace engramd::repoindex;

namespace {

const Symbol* symbol(const FileFacts& facts, std::string_view name) {
  for (const Symbol& s : facts.symbols) {
    if (s.name == name) return &s;
  }
  return nullptr;
}

void check_names_lie_in_the_text(const FileFacts& facts, std::string_view text) {
  for (const Symbol& s : facts.symbols) {
    INFO(s.name);
    CHECK(text.substr(s.name_begin, s.name_end - s.name_begin) == s.name);
  }
  for (const Occurrence& o : facts.occurrences) {
    CHECK(text.substr(o.begin, o.end - o.begin) == facts.names[o.name]);
  }
  CHECK(std::is_sorted(facts.occurrences.begin(), facts.occurrences.end(),
                       [](const auto& a, const auto& b) { return a.begin < b.begin; }));
}

}  // namespace

TEST_CASE("a script in a page is indexed at the page's offsets") {
  const std::string text = R"x(<p class="note">ü</p>
<script>
function draw(x) { return x; }
</script>
<button onclick="draw(1)">go</button>
)x";
  auto facts = extract_facts("index.html", text);
  check_names_lie_in_the_text(*facts, text);
  const Symbol* draw = symbol(*facts, "draw");
  REQUIRE(draw != nullptr);
  CHECK(draw->kind == SymbolKind::function);
  CHECK(draw->parent == kNone);
  CHECK_FALSE(draw->local);
  bool called = std::any_of(
      facts->occurrences.begin(), facts->occurrences.end(),
      [&](const Occurrence& o) { return facts->names[o.name] == "draw" && o.role == Role::call; });
  CHECK(called);
}

TEST_CASE("code in a quotation of a document loses its marks, and is no part of the program") {
  const std::string text =
      "# Use\n\n> ```python\n> class Shelf:\n>     def put(self, book):\n>         pass\n> ```\n";
  auto facts = extract_facts("README.md", text);
  check_names_lie_in_the_text(*facts, text);
  const Symbol* put = symbol(*facts, "put");
  REQUIRE(put != nullptr);
  CHECK(put->local);
  REQUIRE(put->parent != kNone);
  CHECK(facts->symbols[put->parent].name == "Shelf");
  REQUIRE(facts->symbols[put->parent].parent != kNone);
  CHECK(facts->symbols[facts->symbols[put->parent].parent].name == "Use");
}

TEST_CASE("languages inside languages inside languages end") {
  std::string text = "# Top\n\n<div>\n<script>\nfunction inner() {}\n</script>\n</div>\n";
  auto facts = extract_facts("a.md", text);
  check_names_lie_in_the_text(*facts, text);
  CHECK(symbol(*facts, "inner") != nullptr);
  // A document that quotes a document that quotes …: only so deep.
  std::string nested = "x = 1\n";
  std::string fence = "```";
  for (int i = 0; i < 12; ++i) {
    nested = fence + (i == 0 ? "python" : "html") + "\n" + nested + fence + "\n";
    fence += "`";
  }
  CHECK(extract_facts("b.md", nested)->n_bytes == nested.size());
}

TEST_CASE("a lockfile of a megabyte does not drown the symbols of a repository") {
  std::string text = "{\n";
  for (int i = 0; text.size() < 1'000'000; ++i) {
    text += "  \"package" + std::to_string(i) +
            "\": {\"version\": \"1\", \"deep\": {\"deeper\": {\"deepest\": 1}}},\n";
  }
  text += "  \"last\": 1\n}\n";
  auto facts = extract_facts("package-lock.json", text);
  CHECK(facts->symbols.size() <= 4000 + 2000 + 1000);
  CHECK(facts->symbols.size() > 4000);
  CHECK(symbol(*facts, "package0") != nullptr);
  CHECK(symbol(*facts, "deeper") != nullptr);
  CHECK(symbol(*facts, "deepest") == nullptr);
}

TEST_CASE("no two languages claim the same files") {
  std::set<std::string_view> extensions, names;
  for (const Language* language : languages()) {
    INFO(language->name);
    for (std::string_view extension : language->extensions) {
      CHECK(extensions.insert(extension).second);
    }
    CHECK(names.insert(language->name).second);
    for (std::string_view other : language->other_names) CHECK(names.insert(other).second);
  }
}
