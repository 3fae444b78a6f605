// daemon/cli/command.h - the command line as one table.
//
// A command is a row: a name, a summary and a function that declares its options on a CLI::App and
// returns what to run. Adding a command: one .cpp beside this with a define_NAME function, one row
// in commands() (command.cpp), one test. Main thread only.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "daemon/config/settings.h"
#include "repoindex/index.h"

namespace CLI {
class App;
}

namespace engramd::daemon::cli {

// What the process exits with: 0 success, 1 the work failed, 2 bad usage or input, 3 environment.
using Action = std::function<Result<int>()>;

struct CommandRow {
  const char* name;
  const char* group;  // empty: not listed
  const char* summary;
  Action (*define)(CLI::App&);
};
const std::vector<CommandRow>& commands();

Action define_lsp(CLI::App&);
Action define_daemon(CLI::App&);
Action define_status(CLI::App&);
Action define_stop(CLI::App&);
Action define_index(CLI::App&);
Action define_query(CLI::App&);
Action define_locate(CLI::App&);
Action define_context(CLI::App&);
Action define_complete(CLI::App&);
Action define_fix(CLI::App&);
Action define_swebench(CLI::App&);
Action define_undo(CLI::App&);
Action define_trajectory(CLI::App&);
Action define_model(CLI::App&);
Action define_tokenize(CLI::App&);
Action define_generate(CLI::App&);
Action define_logits(CLI::App&);
Action define_bench(CLI::App&);
Action define_serve(CLI::App&);
Action define_config(CLI::App&);
Action define_doctor(CLI::App&);
Action define_parse_host(CLI::App&);

// --- shared by the commands -----------------------------------------------------------------

// Cancelled by SIGINT and SIGTERM; a second signal ends the process at once.
CancelToken interrupt_token();
// Which of them came first; 0: none yet.
int interrupt_signal();

// --repo, --json, --model and --rev, where a command has them.
struct CommonOptions {
  std::string repo = ".";
  bool json = false;
  std::string model;
  std::string revision;  // --rev: a commit's files instead of the folder's
};
void add_repo_option(CLI::App&, CommonOptions&);
void add_json_option(CLI::App&, CommonOptions&);
void add_model_option(CLI::App&, CommonOptions&);
void add_revision_option(CLI::App&, CommonOptions&);
Result<Settings> settings_for(const CommonOptions&);
// The repository's root: the folder given, or the git work tree around it.
Result<std::filesystem::path> repository_root(const std::string& folder);

// What to index, and parse hosts to do it.
repoindex::IndexOptions index_options(const Settings&);

// Opens and refreshes the index of --repo, with a progress line on a terminal's stderr.
struct OpenedIndex {
  std::unique_ptr<repoindex::RepoIndex> index;
  std::shared_ptr<repoindex::ParseHosts> parse_hosts;  // that it was indexed with
  repoindex::IndexStats stats;
  repoindex::View view;
};
Result<OpenedIndex> open_index(const CommonOptions&, const Settings&);

// "FILE:LINE:COL" (1-based, as compilers print it; a column counts bytes) into a path relative to
// the root and a byte offset.
struct FilePosition {
  std::string path;
  size_t offset = 0;
};
Result<FilePosition> parse_position(const std::string& text, const repoindex::View&);

// A readable line of a byte count: "12.3 MB".
std::string human_bytes(uint64_t bytes);
std::string fixed(double value, int digits);

}  // namespace engramd::daemon::cli
