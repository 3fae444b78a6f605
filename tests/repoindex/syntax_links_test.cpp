#include <catch2/catch.hpp>

#include "repoindex/syntax/links.h"
#include "tests/repoindex/query_stories.h"
#include "tests/repoindex/syntax_stories.h"

using namespace engramd;
using namespace engramd::repoindex;

namespace {

// "text -> target" of each link of app.*
std::vector<std::string> links_of(std::string_view workspace, const std::string& path) {
  const engramd::test::Workspace ws(workspace);
  const View view = repoindex::test::view_of(ws);
  const auto file = syntax_file(view, path, WithTree::no);
  REQUIRE(file);
  std::vector<std::string> out;
  for (const Link& link : links(view, *file))
    out.push_back(repoindex::test::text_of(*file, link.range) + " -> " +
                  (link.path.empty() ? link.url : link.path));
  return out;
}
using Shown = std::vector<std::string>;

std::vector<std::string> urls_of(const std::string& text) {
  const auto open = repoindex::test::opened("a.txt", text);
  std::vector<std::string> out;
  for (const Link& link : links(open.view, open.file)) out.push_back(link.url);
  return out;
}

}  // namespace

TEST_CASE("links: an address ends before the punctuation of its sentence") {
  CHECK(urls_of("see https://a.org/b?c=d#e.") == Shown{"https://a.org/b?c=d#e"});
  CHECK(urls_of("(http://a.org/x_(y)) and <https://b.org>") ==
        Shown{"http://a.org/x_(y)", "https://b.org"});
  CHECK(urls_of("\"https://a.org/\", 'https://b.org/'") ==
        Shown{"https://a.org/", "https://b.org/"});
  CHECK(urls_of("https://${host}/x xhttp://a.org http://") == Shown{});
}

TEST_CASE("links: Python imports lead to files") {
  CHECK(links_of(R"(
//- /pkg/__init__.py
//- /pkg/core.py
def run(): ...
//- /pkg/util.py
x = 1
//- /app.py
import os
from pkg.core import run
from pkg import util, core
)",
                 "app.py") == Shown{"pkg.core -> pkg/core.py", "pkg -> pkg/__init__.py",
                                    "util -> pkg/util.py", "core -> pkg/core.py"});
}

TEST_CASE("links: includes that are in the repository") {
  CHECK(links_of(R"(
//- /src/list.h
int length(void);
//- /src/main.c
#include <stdio.h>
#include "list.h"
)",
                 "src/main.c") == Shown{"list.h -> src/list.h"});
}

TEST_CASE("links: modules of JavaScript") {
  CHECK(links_of(R"(
//- /lib/a.js
export const a = 1;
//- /app.js
import { a } from "./lib/a";
import fs from "fs";
// https://example.org/docs
)",
                 "app.js") ==
        Shown{"./lib/a -> lib/a.js", "https://example.org/docs -> https://example.org/docs"});
}

TEST_CASE("links: relative links of Markdown, when the file is there") {
  CHECK(links_of(R"(
//- /docs/a.md
[b](b.md#part) [up](../README.md "title") [no](none.md) [self](#x)

[ref]: b.md
<img src="pic.svg">
//- /docs/b.md
b
//- /docs/pic.svg
<svg/>
//- /README.md
a
)",
                 "docs/a.md") == Shown{"b.md#part -> docs/b.md", "../README.md -> README.md",
                                       "b.md -> docs/b.md", "pic.svg -> docs/pic.svg"});
}
