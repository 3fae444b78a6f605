#include "daemon/cli/task_flags.h"

#include <CLI/CLI.hpp>
#include <iostream>

#include "base/file.h"

namespace engramd::daemon::cli {
namespace {

// What a model or a ranking sees of it is far less; more than this is no issue text.
constexpr uint64_t kMaxTaskBytes = 64u << 20;

Result<std::string> read_standard_input() {
  std::string text;
  char block[1 << 16];
  while (std::cin.read(block, sizeof block) || std::cin.gcount() > 0) {
    text.append(block, static_cast<size_t>(std::cin.gcount()));
    if (text.size() > kMaxTaskBytes)
      return fail(ErrorCode::exhausted, "the task on standard input is over 64 MiB");
  }
  return text;
}

}  // namespace

void add_task_options(CLI::App& app, TaskText& task) {
  app.add_option("--task", task.file, "file with the issue text; - for standard input");
  app.add_option("--issue", task.issue, "the issue text itself");
}

Result<std::string> read_task(const TaskText& task) {
  if (!task.file.empty() && !task.issue.empty())
    return fail(ErrorCode::invalid_input, "give one of --task FILE and --issue TEXT");
  if (task.file.empty()) return task.issue;
  if (task.file == "-") return read_standard_input();
  return read_file(task.file, kMaxTaskBytes);
}

}  // namespace engramd::daemon::cli
