// tests/repoindex/query_stories.h - helpers for stories about navigation.
//
// A line of the text that holds carets and the word "definition" marks what is above the carets:
//   def run(): ...
//   #   ^^^ definition
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "repoindex/index.h"
#include "repoindex/query.h"
#include "tests/support/workspace.h"

namespace engramd::repoindex::test {

struct Marked {
  std::string path;
  LineColumn start;
  std::string text;
  bool operator==(const Marked&) const = default;
};

// The workspace's index without a cache.
std::unique_ptr<RepoIndex> index_of(const engramd::test::Workspace& ws);
View view_of(const engramd::test::Workspace& ws);
std::vector<Marked> marks_in(const engramd::test::Workspace& ws, std::string_view word);

// The first answer at the cursor is the (only or first) marked place, and every marked place is
// among the answers. Returns how sure the first answer is.
Confidence check_definition(std::string_view text);
// The answer is this file as a whole.
void check_definition_file(std::string_view text, std::string_view path);
// References at the cursor, without definitions, are exactly the places marked "reference".
void check_references(std::string_view text);

}  // namespace engramd::repoindex::test
