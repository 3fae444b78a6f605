#include <catch2/catch.hpp>
#include <random>

#include "repoindex/languages/language.h"
#include "repoindex/syntax/linked_tags.h"
#include "repoindex/syntax/selection.h"
#include "tests/repoindex/syntax_stories.h"
#include "tests/support/workspace.h"

using namespace engramd;
using namespace engramd::repoindex;
using engramd::repoindex::test::opened;
using engramd::repoindex::test::text_of;
using engramd::repoindex::test::without_cursor;

namespace {

std::vector<std::string> steps_of(const std::string& path, std::string_view marked) {
  size_t offset = 0;
  const std::string text = without_cursor(marked, &offset);
  const auto file = opened(path, text).file;
  std::vector<std::string> out;
  for (const ByteRange& step : selection_steps(file, offset)) out.push_back(text_of(file, step));
  return out;
}

std::string tags_of(const std::string& path, std::string_view marked) {
  size_t offset = 0;
  const std::string text = without_cursor(marked, &offset);
  const auto file = opened(path, text).file;
  const auto tags = linked_tags(file, offset);
  if (!tags) return "none";
  return std::to_string(tags->open.begin) + "-" + std::to_string(tags->open.end) + " " +
         std::to_string(tags->close.begin) + "-" + std::to_string(tags->close.end);
}

}  // namespace

TEST_CASE("selection: from the word to the file") {
  CHECK(steps_of("a.py", "def f():\n    g(a, b<|>c + 1)\n") ==
        std::vector<std::string>{"bc", "bc + 1", "a, bc + 1", "(a, bc + 1)", "g(a, bc + 1)",
                                 "def f():\n    g(a, bc + 1)", "def f():\n    g(a, bc + 1)\n"});
}

TEST_CASE("selection: what is in quotes comes before the quotes") {
  CHECK(steps_of("a.js", "f(\"one t<|>wo\");\n") ==
        std::vector<std::string>{"two", "one two", "\"one two\"", "(\"one two\")", "f(\"one two\")",
                                 "f(\"one two\");", "f(\"one two\");\n"});
}

TEST_CASE("selection: one line of a comment before all of it") {
  const auto steps = steps_of("a.c", "/* one\n   two t<|>hree\n */\nint a;\n");
  CHECK(steps[0] == "three");
  CHECK(steps[1] == "two three");
  CHECK(steps[2] == "/* one\n   two three\n */");
}

TEST_CASE("selection: at the end of a word it is that word's") {
  CHECK(steps_of("a.py", "foo<|>.bar\n")[0] == "foo");
  CHECK(steps_of("a.py", "foo<|>")[0] == "foo");
}

TEST_CASE("selection: a file without a grammar has words, lines and itself") {
  CHECK(steps_of("a.txt", "one\n  two th<|>ree\n") ==
        std::vector<std::string>{"three", "two three", "one\n  two three\n"});
}

TEST_CASE("property: steps grow, hold the place and end with the file") {
  std::mt19937 random(5);
  for (const Language* language : languages()) {
    const std::string name = language->name + "." + std::string(language->extensions[0]);
    const auto text = read_file(engramd::test::fixtures() / "languages" / name);
    REQUIRE(text);
    const auto file = opened(name, *text).file;
    INFO(name);
    for (int i = 0; i < 200; ++i) {
      const size_t offset = random() % (text->size() + 1);
      const auto steps = selection_steps(file, offset);
      REQUIRE(!steps.empty());
      for (size_t s = 0; s < steps.size(); ++s) {
        CHECK(steps[s].begin <= offset);
        CHECK(offset <= steps[s].end);
        CHECK(steps[s].begin < steps[s].end);
        if (s == 0) continue;
        CHECK(steps[s].begin <= steps[s - 1].begin);
        CHECK(steps[s].end >= steps[s - 1].end);
        CHECK(steps[s].size() > steps[s - 1].size());
      }
      CHECK(steps.back() == ByteRange{0, text->size()});
    }
  }
}

TEST_CASE("linked tags: both ends of an element, from either") {
  CHECK(tags_of("a.html", "<di<|>v>x</div>") == "1-4 8-11");
  CHECK(tags_of("a.html", "<div>x</div<|>>") == "1-4 8-11");
  CHECK(tags_of("a.html", "<div><b<|>>x</b></div>") == "6-7 11-12");
  CHECK(tags_of("a.html", "<div><br<|>></div>") == "none");
  CHECK(tags_of("a.html", "<div>t<|>ext</div>") == "none");
  CHECK(tags_of("a.html", "<div class<|>=\"x\"></div>") == "none");
  CHECK(tags_of("a.html", "<script<|>>1</script>") == "1-7 11-17");
  CHECK(tags_of("a.tsx", "const a = <Fo<|>o.Bar x={1}>t</Foo.Bar>;") == "11-18 28-35");
  CHECK(tags_of("a.jsx", "const a = <b><i>t</i></b<|>>;") == "11-12 23-24");
  CHECK(tags_of("a.ts", "const a = f<|><b>(1);") == "none");
}
