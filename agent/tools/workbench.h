// agent/tools/workbench.h - the copy of the repository that a run edits, tests and diffs.
//
// The user's tree is only read. Edits land in a private copy, each checked: the path stays inside,
// the parse is not broken, tests and CI files need consent. changed() is all that has to be saved
// to continue after a kill. One thread at a time.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "agent/sandbox/sandbox.h"
#include "agent/tests/runner.h"
#include "base/cancel.h"
#include "base/result.h"
#include "repoindex/view.h"

namespace engramd::repoindex {
class ParseHosts;
}

namespace engramd::agent {

struct WorkbenchOptions {
  std::string test_command;  // empty: found in the project, if it has a usual one
  SandboxMode sandbox = SandboxMode::automatic;
  SandboxLimits test_limits;
  bool allow_protected = false;                        // edits of tests, CI, lock and hook files
  std::shared_ptr<repoindex::ParseHosts> parse_hosts;  // null: the copy is indexed here
};

class Workbench {
 public:
  // Copies the tree (with ignored files) into a private temporary folder. Error of code
  // unavailable, with the remedy, when there are tests to run and no sandbox to run them in.
  static Result<std::unique_ptr<Workbench>> open(const std::filesystem::path& repo,
                                                 WorkbenchOptions options,
                                                 const CancelToken& cancel = {});
  virtual ~Workbench() = default;

  virtual const std::filesystem::path& tree() const = 0;
  // The index of the copy, fresh after every write.
  virtual Result<repoindex::View> view(const CancelToken& cancel = {}) = 0;

  virtual Result<std::string> read(const std::string& path) const = 0;
  // The whole new text of a file (which may be new). Refused with a reason: a path outside the
  // tree, a protected file, a text that no longer parses where the old one did.
  virtual Status write(const std::string& path, const std::string& text) = 0;
  virtual Result<TestRun> run_tests(const CancelToken& cancel) = 0;
  // What run_tests runs; empty when the project has no test command.
  virtual const std::string& test_command() const = 0;
  bool has_tests() const { return !test_command().empty(); }

  // Every file that differs from the base: path -> text; what a resumed run starts from.
  virtual const std::map<std::string, std::string>& changed() const = 0;
  // Hash of a file as it was in the user's tree when the copy was made; empty for a new file.
  virtual std::string base_hash(const std::string& path) const = 0;
  // A file's text as it was then; nothing for a new file.
  virtual std::optional<std::string> base_text(const std::string& path) const = 0;
  // Unified diff of all changes against the user's tree, "a/" and "b/" prefixed.
  virtual std::string diff() const = 0;
};

// Tests, CI definitions, lock files, hooks, agent configuration: a change to these needs consent.
bool is_protected_path(const std::string& path);

}  // namespace engramd::agent
