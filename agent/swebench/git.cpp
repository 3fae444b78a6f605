#include "agent/swebench/git.h"

#include "base/environment.h"
#include "base/text.h"

namespace engramd::agent::swebench {
namespace {

// What git said went wrong: its first "fatal:" or "error:" line, else its last line.
std::string complaint(const ProcessResult& ran) {
  std::string last = "no message";
  for (const std::string_view line : split_lines(ran.stderr_text)) {
    if (line.starts_with("fatal: ") || line.starts_with("error: ")) return std::string(line);
    if (!trim(line).empty()) last = std::string(trim(line));
  }
  return last;
}

}  // namespace

GitCall in_work_tree(std::filesystem::path folder, std::vector<std::string> arguments) {
  GitCall call;
  call.work_tree = std::move(folder);
  call.arguments = std::move(arguments);
  return call;
}

GitCall in_git_dir(std::filesystem::path folder, std::vector<std::string> arguments) {
  GitCall call;
  call.git_dir = std::move(folder);
  call.arguments = std::move(arguments);
  return call;
}

Result<ProcessResult> try_git(const GitCall& call, const CancelToken& cancel) {
  ProcessOptions options;
  options.argv = {"git",
                  "-c",
                  "core.hooksPath=/dev/null",
                  "-c",
                  "core.fsmonitor=false",
                  "-c",
                  "core.untrackedCache=false",
                  "-c",
                  "core.autocrlf=false",
                  "-c",
                  "core.quotePath=false",
                  "-c",
                  "core.logAllRefUpdates=false",
                  "-c",
                  "safe.directory=*",
                  "-c",
                  "protocol.allow=never",
                  "-c",
                  "protocol.file.allow=always",
                  "-c",
                  "gc.auto=0",
                  "-c",
                  "maintenance.auto=false",
                  "-c",
                  "advice.detachedHead=false",
                  "-c",
                  "submodule.recurse=false",
                  "-c",
                  "user.name=engramd",
                  "-c",
                  "user.email=engramd@localhost"};
  if (!call.git_dir.empty()) {
    options.argv.insert(options.argv.end(), {"--git-dir", call.git_dir.string()});
    if (!call.work_tree.empty())
      options.argv.insert(options.argv.end(), {"--work-tree", call.work_tree.string()});
  }
  options.argv.insert(options.argv.end(), call.arguments.begin(), call.arguments.end());
  if (!call.work_tree.empty()) options.cwd = call.work_tree;
  options.env = {{{"PATH", environment("PATH").value_or("/usr/local/bin:/usr/bin:/bin")},
                  {"HOME", "/nonexistent"},
                  {"XDG_CONFIG_HOME", "/nonexistent"},
                  {"GIT_CONFIG_NOSYSTEM", "1"},
                  {"GIT_CONFIG_GLOBAL", "/dev/null"},
                  {"GIT_ATTR_NOSYSTEM", "1"},
                  {"GIT_TERMINAL_PROMPT", "0"},
                  {"GIT_OPTIONAL_LOCKS", "0"},
                  {"GIT_PAGER", "cat"},
                  {"GIT_ADVICE", "0"},
                  {"LC_ALL", "C.UTF-8"}}};
  options.env->insert(options.env->end(), call.env.begin(), call.env.end());
  options.stdin_text = call.stdin_text;
  options.max_output_bytes = call.max_output_bytes;
  options.wall_ms = call.wall_ms;
  ENGRAMD_TRY(ProcessResult ran, run_process(options, cancel));
  if (ran.cancelled) return fail(ErrorCode::cancelled, "cancelled while git was running");
  return ran;
}

Result<std::string> git(const GitCall& call, const CancelToken& cancel) {
  ENGRAMD_TRY(ProcessResult ran, try_git(call, cancel));
  const std::string name =
      "git " + (call.arguments.empty() ? std::string() : call.arguments.front());
  if (ran.timed_out)
    return fail(ErrorCode::exhausted,
                name + " did not end within " + std::to_string(call.wall_ms / 1000) + " s");
  if (!ran.ok()) {
    const std::string what = complaint(ran);
    const bool full = what.find("No space left") != std::string::npos ||
                      what.find("Disk quota") != std::string::npos;
    return fail(full ? ErrorCode::exhausted : ErrorCode::io, name + ": " + what);
  }
  if (ran.output_truncated)
    return fail(ErrorCode::exhausted, name + " printed more than " +
                                          std::to_string(call.max_output_bytes >> 20) + " MiB");
  return std::move(ran.stdout_text);
}

Status run_git(const GitCall& call, const CancelToken& cancel) {
  ENGRAMD_TRY(const std::string said, git(call, cancel));
  (void)said;
  return {};
}

}  // namespace engramd::agent::swebench
