// repoindex/git/history.h - who changed each line last.
//
// Always asked of the git program, which is 10 to 20 times cheaper at this than libgit2. Results
// are bounded, every call has a deadline and takes a token; nothing is fetched, so in a shallow or
// partial clone the answer ends where the objects do. An error of code unavailable without git or
// without a repository, not_found for a path that no commit has. Any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"

namespace engramd::repoindex {

struct LineSpan {
  uint32_t first = 0;  // 0-based
  uint32_t n = 1;
};

struct BlameRange {
  LineSpan lines;      // of the asked text
  std::string commit;  // hex; empty: not committed yet
  std::string author;
  int64_t author_time = 0;  // Unix seconds
  std::string summary;
  std::string path;  // the file's name in that commit, from the work tree's top
};

// The last change of each line, sorted by line. text is what the lines are counted in: the file as
// it is, or an unsaved buffer; without it, and for files that a filter rewrites, it is HEAD's.
Result<std::vector<BlameRange>> blame(const std::filesystem::path& root, const std::string& path,
                                      LineSpan lines, const std::optional<std::string>& text,
                                      const CancelToken& cancel = {});

}  // namespace engramd::repoindex
