// Ignore rules and attributes are read by us too; git itself says what they mean.
#include <catch2/catch.hpp>
#include <random>
#include <set>

#include "base/process.h"
#include "base/text.h"
#include "repoindex/git/attributes.h"
#include "repoindex/git/scope.h"
#include "repoindex/origin.h"
#include "repoindex/snapshot.h"
#include "tests/repoindex/git_stories.h"

using namespace engramd;
using namespace engramd::repoindex;
using engramd::test::Workspace;

namespace {

std::string ask_git(const Workspace& ws, std::vector<std::string> arguments, std::string input) {
  ProcessOptions options;
  options.argv = {"git"};
  options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
  options.cwd = ws.root();
  options.stdin_text = std::move(input);
  auto result = run_process(options);
  REQUIRE(result);
  return result->stdout_text;
}

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  size_t below(size_t n) { return engine_() % n; }
  template <size_t n>
  std::string one_of(const char* const (&list)[n]) {
    return list[below(n)];
  }

 private:
  std::mt19937 engine_;
};

std::string random_path(Random& random) {
  std::string path;
  for (size_t n = 1 + random.below(4); n > 0; --n) {
    if (!path.empty()) path += '/';
    path += random.one_of({"a", "b", "ab", "a.c", "b.c", "x-y", "doc", "a b", "[a]", "#c", "!d"});
  }
  return path;
}

std::string random_pattern(Random& random) {
  std::string out;
  if (random.below(5) == 0) out += "!";
  if (random.below(4) == 0) out += "/";
  for (size_t n = 1 + random.below(4); n > 0; --n) {
    out += random.one_of({"a",           "b",       "*",    "?",    "**",  "/",     "/**/",
                          "**/",         "/**",     "[ab]", "[!a]", "*.c", "doc",   ".c",
                          "[[:alpha:]]", "\\[a\\]", "a*",   "\\#c", "a b", "[a-c]", "[]a]"});
  }
  if (random.below(4) == 0) out += "/";
  if (random.below(8) == 0) out += "  ";
  return out;
}

}  // namespace

TEST_CASE("ignore rules: random patterns mean what git says they mean") {
  Random random(11);
  size_t n_ignored = 0;
  for (int round = 0; round < 60; ++round) {
    Workspace ws("");
    ws.git({"init", "-q"});
    std::set<std::string> paths;
    for (int i = 0; i < 60; ++i) paths.insert(random_path(random));
    std::string rules, deeper;
    for (size_t n = 1 + random.below(6); n > 0; --n) rules += random_pattern(random) + "\n";
    for (size_t n = random.below(3); n > 0; --n) deeper += random_pattern(random) + "\n";
    ws.write(".gitignore", rules);
    if (round % 2 == 0) ws.write("a/.gitignore", deeper);
    ws.write(".git/info/exclude", random_pattern(random) + "\n");
    std::string input;
    for (const std::string& path : paths) input += path + '\0';
    const std::string answer = ask_git(ws, {"check-ignore", "--no-index", "-z", "--stdin"}, input);
    std::set<std::string> by_git;
    for (size_t begin = 0; begin < answer.size();) {
      const size_t end = answer.find('\0', begin);
      by_git.insert(answer.substr(begin, end - begin));
      begin = end + 1;
    }
    const Scope scope(std::filesystem::canonical(ws.root()), {}, {});
    for (const std::string& path : paths) {
      INFO("round " << round << " path " << path << "\nrules:\n" << rules << "deeper:\n" << deeper);
      // "a" holds an ignore file in even rounds: a folder then, and no file for git either.
      const bool folder = std::filesystem::is_directory(ws.path(path));
      CHECK(scope.ignored(path, folder) == (by_git.count(path) != 0));
    }
    n_ignored += by_git.size();
  }
  CHECK(n_ignored > 300);  // the patterns are not all misses
}

TEST_CASE("attributes: random files mean what git says they mean") {
  Random random(12);
  size_t n_rewritten = 0, n_generated = 0;
  for (int round = 0; round < 40; ++round) {
    Workspace ws("");
    ws.git({"init", "-q"});
    const auto file = [&] {
      std::string text;
      if (random.below(3) == 0) text += "[attr]odd filter=lfs -text linguist-vendored\n";
      for (size_t n = random.below(6); n > 0; --n) {
        std::string pattern = random_pattern(random);
        const bool quoted = pattern.find(' ') != std::string::npos;
        if (pattern.find('\\') != std::string::npos || pattern[0] == '!') continue;
        text += quoted ? "\"" + pattern + "\"" : pattern;
        for (size_t k = 1 + random.below(2); k > 0; --k) {
          text +=
              " " + random.one_of({"ident", "-ident", "!ident", "filter=lfs", "-filter", "!filter",
                                   "working-tree-encoding=UTF-16", "text", "linguist-generated",
                                   "-linguist-generated", "eol=crlf", "linguist-generated=true",
                                   "linguist-vendored", "binary", "!linguist-vendored", "odd"});
        }
        text += random.below(5) == 0 ? "\r\n" : "\n";
      }
      return text;
    };
    const std::string top = file(), deeper = file();
    ws.write(".gitattributes", top);
    if (round % 2 == 0) ws.write("a/.gitattributes", deeper);
    if (round % 3 == 0) ws.write(".git/info/attributes", file());
    std::set<std::string> paths;
    for (int i = 0; i < 40; ++i) paths.insert(random_path(random));
    std::string input;
    for (const std::string& path : paths) input += path + '\0';
    const std::string answer =
        ask_git(ws,
                {"check-attr", "-z", "--stdin", "ident", "filter", "working-tree-encoding",
                 "linguist-generated", "linguist-vendored"},
                input);
    std::vector<std::string> words;
    for (size_t begin = 0; begin < answer.size();) {
      const size_t end = answer.find('\0', begin);
      words.push_back(answer.substr(begin, end - begin));
      begin = end + 1;
    }
    REQUIRE(words.size() == paths.size() * 15);
    const auto root = std::filesystem::canonical(ws.root());
    const GitPlace place = find_git_place(root);
    Attributes attributes(root, place, read_git_settings(place));
    size_t at = 0;
    for (const std::string& path : paths) {
      const auto value = [&](size_t n) { return words[at + 3 * n + 2]; };
      const auto said = [&](const std::string& word) {
        return word == "set" || word == "true" ? Said::yes
               : word == "unset"               ? Said::no
                                               : Said::nothing;
      };
      const auto has_value = [](const std::string& word) {
        return word != "set" && word != "unset" && word != "unspecified";
      };
      INFO("round " << round << " path " << path << "\ntop:\n" << top << "deeper:\n" << deeper);
      REQUIRE(words[at] == path);
      const FileAttributes ours = attributes.of(path);
      CHECK(ours.rewritten == (value(0) == "set" || has_value(value(1)) || has_value(value(2))));
      CHECK(ours.generated == said(value(3)));
      CHECK(ours.vendored == said(value(4)));
      n_rewritten += ours.rewritten ? 1 : 0;
      n_generated += ours.generated != Said::nothing ? 1 : 0;
      at += 15;
    }
  }
  CHECK(n_rewritten > 50);
  CHECK(n_generated > 50);
}

TEST_CASE("origin: names, folders, marks in the text and line lengths") {
  CHECK(origin_of_path("src/a.py") == FileOrigin::source);
  CHECK(origin_of_path("pip/_vendor/six.py") == FileOrigin::vendored);
  CHECK(origin_of_path("third_party/fmt/fmt.h") == FileOrigin::vendored);
  CHECK(origin_of_path("deps/lua/lua.c") == FileOrigin::vendored);
  CHECK(origin_of_path("src/deps/resolve.py") == FileOrigin::source);
  CHECK(origin_of_path("sympy/external/gmpy.py") == FileOrigin::source);
  CHECK(origin_of_path("vendor.py") == FileOrigin::source);
  CHECK(origin_of_path("api/v1/types.pb.go") == FileOrigin::generated);
  CHECK(origin_of_path("Cargo.lock") == FileOrigin::generated);
  CHECK(origin_of_path("schema_generated.h") == FileOrigin::generated);
  CHECK(origin_of_path("docs/_static/jquery.min.js") == FileOrigin::minified);

  CHECK(says_generated("// Code generated by protoc-gen-go. DO NOT EDIT.\npackage x\n"));
  CHECK(says_generated("# Generated by Django 4.2 on 2023-05-01\n"));
  CHECK(says_generated("/*\n * This file was automatically generated by SWIG.\n */\n"));
  CHECK(says_generated("# -*- coding: utf-8 -*-\n# @generated\n"));
  CHECK_FALSE(says_generated("\"\"\"Helpers for code that is generated by the printer.\"\"\"\n"));
  CHECK_FALSE(says_generated("x = 1\n" + std::string(3000, '#') + "\n# DO NOT EDIT\n"));

  const std::string minified = "var a=" + std::string(9000, '1') + ";\n";
  CHECK(origin_of(FileOrigin::source, extract_facts("a.js", minified).get()) ==
        FileOrigin::minified);
  CHECK(origin_of(FileOrigin::source, extract_facts("a.md", std::string(9000, 'w') + "\n").get()) ==
        FileOrigin::source);
  CHECK(origin_of(FileOrigin::source, extract_facts("a.py", "# DO NOT EDIT\nx = 1\n").get()) ==
        FileOrigin::generated);
  CHECK(rank_weight(FileOrigin::source) > rank_weight(FileOrigin::vendored));
}

TEST_CASE("origin: attributes give it and take it back, and the snapshot tells") {
  Workspace ws(R"(#init git
//- /.gitattributes
gen/*.py linguist-generated
vendor/ours/** -linguist-vendored
//- /gen/a.py
x = 1
//- /vendor/ours/b.py
y = 1
//- /vendor/theirs/c.py
z = 1
)");
  auto index = RepoIndex::open(ws.root(), {.use_cache = false});
  REQUIRE(index);
  REQUIRE((*index)->refresh());
  const auto origin = [&](const char* path) { return (*index)->snapshot()->find(path)->origin; };
  CHECK(origin("gen/a.py") == FileOrigin::generated);
  CHECK(origin("vendor/ours/b.py") == FileOrigin::source);
  CHECK(origin("vendor/theirs/c.py") == FileOrigin::vendored);
  // A rule that changes takes effect with nothing else changed.
  ws.write(".gitattributes", "");
  REQUIRE((*index)->refresh());
  CHECK(origin("gen/a.py") == FileOrigin::source);
  CHECK(origin("vendor/ours/b.py") == FileOrigin::vendored);
}
