#include "repoindex/git/command.h"

#include "base/environment.h"
#include "base/process.h"
#include "base/text.h"

namespace engramd::repoindex {

namespace {

constexpr size_t kMaxRecordBytes = 1u << 20;

std::vector<std::pair<std::string, std::string>> clean_environment() {
  std::vector<std::pair<std::string, std::string>> env = {
      {"LC_ALL", "C"},
      {"GIT_OPTIONAL_LOCKS", "0"},
      {"GIT_TERMINAL_PROMPT", "0"},
      {"GIT_ASKPASS", "/bin/false"},
      {"SSH_ASKPASS", "/bin/false"},
      {"GIT_PAGER", "cat"},
      {"GIT_ALLOW_PROTOCOL", "none"},  // a promised blob stays missing instead of being fetched
      {"GIT_NO_LAZY_FETCH", "1"},
      {"GIT_LITERAL_PATHSPECS", "1"},  // a file may be called "*" or ":(top)"
  };
  // Where the user's own configuration is; safe.directory is read from there, by git itself.
  for (const char* name :
       {"PATH", "HOME", "USER", "LOGNAME", "XDG_CONFIG_HOME", "TMPDIR", "SUDO_UID",
        "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM"}) {
    if (auto value = environment(name)) env.emplace_back(name, *value);
  }
  return env;
}

ProcessOptions options_of(const GitCall& call) {
  ProcessOptions options;
  options.argv = {"git", "--no-pager",
                  "-c",  "core.fsmonitor=false",
                  "-c",  "core.hooksPath=/dev/null",
                  "-c",  "core.quotePath=false",
                  "-c",  "log.showSignature=false",
                  "-c",  "gc.auto=0",
                  "-c",  "maintenance.auto=false"};
  options.argv.insert(options.argv.end(), call.arguments.begin(), call.arguments.end());
  options.cwd = call.folder;
  options.env = clean_environment();
  options.stdin_text = call.input;
  options.wall_ms = call.wall_ms;
  return options;
}

Status check_end(const GitCall& call, const ProcessResult& result, const CancelToken& cancel) {
  ENGRAMD_CHECK(cancel.check());
  const std::string what = "git " + (call.arguments.empty() ? "" : call.arguments.front());
  if (result.timed_out) {
    return fail(ErrorCode::exhausted,
                what + " took more than " + std::to_string(call.wall_ms) + " ms");
  }
  if (result.ok()) return {};
  std::string said = result.stderr_text.substr(0, result.stderr_text.find('\n'));
  if (said.compare(0, 7, "fatal: ") == 0) said.erase(0, 7);
  if (said.empty()) said = "exit status " + std::to_string(result.exit_code);
  const bool absent = said.find("no such path") != std::string::npos ||
                      said.find("unknown revision") != std::string::npos ||
                      said.find("bad revision") != std::string::npos ||
                      said.find("bad object") != std::string::npos;
  return fail(absent ? ErrorCode::not_found : ErrorCode::unavailable, what + ": " + said);
}

}  // namespace

bool have_git_program() {
  return !find_program("git").empty();
}

Result<std::string> git_text(const GitCall& call, const CancelToken& cancel, size_t max_bytes) {
  ProcessOptions options = options_of(call);
  options.max_output_bytes = 2 * max_bytes;  // beyond its half the head is no longer whole
  ENGRAMD_TRY(ProcessResult result, run_process(options, cancel));
  ENGRAMD_CHECK(check_end(call, result, cancel));
  if (result.stdout_text.size() > max_bytes) {
    return fail(ErrorCode::exhausted, "git " + call.arguments.front() + " answered more than " +
                                          std::to_string(max_bytes) + " bytes");
  }
  return std::move(result.stdout_text);
}

Status git_records(const GitCall& call, char separator,
                   const std::function<bool(std::string_view)>& visit, const CancelToken& cancel) {
  CancelSource stop(cancel);
  bool done = false, too_long = false;
  std::string rest;
  ProcessOptions options = options_of(call);
  options.max_output_bytes = 4096;
  options.grace_ms = 100;
  options.on_stdout = [&](std::string_view piece) {
    while (!done && !piece.empty()) {
      const size_t end = piece.find(separator);
      if (end == std::string_view::npos) {
        rest += piece;
        too_long = rest.size() > kMaxRecordBytes;
        done = done || too_long;
        break;
      }
      if (rest.empty()) {
        done = !visit(piece.substr(0, end));
      } else {
        rest += piece.substr(0, end);
        done = !visit(rest);
        rest.clear();
      }
      piece.remove_prefix(end + 1);
    }
    if (done) stop.cancel();
  };
  ENGRAMD_TRY(ProcessResult result, run_process(options, stop.token()));
  if (too_long) {
    return fail(ErrorCode::corrupt, "git " + call.arguments.front() +
                                        " answered a record of more than " +
                                        std::to_string(kMaxRecordBytes) + " bytes");
  }
  if (done) return cancel.check();
  ENGRAMD_CHECK(check_end(call, result, cancel));
  if (!rest.empty()) visit(rest);
  return {};
}

}  // namespace engramd::repoindex
