#include "agent/swebench/guard.h"

#include <algorithm>
#include <array>

#include "agent/swebench/instance.h"
#include "agent/swebench/shell.h"
#include "base/process.h"
#include "base/text.h"

namespace engramd::agent::swebench {
namespace {

std::vector<std::string_view> parts_of(std::string_view path) {
  std::vector<std::string_view> parts;
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    parts.push_back(path.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

bool is_in_test_folder(const std::vector<std::string_view>& parts) {
  return std::any_of(parts.begin(), parts.end() - 1,
                     [](std::string_view part) { return part == "tests" || part == "test"; });
}

bool is_test_name(std::string_view name) {
  return (name.ends_with(".py") && (name.starts_with("test_") || name.ends_with("_test.py") ||
                                    name == "tests.py" || name == "conftest.py"));
}

bool is_runner_config(std::string_view name) {
  return name == "pytest.ini" || name == ".pytest.ini" || name == "pytest.toml" ||
         name == ".pytest.toml";
}

// What pytest would read of a file that holds other settings as well.
std::string runner_lines(std::string_view text) {
  std::string lines;
  bool inside = false;
  for (const std::string_view line : split_lines(text)) {
    const std::string_view bare = trim(line);
    if (bare.starts_with('[')) inside = bare.find("pytest") != std::string_view::npos;
    if (inside || bare.find("pytest") != std::string_view::npos) lines += std::string(bare) + "\n";
  }
  return lines;
}

// Modules that Python and pytest load before the project's.
const std::set<std::string, std::less<>>& runner_modules() {
  static const std::set<std::string, std::less<>> names = [] {
    std::set<std::string, std::less<>> all = {
        "pytest",    "_pytest",  "pluggy", "iniconfig", "packaging",      "attr",
        "attrs",     "py",       "toml",   "tomli",     "exceptiongroup", "importlib_metadata",
        "zipp",      "colorama", "six",    "pygments",  "more_itertools", "pyparsing",
        "wcwidth",   "os",       "sys",    "site",      "json",           "re",
        "unittest",  "argparse", "shlex",  "typing",    "collections",    "functools",
        "itertools", "pathlib",  "ast",    "inspect",   "importlib",      "warnings",
        "atexit",    "tempfile", "io",     "types",     "enum",           "abc"};
    ProcessOptions ask;
    ask.argv = {"python3", "-I", "-c",
                "import sys; print(*getattr(sys, 'stdlib_module_names', ()))"};
    ask.wall_ms = 20'000;
    if (const auto ran = run_process(ask); ran && ran->ok()) {
      std::string word;
      for (const char c : ran->stdout_text) {
        if (c != ' ' && c != '\n') {
          word += c;
          continue;
        }
        if (!word.empty()) all.insert(word);
        word.clear();
      }
    }
    return all;
  }();
  return names;
}

bool is_importable(std::string_view name) {
  return name.ends_with(".py") || name.ends_with(".pyc") || name.ends_with(".so") ||
         name.ends_with(".pyd");
}

// The top-level module that a new file would be, when it is one that the runner needs.
std::string stands_in_for(const std::string& path, const GuardContext& context) {
  const auto parts = parts_of(path);
  std::string folder;
  for (const std::string_view part : parts) {
    // Below a package a name is the package's.
    if (!folder.empty() && context.trusted_has(folder + "/__init__.py")) return {};
    const std::string here = folder.empty() ? std::string(part) : folder + "/" + std::string(part);
    const std::string_view stem = part.substr(0, part.find('.'));
    const bool is_file = here.size() == path.size();
    if ((!is_file || is_importable(part)) && runner_modules().count(stem) != 0 &&
        !context.trusted_has(here))
      return std::string(stem);
    folder = here;
  }
  return {};
}

bool is_word_of(const std::string& path, std::string_view command) {
  for (size_t at = command.find(path); at != std::string_view::npos;
       at = command.find(path, at + 1)) {
    const bool starts = at == 0 || std::string_view(" \t\n'\"=;&|(/").find(command[at - 1]) !=
                                       std::string_view::npos;
    const size_t end = at + path.size();
    const bool ends = end == command.size() ||
                      std::string_view(" \t\n'\";&|)").find(command[end]) != std::string_view::npos;
    if (starts && ends) return true;
  }
  return false;
}

}  // namespace

std::string guard_reason(const std::string& path, const GuardContext& context) {
  const auto parts = parts_of(path);
  const std::string_view name = parts.back();
  if (context.test_patch_files.count(path) != 0) return "tests";
  if (is_test_name(name) || is_in_test_folder(parts)) return "tests";
  if (is_runner_config(name)) return "configuration of the test runner";
  if (name == "setup.cfg" || name == "tox.ini" || name == "pyproject.toml") {
    const auto patched = context.patched_text(path), trusted = context.trusted_text(path);
    if (runner_lines(patched.value_or("")) != runner_lines(trusted.value_or("")))
      return "configuration of the test runner";
    return {};
  }
  for (const std::string_view part : parts) {
    const std::string_view stem = part.substr(0, part.find('.'));
    if (stem == "sitecustomize" || stem == "usercustomize") return "loaded by Python at its start";
    if (part.ends_with(".egg-info") || part.ends_with(".dist-info") || part.ends_with(".egg-link"))
      return "could register a plugin of the test runner";
    if (part == "__pycache__") return "compiled code in place of its source";
  }
  if (name.ends_with(".pth")) return "loaded by Python at its start";
  if (name.ends_with(".pyc")) return "compiled code in place of its source";
  if (is_word_of(path, context.test_command)) return "named by the test command";
  if (const std::string module = stands_in_for(path, context); !module.empty())
    return "would be loaded in place of " + module;
  return {};
}

bool is_left_out_of_submission(const std::string& path) {
  const auto parts = parts_of(path);
  const std::string_view name = parts.back();
  static constexpr std::array<std::string_view, 14> kNames = {
      "package-lock.json",   "yarn.lock",
      "pnpm-lock.yaml",      "poetry.lock",
      "Pipfile.lock",        "uv.lock",
      "Cargo.lock",          "go.sum",
      "composer.lock",       "Gemfile.lock",
      ".gitlab-ci.yml",      ".travis.yml",
      "azure-pipelines.yml", ".pre-commit-config.yaml"};
  static constexpr std::array<std::string_view, 9> kFolders = {".git",    ".github",   ".circleci",
                                                               ".husky",  ".githooks", ".vscode",
                                                               ".claude", ".cursor",   ".codex"};
  return is_test_name(name) || is_in_test_folder(parts) || is_runner_config(name) ||
         std::find(kNames.begin(), kNames.end(), name) != kNames.end() ||
         std::find(kFolders.begin(), kFolders.end(), parts.front()) != kFolders.end() ||
         name == "AGENTS.md" || name == "CLAUDE.md";
}

Submission submission_of(std::string_view patch) {
  Submission submission;
  std::vector<std::string> sections;
  for (size_t begin = 0; begin < patch.size();) {
    const size_t next = patch.find("\ndiff --git ", begin);
    const size_t end = next == std::string_view::npos ? patch.size() : next + 1;
    sections.emplace_back(patch.substr(begin, end - begin));
    begin = end;
  }
  for (const std::string& section : sections) {
    const std::vector<std::string> files = files_of_patch(section);
    const bool is_new = section.find("\nnew file mode ") != std::string::npos;
    bool out = false;
    for (const std::string& file : files) {
      const std::string lower = [&] {
        std::string text = file;
        std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) {
          return static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
        });
        return text;
      }();
      const bool scratch = is_new && lower.find('/') == std::string::npos &&
                           (lower.starts_with("repro") || lower.starts_with("debug") ||
                            lower.starts_with("scratch") || lower.starts_with("tmp"));
      if (is_left_out_of_submission(file) || scratch) {
        out = true;
        submission.left_out.push_back(file);
      }
    }
    if (!out) submission.patch += section;
  }
  return submission;
}

}  // namespace engramd::agent::swebench
