// An edited document must say what a fresh one of the same text says.
#include <algorithm>
#include <catch2/catch.hpp>
#include <random>

#include "base/file.h"
#include "repoindex/index.h"
#include "repoindex/languages/language.h"
#include "repoindex/parse/syntax.h"
#include "repoindex/store/record.h"
#include "tests/support/workspace.h"

using namespace engramd;
using namespace engramd::repoindex;

TEST_CASE("property: an edited document equals a fresh one") {
  std::mt19937 random(11);
  const char* pieces[] = {"x",     "\n",  " ",  "(", ")",       "def f():\n    return 1\n",
                          "{",     "}",   "\"", "'", "class A", "// c\n",
                          "# c\n", "/*",  "*/", ";", "=",       "é",
                          "\r\n",  "\xFF"};
  for (const Language* language : languages()) {
    DYNAMIC_SECTION(language->name) {
      std::string file = language->name + "." + std::string(language->extensions[0]);
      auto text = read_file(test::fixtures() / "languages" / file);
      REQUIRE(text);
      auto document = Document::open(file, *text, 1);
      std::string mirror = *text;
      document->publish();
      for (int i = 0; i < 60; ++i) {
        for (unsigned k = 0; k < 1 + random() % 3; ++k) {
          size_t begin = random() % (mirror.size() + 1);
          size_t end = std::min(mirror.size(), begin + (random() % 3 == 0 ? random() % 30 : 0));
          std::string piece = pieces[random() % std::size(pieces)];
          document->edit({begin, end}, piece);
          mirror.replace(begin, end - begin, piece);
        }
        if (i % 20 == 19) {  // back to clean text, where the old tree is reused most
          document->edit({0, mirror.size()}, *text);
          mirror = *text;
        }
        REQUIRE(document->text() == mirror);
        OpenDocument published = document->publish();
        auto fresh = Document::open(file, mirror, 1)->publish();
        REQUIRE(encode_facts(*published.facts) == encode_facts(*fresh.facts));
      }
    }
  }
}

TEST_CASE("a published document stays as it was while editing goes on") {
  auto document = Document::open("a.py", "def one(): ...\n", 1);
  OpenDocument first = document->publish();
  document->edit({4, 7}, "two");
  document->set_version(2);
  OpenDocument second = document->publish();
  CHECK(*first.text == "def one(): ...\n");
  CHECK(first.facts->symbols[0].name == "one");
  CHECK(second.facts->symbols[0].name == "two");
  CHECK(second.version == 2);
  document->edit({900, 2000}, "!");  // past the end: at the end
  CHECK(document->text() == "def two(): ...\n!");
}

TEST_CASE("deep nesting and endless text end within their budgets") {
  for (const char* file : {"a.py", "a.cpp", "a.js", "a.json", "a.rs"}) {
    std::string deep(30000, '(');
    CHECK(extract_facts(file, deep) != nullptr);
    CHECK(extract_facts(file, std::string(30000, '[') + std::string(30000, ']')) != nullptr);
  }
  std::string many;
  for (int i = 0; i < 120000; ++i) many += "a" + std::to_string(i) + "=1\n";
  CHECK(extract_facts("a.py", many)->truncated);
}

TEST_CASE("a syntax tree is walked without knowing the parser") {
  auto tree = SyntaxTree::parse("def f(a):\n    return a <= 1\n", "python");
  REQUIRE(tree);
  const Language* python = find_language("python");
  std::string seen, operator_text;
  walk(tree->root(), [&](const Visit& visit) {
    if (contains_kind(python->edit.comparison, visit.node.kind())) {
      seen = std::string(visit.node.text(tree->text()));
      for (SyntaxNode child : visit.node.children()) {
        if (child.field_name() == "operators")
          operator_text = std::string(child.text(tree->text()));
      }
    }
    return true;
  });
  CHECK(seen == "a <= 1");
  CHECK(operator_text == "<=");
  CHECK_FALSE(tree->has_error());
  CHECK(tree->node_at({4, 5}).kind() == "identifier");
  CHECK(tree->node_at({4, 5}).parent().kind() == "function_definition");
  CHECK_FALSE(walk(
      tree->root(), [](const Visit&) { return true; }, 3));
  auto broken = SyntaxTree::parse("x = (\n", "python");
  REQUIRE(broken);
  CHECK(broken->first_error().has_value());
  CHECK_FALSE(SyntaxTree::parse("x", "cobol"));
}

TEST_CASE("every kind named for editing exists and is found in the corpus or harmless") {
  for (const Language* language : languages()) {
    CHECK_FALSE(language->edit.string.empty());
    bool has_functions = std::any_of(
        language->definitions.begin(), language->definitions.end(), [](const DefinitionRule& rule) {
          return rule.kind == SymbolKind::function || rule.kind == SymbolKind::method;
        });
    CHECK(language->edit.function.empty() == !has_functions);
  }
}
