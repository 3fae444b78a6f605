#include "daemon/cli/ask_permission.h"

#include <poll.h>
#include <unistd.h>

#include <cstdio>

#include "agent/loop/clean_text.h"
#include "agent/loop/trajectory_view.h"
#include "base/text.h"
#include "daemon/cli/command.h"
#include "daemon/cli/terminal.h"

namespace engramd::daemon::cli {
namespace {

constexpr int kPollMs = 100;
constexpr size_t kMaxAnswer = 200;

// A line from the terminal; empty at its end, or when the run is stopped.
std::string answer_line() {
  std::string line;
  while (!interrupt_token().cancelled() && line.size() < kMaxAnswer) {
    pollfd in{STDIN_FILENO, POLLIN, 0};
    if (::poll(&in, 1, kPollMs) <= 0) continue;
    char c = 0;
    if (::read(STDIN_FILENO, &c, 1) != 1 || c == '\n') break;
    line += c;
  }
  return std::string(trim(line));
}

}  // namespace

agent::AskPermission terminal_permission(std::function<void()> before) {
  if (!is_terminal(STDIN_FILENO) || !is_terminal(STDERR_FILENO)) return {};
  return [before = std::move(before)](const agent::PermissionQuestion& question) {
    using Kind = agent::PermissionQuestion::Kind;
    if (before) before();
    const bool colour = shows_colour(STDERR_FILENO);
    const std::string subject = agent::with_visible_controls(utf8_sanitized(question.subject));
    const bool can_always = question.kind != Kind::protected_file;
    if (question.kind == Kind::command)
      std::fprintf(stderr, "\nrun %s ? (%s)\n", painted(colour, kBold, subject).c_str(),
                   agent::with_visible_controls(question.detail).c_str());
    else
      std::fprintf(stderr, "\n%s\nchange %s%s ?\n",
                   agent::readable_diff(question.detail, colour).c_str(),
                   painted(colour, kBold, subject).c_str(),
                   can_always ? "" : ", a test, CI, lock or hook file,");
    for (int tries = 0; tries < 3 && !interrupt_token().cancelled(); ++tries) {
      std::fprintf(stderr,
                   can_always ? "[y]es, [a]lways in this project, [n]o: " : "[y]es, [n]o: ");
      std::fflush(stderr);
      const std::string answer = answer_line();
      if (answer == "y" || answer == "yes") return agent::PermissionAnswer::once;
      if (can_always && (answer == "a" || answer == "always"))
        return agent::PermissionAnswer::always;
      if (answer.empty() || answer == "n" || answer == "no") break;
    }
    return agent::PermissionAnswer::no;
  };
}

}  // namespace engramd::daemon::cli
