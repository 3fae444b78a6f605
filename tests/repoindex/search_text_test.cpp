// Text search: what is found, in which order, and what is left out.
#include <catch2/catch.hpp>
#include <random>
#include <thread>

#include "repoindex/index.h"
#include "repoindex/search/find.h"
#include "repoindex/search/matcher.h"
#include "repoindex/search/text.h"
#include "tests/support/workspace.h"

using namespace engramd;
using namespace engramd::repoindex;

namespace {

View view_of(const test::Workspace& ws) {
  IndexOptions options;
  options.use_cache = false;
  auto index = RepoIndex::open(ws.root(), options);
  REQUIRE(index);
  REQUIRE((*index)->refresh());
  return {(*index)->snapshot(), nullptr};
}

// "path:line:column" of each hit, 1-based.
std::vector<std::string> places(const View& view, const TextQuery& query) {
  auto result = search(view, query);
  REQUIRE(result);
  std::vector<std::string> out;
  for (const TextHit& hit : result->hits) {
    out.push_back(hit.place.path + ":" + std::to_string(hit.place.start.line + 1) + ":" +
                  std::to_string(hit.place.start.column + 1));
  }
  return out;
}

using Places = std::vector<std::string>;

}  // namespace

TEST_CASE("text is found literally, by pattern, by word and whatever its case") {
  const test::Workspace ws(R"(
//- /a.py
value = 1
Value.other(value2)
revalue = a.b(c)
//- /b/c.txt
aXb VALUE
)");
  View view = view_of(ws);
  CHECK(places(view, {.pattern = "value"}) == Places{"a.py:1:1", "a.py:2:13", "a.py:3:3"});
  CHECK(places(view, {.pattern = "value", .whole_word = true}) == Places{"a.py:1:1"});
  CHECK(places(view, {.pattern = "value", .ignore_case = true, .whole_word = true}) ==
        Places{"a.py:1:1", "a.py:2:1", "b/c.txt:1:5"});
  CHECK(places(view, {.pattern = "a.b"}) == Places{"a.py:3:11"});
  CHECK(places(view, {.pattern = "a.b", .regex = true}) == Places{"a.py:3:11", "b/c.txt:1:1"});
  CHECK(places(view, {.pattern = "^value", .regex = true, .ignore_case = true}) ==
        Places{"a.py:1:1", "a.py:2:1"});
  CHECK(places(view, {.pattern = "VALUE$", .regex = true}) == Places{"b/c.txt:1:5"});
  CHECK(places(view, {.pattern = "value\\d", .regex = true, .whole_word = true}) ==
        Places{"a.py:2:13"});
  CHECK(places(view, {.pattern = "value", .globs = {"*.txt"}}).empty());
  CHECK(places(view, {.pattern = "VALUE", .globs = {"b/**"}}) == Places{"b/c.txt:1:5"});
  CHECK(places(view, {.pattern = "value", .ignore_case = true, .globs = {"!*.py"}}) ==
        Places{"b/c.txt:1:5"});
  CHECK(search_text(view, "value", 2).size() == 2);
}

TEST_CASE("a match never crosses a line, is never empty, and a broken pattern is an error") {
  const test::Workspace ws("//- /a.txt\none\ntwo\n");
  View view = view_of(ws);
  CHECK(places(view, {.pattern = "one\\s+two", .regex = true}).empty());
  CHECK(places(view, {.pattern = "x*", .regex = true}).empty());
  CHECK(places(view, {.pattern = "[^q]+", .regex = true}) == Places{"a.txt:1:1", "a.txt:2:1"});
  auto broken = search(view, {.pattern = "(", .regex = true});
  REQUIRE_FALSE(broken);
  CHECK(broken.error().code == ErrorCode::invalid_input);
  CHECK_FALSE(search(view, {.pattern = ""}));
  CHECK_FALSE(search(view, {.pattern = std::string(5000, 'a')}));
}

TEST_CASE("a pattern that would take for ever elsewhere takes linear time") {
  test::Workspace ws("//- /a.txt\n");
  ws.write("a.txt", std::string(200'000, 'a') + "\n");
  CHECK(places(view_of(ws), {.pattern = "(a*)*b", .regex = true}).empty());
  CHECK(places(view_of(ws), {.pattern = "(x+x+)+y", .regex = true}).empty());
}

TEST_CASE("lines around a hit, with any line end") {
  test::Workspace ws("//- /a.txt\n1\n2\nhit\n4\n5\n//- /b.txt\n");
  ws.write("b.txt", "first hit\r\nsecond\r\n");
  auto result = search(view_of(ws), {.pattern = "hit", .n_context = 1});
  REQUIRE(result);
  REQUIRE(result->hits.size() == 2);
  CHECK(result->hits[0].before == std::vector<std::string>{"2"});
  CHECK(result->hits[0].line == "hit");
  CHECK(result->hits[0].after == std::vector<std::string>{"4"});
  CHECK(result->hits[1].before.empty());
  CHECK(result->hits[1].line == "first hit");
  CHECK(result->hits[1].after == std::vector<std::string>{"second"});
}

TEST_CASE("ignored and binary files are left out, unsaved texts are searched in place of files") {
  test::Workspace ws(R"(
#init git
//- /.gitignore
ignored.txt
//- /ignored.txt
needle
//- /open.txt
nothing
//- /plain.txt
needle
)");
  using namespace std::string_literals;
  ws.write("binary.bin", "needle\0needle"s);
  View view = view_of(ws);
  CHECK(places(view, {.pattern = "needle"}) == Places{"plain.txt:1:1"});
  Overlay overlay;
  overlay["open.txt"] = Document::open("open.txt", "a\nneedle\n", 1)->publish();
  overlay["new.txt"] = Document::open("new.txt", "needle\n", 1)->publish();
  view.overlay = std::make_shared<const Overlay>(std::move(overlay));
  CHECK(places(view, {.pattern = "needle"}) ==
        Places{"new.txt:1:1", "open.txt:2:1", "plain.txt:1:1"});
}

TEST_CASE("the first hits are the same with one thread and with many, and a cancel ends a search") {
  test::Workspace ws("//- /a.txt\n");
  for (int i = 0; i < 200; ++i) {
    ws.write("f" + std::to_string(i) + ".txt", i % 3 == 0 ? "x needle\nneedle\n" : "nothing\n");
  }
  View view = view_of(ws);
  Places one = places(view, {.pattern = "needle", .limit = 30, .n_threads = 1});
  CHECK(one.size() == 30);
  for (int i = 0; i < 5; ++i) {
    CHECK(places(view, {.pattern = "needle", .limit = 30, .n_threads = 4}) == one);
  }
  CancelSource source;
  source.cancel();
  auto result = search(view, {.pattern = "needle"}, source.token());
  REQUIRE(result);
  CHECK_FALSE(result->complete);
  CHECK(result->hits.empty());
}

TEST_CASE("property: the fast finder finds what a plain search finds") {
  std::mt19937 random(3);
  auto lower = [](std::string s) {
    for (char& c : s) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    return s;
  };
  for (int round = 0; round < 3000; ++round) {
    std::string text(random() % 200, 'a');
    for (char& c : text) c = "abAB\n@`\xC3"[random() % 8];
    std::string needle = "b";
    if (!text.empty() && round % 3 != 0) {
      size_t begin = random() % text.size();
      needle = text.substr(begin, 1 + random() % 40);
    }
    bool ignore_case = round % 2 == 0;
    LiteralFinder finder(needle, ignore_case);
    size_t from = random() % (text.size() + 2);
    size_t expected = ignore_case ? lower(text).find(lower(needle), from) : text.find(needle, from);
    REQUIRE(finder.find(text, from) == expected);
    REQUIRE(count_newlines(text) ==
            static_cast<size_t>(std::count(text.begin(), text.end(), '\n')));
  }
  CHECK(count_newlines(std::string(100'000, '\n')) == 100'000);
}

TEST_CASE("property: a pattern with a required literal finds what the pattern alone finds") {
  std::mt19937 random(5);
  for (int round = 0; round < 400; ++round) {
    std::string text;
    // A long one now and then: alternatives are looked for stretch by stretch.
    if (round % 40 == 0) text = std::string(3000 + random() % 9000, '-');
    for (int i = 0; i < 60; ++i)
      text += std::vector<std::string>{"foo", "bar", "x", " ", "\n", "FOO"}[random() % 6];
    for (const char* pattern : {"foo\\w*bar", "x?foo(bar|x)", "(?:foo|bar)x", "\\bfoo\\b", "o+b",
                                "(foo|bar)", "foo |barx|xxx", "foo bar|bar"}) {
      TextQuery query{.pattern = pattern, .regex = true, .ignore_case = round % 2 == 0};
      auto matcher = TextMatcher::compile(query);
      REQUIRE(matcher);
      // The same pattern in a form from which no literal can be drawn.
      query.pattern = std::string("(?:") + pattern + "|\\x{1F600})";
      auto plain = TextMatcher::compile(query);
      REQUIRE(plain);
      size_t at = 0;
      for (;;) {
        auto a = matcher->next(text, at), b = plain->next(text, at);
        REQUIRE(a == b);
        if (!a) break;
        at = a->end;
      }
    }
  }
}
