// One file a language in tests/fixtures/languages, and beside it what is found in it. After a
// change that is meant: UPDATE_GOLDEN=1, then read the diff.
#include <algorithm>
#include <catch2/catch.hpp>

#include "base/environment.h"
#include "base/file.h"
#include "repoindex/index.h"
#include "repoindex/languages/language.h"
#include "repoindex/parse/extract.h"
#include "tests/support/workspace.h"

using namespace engramd;
using namespace engramd::repoindex;

namespace {

std::string described(const FileFacts& facts, std::string_view text) {
  LineIndex lines(text);
  auto at = [&](uint32_t offset) {
    LineColumn p = lines.position(offset);
    return std::to_string(p.line + 1) + ":" + std::to_string(p.column + 1);
  };
  std::string out = "language " + facts.language + (facts.has_errors ? ", with errors\n" : "\n");
  out += "\nimports\n";
  for (const Import& i : facts.imports) {
    out += at(i.begin) + " " + std::string(i.level, '.') + i.target;
    if (!i.name.empty()) out += " name=" + i.name;
    if (!i.alias.empty()) out += " as=" + i.alias;
    out += "\n";
  }
  out += "\nsymbols\n";
  for (const Symbol& s : facts.symbols) {
    size_t depth = 0;
    for (uint32_t p = s.parent; p != kNone; p = facts.symbols[p].parent) ++depth;
    out += std::string(2 * depth, ' ') + at(s.name_begin) + " " + std::string(to_string(s.kind)) +
           " " + s.name;
    if (s.local) out += " local";
    if (s.is_declaration) out += " declared";
    if (!s.qualifier.empty()) out += " of=" + s.qualifier;
    if (!s.type_name.empty()) out += " type=" + s.type_name;
    for (const std::string& base : s.bases) out += " base=" + base;
    out += " [" + at(s.begin) + "-" + at(s.end) + "]";
    if (!s.signature.empty()) out += " | " + s.signature;
    if (!s.doc.empty()) out += " | doc: " + s.doc.substr(0, s.doc.find('\n'));
    out += "\n";
  }
  out += "\noccurrences\n";
  for (const Occurrence& o : facts.occurrences) {
    if (o.role == Role::definition) continue;
    out += at(o.begin) + " " + facts.names[o.name] + " " + std::string(to_string(o.role));
    if (o.receiver != kNone) out += " on=" + facts.names[o.receiver];
    if (o.scope != kNone) out += " in=" + facts.symbols[o.scope].name;
    out += "\n";
  }
  return out;
}

}  // namespace

TEST_CASE("every row names only kinds and fields that its grammar has") {
  // JavaScript, TypeScript and TSX share a base: a name in it is right when one of them has it.
  const std::vector<std::string> family = {"javascript", "typescript", "tsx"};
  for (const Language* language : languages()) {
    INFO(language->name);
    std::vector<std::string> unknown = unknown_names(*language);
    if (std::find(family.begin(), family.end(), language->name) != family.end()) {
      for (const std::string& other : family) {
        std::vector<std::string> theirs = unknown_names(*find_language(other));
        std::erase_if(unknown, [&](const std::string& name) {
          return std::find(theirs.begin(), theirs.end(), name) == theirs.end();
        });
      }
    }
    CHECK(unknown == std::vector<std::string>{});
  }
}

TEST_CASE("the corpus of each language") {
  for (const Language* language : languages()) {
    DYNAMIC_SECTION(language->name) {
      std::string file = language->name + "." + std::string(language->extensions[0]);
      auto path = test::fixtures() / "languages" / file;
      auto text = read_file(path);
      REQUIRE(text);
      auto facts = extract_facts(file, *text);
      REQUIRE(facts->language == language->name);
      std::string found = described(*facts, *text);
      auto golden = path.string() + ".expected";
      if (environment("UPDATE_GOLDEN")) REQUIRE(write_file_atomic(golden, found));
      auto wanted = read_file(golden);
      REQUIRE(wanted);
      CHECK(found == *wanted);
      // What is true of all facts, whatever the language.
      for (size_t i = 0; i < facts->symbols.size(); ++i) {
        const Symbol& s = facts->symbols[i];
        CHECK(s.begin <= s.name_begin);
        CHECK(s.name_end <= s.end);
        CHECK(s.end <= text->size());
        if (s.parent != kNone) CHECK(s.parent < i);
      }
      for (size_t i = 1; i < facts->occurrences.size(); ++i) {
        CHECK(facts->occurrences[i - 1].begin <= facts->occurrences[i].begin);
      }
    }
  }
}

TEST_CASE("the language of a file is known by its name or its first line") {
  CHECK(language_of("a/b.py") == "python");
  CHECK(language_of("a.H") == "cpp");
  CHECK(language_of("A.JSX") == "javascript");
  CHECK(language_of("run", "#!/usr/bin/env -S python3.11 -u\n") == "python");
  CHECK(language_of("run", "#!/bin/sh\n") == "bash");
  CHECK(language_of("notes.txt", "#!/bin/sh\n").empty());
  CHECK(find_language("typescriptreact")->name == "tsx");
  CHECK(find_language("cobol") == nullptr);
}

TEST_CASE("clean text is told from broken text") {
  CHECK(parses_cleanly("a.py", "def f():\n    return 1\n"));
  CHECK(parses_cleanly("a.unknown", "((("));
  LineColumn where;
  CHECK_FALSE(parses_cleanly("a.py", "x = 1\ny = (\n", &where));
  CHECK(where.line >= 1);
}
