// agent/swebench/guard.h - which files a model's patch may not decide when it is graded.
//
// Tests, the configuration of the test runner, what Python loads by itself at its start, and files
// that would be loaded in place of the runner's own modules: they are put back as the real fix and
// its tests have them (or as they were). Pure functions but for the list of module names; any
// thread.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace engramd::agent::swebench {

struct GuardContext {
  std::set<std::string> test_patch_files;  // of the instance
  std::string test_command;                // files that it names decide too
  // Of a path, as the patched tree and as the trusted one have it; nothing: not there.
  std::function<std::optional<std::string>(const std::string&)> patched_text, trusted_text;
  // Whether the trusted tree has the path, or anything below it.
  std::function<bool(const std::string&)> trusted_has;
};

// Why the file is put back: "tests", "configuration of the test runner" …; empty: it stays.
std::string guard_reason(const std::string& path, const GuardContext& context);

// A file of tests, CI, locks, hooks or agents' settings: left out of the patch that is submitted.
bool is_left_out_of_submission(const std::string& path);

struct Submission {
  std::string patch;
  std::vector<std::string> left_out;
};
// The patch without those files, and without new files that only helped (scratch scripts in the
// root).
Submission submission_of(std::string_view patch);

}  // namespace engramd::agent::swebench
