// An edited document must say what a fresh one of the same text says.
#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <tuple>

#include "base/file.h"
#include "repoindex/index.h"
#include "repoindex/languages/language.h"
#include "repoindex/parse/extract.h"
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

namespace {

// Equal, numbers and order included; encode_facts() would sort the names.
std::string difference(const FileFacts& a, const FileFacts& b) {
  if (a.names != b.names) return "names";
  if (a.symbols.size() != b.symbols.size()) return "number of symbols";
  for (size_t i = 0; i < a.symbols.size(); ++i) {
    const Symbol &x = a.symbols[i], &y = b.symbols[i];
    if (std::tie(x.name, x.kind, x.name_begin, x.name_end, x.begin, x.end, x.parent, x.local) !=
            std::tie(y.name, y.kind, y.name_begin, y.name_end, y.begin, y.end, y.parent, y.local) ||
        std::tie(x.signature, x.doc, x.qualifier, x.type_name, x.bases, x.is_declaration) !=
            std::tie(y.signature, y.doc, y.qualifier, y.type_name, y.bases, y.is_declaration)) {
      return "symbol " + x.name + " / " + y.name + " at " + std::to_string(x.begin);
    }
  }
  if (a.occurrences.size() != b.occurrences.size()) return "number of occurrences";
  for (size_t i = 0; i < a.occurrences.size(); ++i) {
    const Occurrence &x = a.occurrences[i], &y = b.occurrences[i];
    if (std::tie(x.name, x.begin, x.end, x.role, x.scope, x.receiver) !=
        std::tie(y.name, y.begin, y.end, y.role, y.scope, y.receiver)) {
      return "occurrence of " + a.names[x.name] + " at " + std::to_string(x.begin);
    }
  }
  return encode_facts(a) == encode_facts(b) ? "" : "imports or flags";
}

}  // namespace

TEST_CASE("property: what an edited document takes over is what a walk from the start finds") {
  std::mt19937 random(29);
  const char* pieces[] = {"x",  "\n", " ",      "(",     ")", "x = 1\n", "{",       "}",
                          "\"", ";",  "// c\n", "# c\n", "=", "name",    "class B", "\r\n"};
  for (const Language* language : languages()) {
    DYNAMIC_SECTION(language->name) {
      std::string file = language->name + "." + std::string(language->extensions[0]);
      auto corpus = read_file(test::fixtures() / "languages" / file);
      REQUIRE(corpus);
      std::string text;  // long enough for an error not to have it parsed afresh
      while (text.size() < 36u << 10) text += *corpus + "\n";
      auto document = Document::open(file, text, 1);
      document->publish();
      for (int i = 0; i < 24; ++i) {
        // Some edits near each other, then the way back: most of the old tree stays.
        const std::string before = document->text();
        size_t at = random() % before.size();
        for (unsigned k = 0; k < 1 + random() % 3; ++k) {
          size_t begin = std::min(document->text().size(), at + random() % 40);
          size_t end = begin + (random() % 4 == 0 ? random() % 12 : 0);
          document->edit({begin, end}, pieces[random() % std::size(pieces)]);
          if (random() % 2 == 0) continue;
          FileFactsPtr facts = document->publish().facts;
          INFO("round " << i << " edit " << k << " at " << begin);
          REQUIRE(difference(*facts, *facts_walked_afresh(*document)) == "");
        }
        if (i % 4 == 3) document->edit({0, document->text().size()}, text);
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
