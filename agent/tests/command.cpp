#include "agent/tests/command.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/tests/framework.h"
#include "base/file.h"
#include "base/text.h"

namespace engramd::agent {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// What only the warm runner needs: the pieces of a call of pytest that the shell adds nothing to.
std::optional<TestCommand::Pytest> plain_pytest(const std::string& line) {
  const std::vector<ShellCall> calls = shell_calls(line);
  if (calls.size() != 1 || calls[0].redirected) return std::nullopt;
  for (const LineWord& word : calls[0].words)
    if (!word.plain || word.text.find_first_of("*?~") != std::string::npos) return std::nullopt;
  if (line.find_first_of(";&|<>()\n") != std::string::npos) return std::nullopt;
  TestCommand::Pytest pytest;
  size_t at = 0;
  const auto& words = calls[0].words;
  for (; at < words.size() && is_assignment(words[at].text); ++at) {
    const size_t equals = words[at].text.find('=');
    pytest.env.push_back({words[at].text.substr(0, equals), words[at].text.substr(equals + 1)});
  }
  if (at >= words.size()) return std::nullopt;
  pytest.program = words[at].text;
  const std::string name = fs::path(pytest.program).filename().string();
  if (name == "pytest" || name == "py.test" || name == "pytest-3") {
    ++at;
  } else if (name.starts_with("python") && at + 2 < words.size() && words[at + 1].text == "-m" &&
             words[at + 2].text == "pytest") {
    at += 3;
    pytest.as_module = true;
  } else {
    return std::nullopt;
  }
  for (; at < words.size(); ++at) pytest.arguments.push_back(words[at].text);
  return pytest;
}

// The script that `npm test`, `yarn run unit`, … starts, its manager's way to hand on arguments.
struct Script {
  std::string name;
  std::string separator;
};
std::optional<Script> script_of(const ProgramCall& program) {
  const bool npm = program.name == "npm", bun = program.name == "bun";
  if (!npm && !bun && program.name != "pnpm" && program.name != "yarn") return std::nullopt;
  std::vector<std::string> words;
  for (const std::string& word : program.arguments) {
    if (word == "--") break;
    if (!word.starts_with("-")) words.push_back(word);
  }
  if (words.empty()) return std::nullopt;
  const std::string separator = npm ? " -- " : " ";
  if (words[0] == "run" || words[0] == "run-script")
    return words.size() < 2 ? std::nullopt : std::optional(Script{words[1], separator});
  if (words[0] == "test" || words[0] == "t" || words[0] == "tst")
    return bun ? std::nullopt : std::optional(Script{"test", separator});
  return program.name == "yarn" || program.name == "pnpm"
             ? std::optional(Script{words[0], separator})
             : std::nullopt;
}

std::string script_text(const fs::path& folder, const std::string& name) {
  const auto text = read_file(folder / "package.json", 1u << 20);
  if (!text) return {};
  const json file = json::parse(*text, nullptr, false);
  if (!file.is_object()) return {};
  const auto scripts = file.find("scripts");
  if (scripts == file.end() || !scripts->is_object()) return {};
  const auto script = scripts->find(name);
  return script != scripts->end() && script->is_string() ? script->get<std::string>()
                                                         : std::string();
}

// The folder in which the last call of a line runs: `cd x && …`, `npm --prefix x`.
fs::path folder_of(const std::vector<ShellCall>& calls, const fs::path& root) {
  fs::path folder = root;
  for (const ShellCall& call : calls) {
    if (call.words[0].text == "cd" && call.words.size() == 2 && call.words[1].plain)
      folder = folder / call.words[1].text;
    for (size_t i = 0; i + 1 < call.words.size(); ++i)
      if (call.words[i].text == "--prefix" || call.words[i].text == "--cwd" ||
          call.words[i].text == "-C")
        folder = root / call.words[i + 1].text;
  }
  return folder;
}

void look_into_script(TestCommand& command, const fs::path& root) {
  const std::vector<ShellCall> calls = shell_calls(command.text);
  if (calls.empty()) return;
  auto script = script_of(program_of(calls.back()));
  const fs::path folder = folder_of(calls, root);
  std::string separator, text;
  // A script may start another one.
  for (int depth = 0; script && depth < 4; ++depth) {
    text = script_text(folder, script->name);
    separator += separator.empty() ? script->separator : script->separator.substr(1);
    const std::vector<ShellCall> inner = shell_calls(text);
    if (inner.empty()) return;
    if (const auto found = find_framework_call(text)) {
      command.framework = found->framework;
      command.script = text;
      // Arguments end up behind the last call only.
      const bool last = inner.back().words.back().end == found->call.words.back().end;
      if (last && !inner.back().redirected) command.argument_separator = separator;
      return;
    }
    script = script_of(program_of(inner.back()));
  }
}

// Which framework of C++ a program was built with, by what is in it.
Framework native_framework(const fs::path& file) {
  std::error_code error;
  if (!fs::is_regular_file(file, error)) return Framework::unknown;
  const auto text = read_file(file, 256u << 20);
  if (!text || !text->starts_with("\x7f"
                                  "ELF"))
    return Framework::unknown;
  if (has(*text, " is a Catch") && has(*text, "host application")) return Framework::catch2;
  if (has(*text, "gtest_list_tests")) return Framework::gtest;
  return Framework::unknown;
}

// Of a Makefile's `test` target, tox and nox only the name of what they run is of use: options
// reach it through the environment.
Framework hidden_framework(const ShellCall& call, const fs::path& folder) {
  const ProgramCall program = program_of(call);
  std::string text;
  if (program.name == "make" || program.name == "gmake") {
    for (const char* name : {"GNUmakefile", "makefile", "Makefile"})
      if (const auto file = read_file(folder / name, 1u << 20); file && text.empty()) text = *file;
    std::string target = "test";
    for (const std::string& word : program.arguments)
      if (!word.starts_with("-") && !is_assignment(word)) target = word;
    // The recipe: the lines with a tab behind "target:".
    bool in = false;
    std::string recipe;
    for (const std::string_view line : split_lines(text)) {
      if (!line.starts_with("\t")) in = line.starts_with(target + ":");
      if (in && line.starts_with("\t")) {
        std::string_view body = trim(line);
        while (body.starts_with("@") || body.starts_with("-")) body.remove_prefix(1);
        recipe += std::string(body) + "\n";
      }
    }
    const auto found = find_framework_call(recipe);
    return found ? found->framework : Framework::unknown;
  }
  if (program.name == "tox" || program.name == "nox") {
    const auto file =
        read_file(folder / (program.name == "tox" ? "tox.ini" : "noxfile.py"), 1u << 20);
    if (!file || has(*file, "pytest")) return Framework::pytest;
    return has(*file, "unittest") ? Framework::unittest : Framework::unknown;
  }
  return native_framework(folder / call.words[program.at].text);
}

}  // namespace

TestCommand read_test_command(std::string_view text) {
  TestCommand command;
  command.text = std::string(trim(text));
  command.pytest = plain_pytest(command.text);
  if (const auto found = find_framework_call(command.text)) {
    command.framework = found->framework;
    return command;
  }
  // Behind names that cannot be read as a call (scripts, quoting): by the words in the line.
  static constexpr std::pair<std::string_view, Framework> kWords[] = {
      {"pytest", Framework::pytest},     {"py.test", Framework::pytest},
      {"unittest", Framework::unittest}, {"vitest", Framework::vitest},
      {"ctest", Framework::ctest},       {"cargo test", Framework::cargo},
      {"go test", Framework::go},
  };
  for (const auto& [word, framework] : kWords)
    if (has(command.text, word)) {
      command.framework = framework;
      break;
    }
  return command;
}

TestCommand read_test_command(std::string_view text, const fs::path& root) {
  TestCommand command = read_test_command(text);
  if (command.framework != Framework::unknown) return command;
  look_into_script(command, root);
  const std::vector<ShellCall> calls = shell_calls(command.text);
  if (command.framework == Framework::unknown && !calls.empty())
    command.framework = hidden_framework(calls.back(), folder_of(calls, root));
  return command;
}

std::optional<TestCommand> select_command(const TestCommand& command,
                                          const std::vector<std::string>& ids) {
  if (ids.empty()) return std::nullopt;
  const FrameworkRow& row = row_of(command.framework);
  if (row.select == nullptr) return std::nullopt;
  auto edit = edit_of(command);
  if (!edit || !row.select(ids, *edit)) return std::nullopt;
  TestCommand selected = command;
  selected.text = edit->result();
  selected.pytest = plain_pytest(selected.text);
  // Whole scripts may have got a separator: it is part of the text now.
  if (!selected.script.empty()) selected.argument_separator = " ";
  return selected;
}

}  // namespace engramd::agent
