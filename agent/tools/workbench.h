// agent/tools/workbench.h - the copy of the repository that a run edits, tests and diffs.
//
// The user's tree is only read. Edits land in a private copy, each checked: the path stays inside,
// the file is what the model last saw of it, the parse is not broken, tests and CI files need
// consent. Edits come in steps, each of which can be taken back. changes() is all that has to be
// saved to continue after a kill. One thread at a time.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/edit/path_class.h"
#include "agent/edit/unified_diff.h"
#include "agent/sandbox/sandbox.h"
#include "agent/tests/runner.h"
#include "agent/verify/verify_options.h"
#include "base/cancel.h"
#include "base/result.h"
#include "repoindex/view.h"

namespace engramd::repoindex {
class ParseHosts;
class RepoIndex;
}  // namespace engramd::repoindex

namespace engramd::agent {

class EditVerifier;  // agent/verify/verifier.h

struct WorkbenchOptions {
  TestSetup tests;  // what it leaves open is found in the project, if it is usual
  SandboxMode sandbox = SandboxMode::automatic;
  SandboxLimits test_limits;
  bool allow_protected = false;                        // edits of tests, CI, lock and hook files
  std::shared_ptr<repoindex::ParseHosts> parse_hosts;  // null: texts are parsed here
  // Texts that stand for the files on disk (an editor's unsaved buffers), by relative path.
  std::map<std::string, std::string> unsaved;
  // Asked before each write; an error is the reason why not. Empty: nobody is asked.
  std::function<Status(const FileChange& change)> edit_gate;
  // Asked about a protected file when allow_protected is not set: true is consent.
  std::function<bool(const FileChange& change, PathClass path_class)> consent;
  // Of the user's tree, kept fresh by its owner; null: opened here, from the user's cache.
  std::shared_ptr<repoindex::RepoIndex> index;
  // Checks after each edit; nothing: edits are answered without feedback.
  std::optional<VerifyOptions> verify;
};

// What a command did to the tree.
struct CommandRun {
  ProcessResult process;
  std::vector<std::string> changed;     // became part of the diff
  std::vector<std::string> taken_back;  // protected files: restored as they were
  std::vector<std::string> left_out;    // "path: why": ignored by git, binary, too large
};

class Workbench {
 public:
  static constexpr size_t kMaxFileBytes = 1u << 20;  // of a file that is edited

  // Copies the tree (with ignored files) into a private temporary folder. Error of code
  // unavailable, with the remedy, when there are tests to run and no sandbox to run them in.
  static Result<std::unique_ptr<Workbench>> open(const std::filesystem::path& repo,
                                                 WorkbenchOptions options,
                                                 const CancelToken& cancel = {});
  virtual ~Workbench() = default;

  virtual const std::filesystem::path& tree() const = 0;
  virtual const std::filesystem::path& original() const = 0;  // the user's
  // The index of the copy, fresh after every write.
  virtual Result<repoindex::View> view(const CancelToken& cancel = {}) = 0;

  // Not found, binary, outside: an error that says so.
  virtual Result<std::string> read(const std::string& path) const = 0;
  // The same for a text that the model is shown: from now on an edit of the file is refused when it
  // is no longer this text.
  virtual Result<std::string> show(const std::string& path) = 0;

  // ---- edits: each call is one step, all of it or nothing
  // What each file is to become; `before` is what it must be now. Refused with a reason: a path
  // outside the tree, a protected file, a text that no longer parses where the old one did, a
  // binary, generated, read-only or too large file, a file that has changed behind the model's back
  // (with the lines it has now).
  virtual Status apply(const std::vector<FileChange>& changes) = 0;
  // The whole new text of a file (which may be new).
  Status write(const std::string& path, const std::string& text);
  Status remove(const std::string& path);
  Status rename(const std::string& from, const std::string& to);
  // Takes the last step back; the paths that changed. Error not_found when there is none.
  virtual Result<std::vector<std::string>> undo() = 0;
  virtual size_t n_steps() const = 0;  // that can be taken back
  // Puts back what an earlier run had written: nobody is asked, and only the path is checked.
  virtual Status restore(const std::string& path, const std::string& text) = 0;
  virtual Status restore_removed(const std::string& path) = 0;

  // ---- commands
  virtual Result<TestRun> run_tests(const CancelToken& cancel) = 0;
  // Only these: ids as the framework writes them, or paths. Everything when it cannot be told how.
  virtual Result<TestRun> run_tests(const std::vector<std::string>& only, int64_t wall_ms,
                                    const CancelToken& cancel) = 0;
  // What run_tests runs; empty when the project has no test command.
  virtual const std::string& test_command() const = 0;
  bool has_tests() const { return !test_command().empty(); }
  // By /bin/sh in the sandbox. What it changes in the tree is a step of its own.
  virtual Result<CommandRun> run_command(const std::string& command, const SandboxLimits& limits,
                                         const CancelToken& cancel) = 0;
  // Made when first asked. Error of code unavailable, with the remedy. Valid while this is.
  virtual Result<const Sandbox*> sandbox() = 0;

  // Of the options; null when they ask for none. Valid while this is.
  virtual EditVerifier* verifier() = 0;

  // ---- what came of it
  // Every file that differs from the base: path -> text; what a resumed run starts from.
  virtual const std::map<std::string, std::string>& changed() const = 0;
  virtual const std::set<std::string>& removed() const = 0;
  // Both, as changes against the user's tree, by path.
  virtual std::vector<FileChange> changes() const = 0;
  // Hash of a file as it was in the user's tree when the copy was made; empty for a new file.
  virtual std::string base_hash(const std::string& path) const = 0;
  // A file's text as it was then; nothing for a new file.
  virtual std::optional<std::string> base_text(const std::string& path) const = 0;
  // Unified diff of all changes against the user's tree, "a/" and "b/" prefixed.
  virtual std::string diff() const = 0;
  // What a person or the model should know, once each: a file that the user edits at the same time.
  virtual std::vector<std::string> take_notes() = 0;
};

}  // namespace engramd::agent
