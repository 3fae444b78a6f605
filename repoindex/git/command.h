// repoindex/git/command.h - asking the git program, so that nothing can happen but the answer.
//
// No hooks, no file system monitor, no network (a partial clone fetches nothing), no prompt, no
// pager, no lock taken and no index rewritten, English messages, the user's GIT_* variables (which
// may point into another repository) dropped. Every call has a deadline, a cap on its output and a
// cancel token. Any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"

namespace engramd::repoindex {

bool have_git_program();

struct GitCall {
  std::filesystem::path folder;
  std::vector<std::string> arguments;  // after `git`
  std::string input;
  int64_t wall_ms = 60'000;
};

// All of stdout; more than max_bytes is an error of code exhausted. A failing git is an error with
// its first line: not_found when it knows no such path or revision, else unavailable.
Result<std::string> git_text(const GitCall& call, const CancelToken& cancel = {},
                             size_t max_bytes = 1u << 20);

// Each record of stdout as it comes, up to the separator. The visitor returns whether to go on;
// stopping is no error.
Status git_records(const GitCall& call, char separator,
                   const std::function<bool(std::string_view)>& visit,
                   const CancelToken& cancel = {});

}  // namespace engramd::repoindex
