// Which command runs an instance's tests.
#include <algorithm>
#include <array>

#include "agent/swebench/instance.h"
#include "agent/swebench/shell.h"
#include "base/text.h"

namespace engramd::agent::swebench {
namespace {

struct UsualCommand {
  std::string_view repo, command;
};
// Repositories of SWE-bench whose tests pytest does not run. Without an entry: pytest.
constexpr std::array<UsualCommand, 2> kUsual = {{
    {"django/django",
     "python3 ./tests/runtests.py --verbosity 2 --settings=test_sqlite --parallel 1 {modules}"},
    {"astropy/astropy",
     "python3 -m pytest -rA -vv -o console_output_style=classic --tb=no {files}"},
}};
constexpr std::string_view kPytest = "python3 -m pytest -rA --tb=no -p no:cacheprovider {files}";

// The lines of an evaluation script between the marks of its output.
std::string command_in(std::string_view script) {
  std::string command;
  bool inside = false;
  for (const std::string_view line : split_lines(script)) {
    if (line.find(">>>>> End Test Output") != std::string_view::npos) break;
    if (inside && !trim(line).empty()) command += (command.empty() ? "" : "\n") + std::string(line);
    if (line.find(">>>>> Start Test Output") != std::string_view::npos) inside = true;
  }
  return command;
}

// "tests/admin_views/test_x.py" -> "admin_views.test_x", as django's runner names it.
std::string module_of(std::string path) {
  if (path.starts_with("tests/")) path = path.substr(6);
  if (path.ends_with(".py")) path.resize(path.size() - 3);
  std::replace(path.begin(), path.end(), '/', '.');
  return path;
}

}  // namespace

std::string test_command_for(const Instance& instance) {
  if (!instance.test_command.empty()) return instance.test_command;
  if (std::string command = command_in(instance.eval_script); !command.empty()) return command;
  for (const UsualCommand& usual : kUsual)
    if (usual.repo == instance.repo) return std::string(usual.command);
  return std::string(kPytest);
}

std::string with_files(const std::string& command, const std::vector<std::string>& files) {
  std::string words, modules;
  for (const std::string& file : files) {
    words += (words.empty() ? "" : " ") + shell_word(file);
    if (file.ends_with(".py"))
      modules += (modules.empty() ? "" : " ") + shell_word(module_of(file));
  }
  return std::string(
      trim(replace_all(replace_all(command, "{files}", words), "{modules}", modules)));
}

}  // namespace engramd::agent::swebench
