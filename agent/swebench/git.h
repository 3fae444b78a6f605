// agent/swebench/git.h - the git program, run so that nothing in a repository can make it run
// something else.
//
// No hooks, no fsmonitor, no attributes' programs, no user's or system's configuration, no
// prompts, no other transport than the local file system, no maintenance in the background. Any
// thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/cancel.h"
#include "base/process.h"
#include "base/result.h"

namespace engramd::agent::swebench {

struct GitCall {
  // One of the two: a folder with a work tree, or a git directory.
  std::filesystem::path work_tree, git_dir;
  std::vector<std::string> arguments;
  std::vector<std::pair<std::string, std::string>> env;  // an index or objects of our own
  std::string stdin_text;
  size_t max_output_bytes = 64u << 20;
  int64_t wall_ms = 30 * 60 * 1000;
};

GitCall in_work_tree(std::filesystem::path folder, std::vector<std::string> arguments);
GitCall in_git_dir(std::filesystem::path folder, std::vector<std::string> arguments);

// How git ended, whatever it says; an error only when it could not be run or was cancelled.
Result<ProcessResult> try_git(const GitCall& call, const CancelToken& cancel = {});
// Its standard output; an error with git's last line when it fails or prints more than the bound.
Result<std::string> git(const GitCall& call, const CancelToken& cancel = {});
// The same for a command that has nothing to say.
Status run_git(const GitCall& call, const CancelToken& cancel = {});

}  // namespace engramd::agent::swebench
