// repoindex/search/text.h - literal and regular-expression search over the files of a View.
//
// Answers come in the order of paths, then of offsets, and are the same whatever the number of
// threads. Unsaved texts are searched in place of their files; ignored files are not in a View.
// Binary files (a zero byte in the first 8,000, as git says) and files over 64 MiB are left out.
// A pure reader: any thread.
#pragma once

#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "repoindex/query.h"

namespace engramd::repoindex {

struct TextQuery {
  std::string pattern;
  bool regex = false;  // RE2's syntax, matched within lines; else the pattern is literal
  bool ignore_case = false;
  bool whole_word = false;
  // gitignore-style: *.py, src/**, !*_test.py. A file must fit one of those without `!`, if there
  // are any, and none of those with it.
  std::vector<std::string> globs;
  size_t n_context = 0;  // lines before and after each hit
  size_t limit = 1000;   // hits
  size_t n_threads = 0;  // 0: hardware threads
};

struct TextResult {
  std::vector<TextHit> hits;
  bool complete = true;  // false: the limit or a cancel ended it
  size_t n_files = 0;    // looked into
  size_t n_binary = 0, n_unreadable = 0;
};

// Errors: a pattern that cannot be read (invalid_input).
Result<TextResult> search(const View&, const TextQuery&, const CancelToken& = {});

}  // namespace engramd::repoindex
