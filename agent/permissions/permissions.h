// agent/permissions/permissions.h - what the agent may do without asking, and whom it asks.
//
//   read-only     looks, runs commands that only look; changes nothing
//   ask           every edit and every command that is not allowed by a rule is asked for
//   accept-edits  edits are made, commands are asked for
//   auto          everything that no rule denies; only with a sandbox around it
//
// Rules come from the user's settings and from "always" answers, which are kept per project in the
// state folder. Nothing that a repository, an issue or a model says gets here. One thread.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/edit/unified_diff.h"
#include "agent/permissions/rules.h"
#include "base/result.h"

namespace engramd::agent {

enum class PermissionMode { read_only, ask, accept_edits, automatic };
std::string_view to_string(PermissionMode mode);
Result<PermissionMode> read_permission_mode(std::string_view text);

struct PermissionQuestion {
  enum class Kind { command, edit, protected_file } kind = Kind::command;
  std::string subject;  // the command, or the path
  std::string detail;   // the diff of an edit; why a command is asked for
};
enum class PermissionAnswer { no, once, always };
// Empty: nobody is there to ask, and what would be asked is refused.
using AskPermission = std::function<PermissionAnswer(const PermissionQuestion&)>;

struct PermissionOptions {
  PermissionMode mode = PermissionMode::automatic;
  std::vector<CommandRule> rules;
  AskPermission ask;
  // Where "always" answers of this project are kept; empty: for this run only.
  std::filesystem::path store;
};

// <state folder>/permissions/<hash of the root>.json
std::filesystem::path permission_store(const std::filesystem::path& state_folder,
                                       const std::filesystem::path& root);

class Permissions {
 public:
  // A store that cannot be read is no permission, and a note.
  explicit Permissions(PermissionOptions options);

  // Success: go ahead. An error says why not, in words for the model and the user alike.
  Status check_command(const std::string& command);
  Status check_edit(const FileChange& change);
  // A test, CI, lock or hook file: its own consent, whatever the mode; "auto" has nobody's.
  bool consents_to(const FileChange& change);

  PermissionMode mode() const { return options_.mode; }
  const std::vector<std::string>& notes() const { return notes_; }
  size_t n_refused() const { return n_refused_; }

 private:
  Status refuse(const std::string& what);
  Status ask(const PermissionQuestion& question, const ParsedCommand* command);
  void remember(const ParsedCommand& command);
  PermissionOptions options_;
  std::vector<std::string> remembered_, notes_;
  bool edits_always_ = false;
  size_t n_refused_ = 0;
};

}  // namespace engramd::agent
