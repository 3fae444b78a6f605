// Texts that nobody should write and that are in repositories all the same: each ends within its
// budget and still gives its names.
#include <catch2/catch.hpp>

#include "repoindex/index.h"
#include "repoindex/languages/language.h"
#include "repoindex/parse/extract.h"
#include "repoindex/snapshot.h"
#include "tests/fuzz/mutate.h"
#include "tests/support/workspace.h"

using namespace engramd;
using namespace engramd::repoindex;

namespace {

std::string repeated(std::string_view piece, size_t n) {
  std::string out;
  out.reserve(piece.size() * n);
  for (size_t i = 0; i < n; ++i) out += piece;
  return out;
}

bool has_name(const FileFacts& facts, std::string_view name) {
  for (const Occurrence& o : facts.occurrences) {
    if (facts.names[o.name] == name) return true;
  }
  return false;
}

bool defines(const FileFacts& facts, std::string_view name) {
  for (const Symbol& s : facts.symbols) {
    if (s.name == name) return true;
  }
  return false;
}

FileFactsPtr checked_facts(const std::string& path, const std::string& text) {
  FileFactsPtr facts = extract_facts(path, text);
  REQUIRE(facts != nullptr);
  REQUIRE(test::broken_rule(*facts, text) == "");
  return facts;
}

}  // namespace

TEST_CASE("a minified file of 20 MB is scanned, and its names are found") {
  std::string text = "function firstOne(a,b){return a+b}";
  while (text.size() < (20u << 20)) {
    text +=
        "var x" + std::to_string(text.size() % 90001) + "=function(n,t){return e(n)&&t.$push(n)};";
  }
  text += "lastOne(1)";
  auto facts = checked_facts("bundle.min.js", text);
  CHECK(facts->truncated);
  CHECK(has_name(*facts, "firstOne"));
  CHECK(has_name(*facts, "lastOne"));
  CHECK(has_name(*facts, "$push"));
  CHECK_FALSE(has_name(*facts, "function"));  // a keyword is no name
  // Bounded, whatever the size: a name's first uses are enough to find the file by it.
  CHECK(facts->occurrences.size() < 800'000);
}

TEST_CASE("brackets 100,000 deep end in every language") {
  for (const Language* language : languages()) {
    INFO(language->name);
    std::string file = "a." + std::string(language->extensions[0]);
    for (const char* pair : {"()", "[]", "{}", "<>"}) {
      std::string deep = repeated(std::string_view(pair, 1), 100'000);
      std::string text = deep + " inner_name " + repeated(std::string_view(pair + 1, 1), 100'000);
      checked_facts(file, text);
      checked_facts(file, deep);
    }
  }
}

TEST_CASE("definitions nested thousands deep do not cost a square of that") {
  const std::pair<const char*, std::string> cases[] = {
      {"a.js", repeated("function f(){", 20'000)},
      {"a.js", repeated("/*c*/function g(){}", 50'000)},  // one line, a comment before each
      {"a.cpp", repeated("struct A { ", 20'000)},
      {"a.cpp", repeated("template <class T> ", 20'000) + "struct A {};"},
      {"a.rs", repeated("mod m { ", 20'000)},
      {"a.py", "class A:\n def f(self, a):\n" + repeated("  self.b = a; self.c1 = a\n", 20'000)},
      {"a.py", repeated("(a, ", 20'000) + "b" + repeated(")", 20'000) + " = 1\n"},
      {"a.py", "x" + repeated(".y", 100'000) + "\n"},
      {"a.json", repeated("{\"a\": [", 30'000)},
  };
  for (const auto& [file, text] : cases) {
    INFO(file << ": " << text.substr(0, 30));
    checked_facts(file, text);
  }
}

TEST_CASE("a line of 10 MB is scanned") {
  std::string text = "int table[] = {" + repeated("0x7f, kFirst, kSecond, ", 500'000) + "kLast};";
  REQUIRE(text.size() > (10u << 20));
  auto facts = checked_facts("table.c", text);
  CHECK(facts->truncated);
  CHECK(facts->n_lines == 1);
  CHECK(has_name(*facts, "table"));
  CHECK(has_name(*facts, "kLast"));
  CHECK_FALSE(has_name(*facts, "x7f"));
}

TEST_CASE("when a budget ends within a file, the rest is scanned for names") {
  std::string text;
  for (int i = 0; i < 4000; ++i) text += "def name" + std::to_string(i) + "(): return other\n";
  ExtractLimits limits;
  Extractor extractor;
  const Language* python = find_language("python");
  SECTION("nodes") {
    limits.max_nodes = 500;
  }
  SECTION("symbols") {
    limits.max_symbols = 30;
  }
  SECTION("parser steps") {
    limits.max_parse_steps = 3;
  }
  SECTION("bytes") {
    limits.max_bytes = 1000;
  }
  auto facts = extractor.extract(python, text, {}, limits);
  CHECK(facts->truncated);
  CHECK(test::broken_rule(*facts, text) == "");
  CHECK(has_name(*facts, "name0"));
  CHECK(has_name(*facts, "name3999"));
  CHECK(facts->language == "python");
  // The parser is none the worse for it.
  CHECK_FALSE(extractor.extract(python, text)->truncated);
}

TEST_CASE("a cancelled walk gives no facts, rather than half of them") {
  CancelSource source;
  source.cancel();
  CHECK(Extractor().extract(find_language("python"), "x = 1\n", source.token()) == nullptr);
}

TEST_CASE("zero bytes, broken UTF-8, a byte order mark and old line ends are text like any other") {
  using namespace std::string_literals;
  for (const Language* language : languages()) {
    INFO(language->name);
    std::string file = "a." + std::string(language->extensions[0]);
    for (const std::string& text :
         {"\0\0\0"s, "a\0b = 1\n\0"s, "\xFF\xFE\xFA"s, "x\xC3(\xED\xA0\x80 = '\xF8'\n"s,
          "\xEF\xBB\xBF"s, "\r\r\r"s, "a\rb\r\nc\n\rd"s, "\xEF\xBB\xBF\r"s,
          std::string(70000, '\0'), repeated("\xC3", 5000)}) {
      checked_facts(file, text);
    }
  }
  CHECK(defines(*checked_facts("a.py",
                               "\xEF\xBB\xBF"
                               "def marked(): pass\n"),
                "marked"));
  CHECK(defines(*checked_facts("a.js",
                               "\xEF\xBB\xBF"
                               "function marked() {}\n"),
                "marked"));
  CHECK(defines(*checked_facts("a.c", "int old_mac(void)\r{\r  return 1;\r}\r"), "old_mac"));
  CHECK(defines(*checked_facts("a.py", "def dos():\r\n    return 1\r\n"), "dos"));
  CHECK(defines(*checked_facts("a.py", "x = '\xFF'\ndef after(): pass\n"), "after"));
  CHECK(defines(*checked_facts("a.cpp", "int a;\0\nint after() { return 1; }\n"s), "after"));
}

TEST_CASE("an oversized file is found by its names, and a smaller cap is honoured") {
  test::Workspace ws("//- /small.py\ndef small(): ...\n//- /big.py\n");
  std::string big = "def hidden_in_bulk(): ...\n";
  while (big.size() < 6000) big += "filler = filler + 1\n";
  ws.write("big.py", big);
  IndexOptions options;
  options.use_cache = false;
  options.max_parse_bytes = 4000;
  auto index = RepoIndex::open(ws.root(), options);
  REQUIRE(index);
  REQUIRE((*index)->refresh());
  View view{(*index)->snapshot(), nullptr};
  auto facts = view.facts("big.py");
  REQUIRE(facts != nullptr);
  CHECK(facts->truncated);
  CHECK(has_name(*facts, "hidden_in_bulk"));
  CHECK_FALSE(view.facts("small.py")->truncated);
}

TEST_CASE("an open document over the cap keeps its names while it is edited") {
  std::string text = "def first(): ...\n";
  while (text.size() < (3u << 20)) text += "some_name = other_name\n";
  auto document = Document::open("a.py", text, 1);
  CHECK(document->publish().facts->truncated);
  CHECK(has_name(*document->publish().facts, "first"));
  document->edit({100, text.size()}, "");
  CHECK_FALSE(document->publish().facts->truncated);
  CHECK(defines(*document->publish().facts, "first"));
}

// What macros do to the trees of C and C++: the real name is elsewhere than the grammar says.
TEST_CASE("functions and classes behind unknown macros keep their own names") {
  auto facts = checked_facts("a.cpp", R"(
API_INLINE value *make_value(doc *d) { return 0; }
ALWAYS_INLINE info_t *
get_info(arena_t *arena) { return 1; }
API void format_code(Buffer &out, int code,
                     View message) NOEXCEPT { out.add(); }
class SCOPED_CAPABILITY guard : public detail::base_t<guard<M>> {
  int member;
};
struct DEPRECATED old_one : Base<int> { int x; };
template <class T> struct Text {
  CONSTEXPR iterator end() const NOEXCEPT { return p; }
};
int clean(int a) { return a; }
)");
  auto kind_of = [&](std::string_view name) {
    for (const Symbol& s : facts->symbols) {
      if (s.name == name) return std::string(to_string(s.kind));
    }
    return std::string("nothing");
  };
  CHECK(kind_of("make_value") == "function");
  CHECK(kind_of("get_info") == "function");
  CHECK(kind_of("format_code") == "function");
  CHECK(kind_of("guard") == "class");
  CHECK(kind_of("old_one") == "struct");
  CHECK(kind_of("end") == "method");
  CHECK(kind_of("clean") == "function");
  CHECK(kind_of("NOEXCEPT") == "nothing");
  CHECK(kind_of("base_t") == "nothing");
}
