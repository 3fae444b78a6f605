#include "agent/verify/lint.h"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "base/file.h"
#include "base/text.h"

namespace engramd::agent {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxConfig = 1u << 20;
constexpr size_t kMaxDiagnostics = 500;

bool is_configured(const fs::path& tree, const std::string& by) {
  const size_t colon = by.find(':');
  std::error_code error;
  if (colon == std::string::npos) return fs::exists(tree / by, error);
  const auto text = read_file(tree / by.substr(0, colon), kMaxConfig);
  return text && text->find(by.substr(colon + 1)) != std::string::npos;
}

std::string shell_quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string filled(std::string word, const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : "./" + path.substr(0, slash);
  for (const auto& [mark, value] :
       {std::pair<std::string, std::string>{"{file}", path}, {"{folder}", folder}})
    if (const size_t at = word.find(mark); at != std::string::npos)
      word.replace(at, mark.size(), value);
  return word;
}

std::optional<uint32_t> take_number(std::string_view& text) {
  uint32_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(parsed.ptr - text.data()));
  return value;
}

Severity take_severity(std::string_view& text) {
  struct Word {
    std::string_view word;
    Severity severity;
  };
  constexpr Word kWords[] = {{"error", Severity::error},
                             {"fatal error", Severity::error},
                             {"warning", Severity::warning},
                             {"note", Severity::information}};
  for (const Word& one : kWords)
    if (text.starts_with(one.word)) {
      std::string_view rest = text.substr(one.word.size());
      if (rest.starts_with('[')) rest.remove_prefix(std::min(rest.find(']') + 1, rest.size()));
      if (!rest.starts_with(':') && !rest.starts_with(' ')) continue;
      text = trim(rest.starts_with(':') ? rest.substr(1) : rest);
      return one.severity;
    }
  return Severity::warning;
}

}  // namespace

const std::vector<LinterRow>& linters() {
  static const std::vector<LinterRow> kRows = {
      {"ruff",
       {"python"},
       {"ruff.toml", ".ruff.toml", "pyproject.toml:[tool.ruff"},
       "ruff",
       {"check", "--output-format=concise", "--no-fix", "--no-cache", "--quiet", "--stdin-filename",
        "{file}", "-"},
       true},
      {"flake8",
       {"python"},
       {".flake8", "setup.cfg:[flake8", "tox.ini:[flake8"},
       "flake8",
       {"--stdin-display-name", "{file}", "-"},
       true},
      {"pyflakes",
       {"python"},
       {"pyproject.toml:pyflakes", "setup.cfg:pyflakes", "tox.ini:pyflakes",
        "requirements-dev.txt:pyflakes", "requirements.txt:pyflakes"},
       "pyflakes|pyflakes3",  // Debian's name
       {},
       true},
      {"eslint",
       {"javascript", "typescript", "tsx"},
       {"eslint.config.js", "eslint.config.mjs", "eslint.config.cjs", "eslint.config.ts",
        ".eslintrc", ".eslintrc.js", ".eslintrc.cjs", ".eslintrc.json", ".eslintrc.yml",
        "package.json:\"eslintConfig\""},
       "eslint",
       {"--no-color", "--stdin", "--stdin-filename", "{file}"},
       true},
      {"shellcheck", {"bash"}, {".shellcheckrc"}, "shellcheck", {"--format=gcc", "-"}, true},
      {"go vet", {"go"}, {"go.mod"}, "go", {"vet", "{folder}"}, false},
      {"cargo clippy",
       {"rust"},
       {"clippy.toml", ".clippy.toml", "Cargo.toml:[lints.clippy", "Cargo.toml:[workspace.lints"},
       "cargo",
       {"clippy", "--quiet", "--offline", "--message-format=short"},
       false},
      {"clang-tidy",
       {"c", "cpp", "cuda"},
       {".clang-tidy"},
       "clang-tidy",
       {"--quiet", "{file}"},
       false},
  };
  return kRows;
}

const LinterRow* linter_for(const fs::path& tree, const std::string& language) {
  for (const LinterRow& row : linters()) {
    if (std::find(row.languages.begin(), row.languages.end(), language) == row.languages.end())
      continue;
    if (std::any_of(row.configured_by.begin(), row.configured_by.end(),
                    [&](const std::string& by) { return is_configured(tree, by); }))
      return &row;
  }
  return nullptr;
}

std::string program_of_project(const fs::path& tree, const Sandbox& sandbox,
                               const std::string& program) {
  if (const size_t bar = program.find('|'); bar != std::string::npos) {
    const std::string first = program_of_project(tree, sandbox, program.substr(0, bar));
    return first.empty() ? program_of_project(tree, sandbox, program.substr(bar + 1)) : first;
  }
  // What the project brings comes first. Dependency folders may be shown, not copied: then they are
  // looked for where the user has them.
  for (const char* folder : {"node_modules/.bin", ".venv/bin", "venv/bin", "env/bin"}) {
    const fs::path inside = fs::path(folder) / program;
    std::error_code error;
    for (const fs::path& root : {tree, fs::path(sandbox.tree_path())})
      if (fs::exists(root / inside, error))
        return (fs::path(sandbox.tree_path()) / inside).string();
  }
  return find_program(program).string();
}

Result<std::vector<Diagnostic>> lint(const LinterRow& linter, const Sandbox& sandbox,
                                     const std::string& path, const std::string& text,
                                     int64_t wall_ms, const CancelToken& cancel) {
  const std::string program = program_of_project(sandbox.tree_host(), sandbox, linter.program);
  if (program.empty())
    return fail(ErrorCode::not_found, std::string(linter.name) + " is configured but not there");
  std::string line = shell_quoted(program);
  for (const std::string& word : linter.arguments) line += " " + shell_quoted(filled(word, path));
  if (linter.reads_stdin) {
    ENGRAMD_CHECK(write_file_atomic(sandbox.report_file("lint-input"), text));
    line += " < " + shell_quoted(sandbox.report_path("lint-input"));
  }
  SandboxCommand command;
  command.argv = {"/bin/sh", "-c", line};
  command.limits.wall_ms = wall_ms;
  command.limits.max_output_bytes = 256u << 10;
  ENGRAMD_TRY(const ProcessResult ran, sandbox.run(command, cancel));
  ENGRAMD_CHECK(cancel.check());
  if (ran.timed_out)
    return fail(ErrorCode::exhausted, std::string(linter.name) + " did not end in time");
  if (ran.exit_code == 126 || ran.exit_code == 127)
    return fail(ErrorCode::not_found, std::string(linter.name) + " could not be started");
  return read_lint_output(ran.stdout_text, path, linter.name);
}

std::vector<Diagnostic> read_lint_output(std::string_view output, const std::string& path,
                                         std::string_view source) {
  std::vector<Diagnostic> out;
  bool in_file = false;  // below eslint's line with the file's name
  for (const std::string_view line : split_lines(output)) {
    if (out.size() == kMaxDiagnostics) break;
    Diagnostic one;
    one.path = path;
    one.source = source;
    std::string_view rest = line;
    if (rest.starts_with("  ") && in_file) {
      rest = trim(rest);
      const auto at = take_number(rest);
      if (!at || *at == 0 || !rest.starts_with(':')) continue;
      rest.remove_prefix(1);
      const auto column = take_number(rest);
      if (!column) continue;
      rest = trim(rest);
      one.severity = take_severity(rest);
      // The rule's name stands behind at least two blanks.
      if (const size_t gap = rest.rfind("  "); gap != std::string_view::npos) {
        one.code = trim(rest.substr(gap));
        rest = trim(rest.substr(0, gap));
      }
      one.line = *at - 1;
      one.column = *column;
      one.message = rest;
      out.push_back(std::move(one));
      continue;
    }
    // A name of a file, absolute or as it was given.
    const size_t place = rest.find(path);
    const bool is_stdin =
        rest.starts_with("<stdin>:") || rest.starts_with("stdin:") || rest.starts_with("-:");
    if (place == std::string_view::npos && !is_stdin) {
      if (!rest.empty() && rest.front() != ' ') in_file = false;
      continue;
    }
    rest.remove_prefix(is_stdin ? rest.find(':') : place + path.size());
    if (trim(rest).empty()) {
      in_file = true;
      continue;
    }
    if (!rest.starts_with(':')) continue;
    rest.remove_prefix(1);
    const auto at = take_number(rest);
    if (!at || *at == 0) continue;
    if (rest.starts_with(':')) {
      std::string_view behind = rest.substr(1);
      if (const auto column = take_number(behind)) {
        one.column = *column;
        rest = behind;
      }
    }
    if (rest.starts_with(':')) rest.remove_prefix(1);
    rest = trim(rest);
    one.severity = take_severity(rest);
    // Undefined names and syntax errors are no matter of taste: F821 and E9 of ruff and flake8.
    if (rest.starts_with("F821") || rest.starts_with("E9") || rest.starts_with("F82") ||
        rest.starts_with("undefined name") || rest.find("SyntaxError") != std::string_view::npos)
      one.severity = Severity::error;
    one.line = *at - 1;
    one.message = rest;
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace engramd::agent
