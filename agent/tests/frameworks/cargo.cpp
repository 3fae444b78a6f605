// cargo test (and nextest's lines): libtest has no stable machine-readable report, so its lines are
// read, binary by binary. A test is named by its binary and its path: "shapes::tests::adds" in the
// library, "test/outside::adds", "bin/shapes::adds", "doc/shapes::src/lib.rs - add (line 2)".
#include <map>
#include <set>

#include "agent/tests/framework.h"
#include "base/text.h"

namespace engramd::agent {
namespace {

bool is_call(const ProgramCall& program) {
  if (program.name == "cargo-nextest") return true;
  if (program.name != "cargo") return false;
  size_t i = 0;
  while (i < program.arguments.size() &&
         (program.arguments[i].starts_with("+") || program.arguments[i].starts_with("-")))
    ++i;
  if (i >= program.arguments.size()) return false;
  const std::string& command = program.arguments[i];
  return command == "test" || command == "t" || command == "nextest";
}

void propose(const ProjectFolder& folder, std::vector<Proposal>& out) {
  if (!folder.has("Cargo.toml")) return;
  const bool workspace = folder.read("Cargo.toml").find("[workspace]") != std::string::npos;
  out.push_back(
      {std::string("cargo test --offline --no-fail-fast") + (workspace ? " --workspace" : ""), 3,
       "there is Cargo.toml"});
}

void ask_by_arguments(Ask& ask, CallEdit& edit) {
  ask.env.push_back({"CARGO_TERM_COLOR", "never"});
  ask.env.push_back({"RUST_BACKTRACE", "1"});
  const ProgramCall& program = edit.program();
  if (edit.is_script() || program.has("nextest") || program.name == "cargo-nextest") return;
  // Otherwise the first red binary hides the ones behind it.
  if (!program.has("--no-fail-fast")) edit.append("--no-fail-fast");
  // Quiet means dots in place of names.
  const auto& words = edit.call().words;
  for (size_t i = program.first_argument(); i < words.size(); ++i)
    if (words[i].text == "-q" || words[i].text == "--quiet") edit.remove(i);
}

// "unittests src/lib.rs (target/debug/deps/shapes-8dbf07)" -> "shapes"; "tests/it.rs (…/it-…)" ->
// "test/it".
std::string binary_name(std::string_view line) {
  const size_t open = line.rfind('(');
  if (open == std::string_view::npos) return {};
  std::string_view source = trim(line.substr(0, open));
  std::string_view file = line.substr(open + 1);
  file = file.substr(0, file.find(')'));
  file = file.substr(file.rfind('/') + 1);
  const std::string name(file.substr(0, file.rfind('-')));
  if (source.starts_with("unittests ")) source.remove_prefix(10);
  if (source.ends_with("src/main.rs") || source.find("src/bin/") != std::string_view::npos)
    return "bin/" + name;
  for (const std::string_view kind : {"test", "example", "bench"})
    if (source.starts_with(std::string(kind) + "s/") ||
        source.starts_with(std::string(kind) + "es/") ||
        source.find("/" + std::string(kind) + "s/") != std::string_view::npos)
      return std::string(kind) + "/" + name;
  return name;
}

// "    PASS [   0.003s] shapes::outside adds" of nextest.
bool read_nextest(std::string_view line, Cases& cases) {
  static constexpr std::pair<std::string_view, TestStatus> kWords[] = {
      {"PASS [", TestStatus::passed},       {"FAIL [", TestStatus::failed},
      {"SIGABRT [", TestStatus::error},     {"SIGSEGV [", TestStatus::error},
      {"TIMEOUT [", TestStatus::timed_out}, {"FLAKY ", TestStatus::passed},
  };
  for (const auto& [word, status] : kWords) {
    if (!line.starts_with(word)) continue;
    const size_t close = line.find("] ");
    if (close == std::string_view::npos) return false;
    std::string_view rest = trim(line.substr(close + 2));
    if (rest.starts_with("(") && rest.find(") ") != std::string_view::npos)
      rest = trim(rest.substr(rest.find(") ") + 2));  // "( 1/10)"
    const size_t space = rest.find(' ');
    if (space == std::string_view::npos) return false;
    std::string binary(rest.substr(0, space));
    // nextest's "shapes::outside" and "shapes::bin/shapes" are our "test/outside", "bin/shapes".
    if (const size_t colons = binary.find("::"); colons != std::string::npos) {
      binary = binary.substr(colons + 2);
      if (binary.find('/') == std::string::npos) binary = "test/" + binary;
    }
    cases.set(binary + "::" + std::string(rest.substr(space + 1)), status);
    return true;
  }
  return false;
}

void read_output(std::string_view text, Findings& findings) {
  Cases& cases = findings.cases;
  std::string binary, report;
  std::optional<size_t> announced;  // tests of this binary that have not been told about
  bool summed = true;
  size_t n_announced = 0;
  const auto full = [&](std::string_view name) {
    constexpr std::string_view kPanics = " - should panic";
    if (name.ends_with(kPanics)) name.remove_suffix(kPanics.size());
    return binary.empty() ? std::string(name) : binary + "::" + std::string(name);
  };
  for (const std::string_view raw : split_lines(text)) {
    const std::string_view line = trim(raw);
    if (read_nextest(line, cases)) continue;
    if (raw.starts_with("     Running ") || raw.starts_with("   Doc-tests ")) {
      binary = raw.starts_with("   Doc") ? "doc/" + std::string(line.substr(10))
                                         : binary_name(line.substr(8));
      report.clear();
      summed = true;
    } else if (raw.starts_with("running ") && raw.find(" test") != std::string_view::npos) {
      announced = static_cast<size_t>(std::atoll(std::string(raw.substr(8, 12)).c_str()));
      n_announced += *announced;
      summed = false;
    } else if (raw.starts_with("test ") && report.empty() && !summed) {
      const size_t dots = raw.find(" ... ");
      if (dots == std::string_view::npos) continue;
      const std::string_view name = raw.substr(5, dots - 5), verdict = raw.substr(dots + 5);
      if (verdict.starts_with("ok"))
        cases.set(full(name), TestStatus::passed);
      else if (verdict.starts_with("FAILED"))
        cases.set(full(name), TestStatus::failed);
      else if (verdict.starts_with("ignored"))
        cases.set(full(name), TestStatus::skipped);
      else if (trim(verdict).empty())
        findings.running = {full(name)};
    } else if (raw.starts_with("---- ") && raw.find(" stdout ----") != std::string_view::npos) {
      report = full(raw.substr(5, raw.find(" stdout ----") - 5));
    } else if (raw == "failures:" && !report.empty()) {
      report = "-";  // the list of names: neither a report nor verdicts
    } else if (raw.starts_with("test result: ")) {
      summed = true;
      report.clear();
      findings.running.clear();
    } else if (!report.empty()) {
      cases.add_message(report, std::string(raw) + "\n");
    } else if (line.starts_with("process didn't exit successfully:") && !summed) {
      // With several threads libtest names a test when it has ended: the one that ended the
      // process has no line.
      const std::string id = findings.running.empty() ? binary : findings.running.front();
      cases.set(id.empty() ? "cargo" : id, TestStatus::error, line);
      findings.running.clear();
      summed = true;
    } else if (line.starts_with("error: could not compile ")) {
      const size_t end = line.find(" due to ");
      cases.set("build of " +
                    std::string(line.substr(25, end == std::string_view::npos ? end : end - 25)),
                TestStatus::error, text.substr(text.find("error"), 3000));
    }
  }
  findings.no_tests = cases.empty() && announced.has_value() && n_announced == 0;
}

bool select(const std::vector<std::string>& ids, CallEdit& edit) {
  const ProgramCall& program = edit.program();
  if (edit.is_script() || program.has("nextest") || program.name == "cargo-nextest") return false;
  std::set<std::string> targets, names;
  for (const std::string& id : ids) {
    const auto [binary, name] = split_id(id);
    if (name.empty()) return false;
    const size_t slash = binary.find('/');
    const std::string kind(slash == std::string_view::npos ? "lib" : binary.substr(0, slash));
    const std::string stem(slash == std::string_view::npos ? "" : binary.substr(slash + 1));
    if (kind == "doc")
      targets.insert("--doc");
    else
      targets.insert(kind == "lib" ? "--lib" : "--" + kind + " " + shell_quoted(stem));
    names.insert(std::string(name));
  }
  if (targets.contains("--doc") && targets.size() > 1) return false;  // cargo runs these alone
  const auto& words = edit.call().words;
  for (size_t i = program.first_argument() + 1; i < words.size(); ++i) {
    if (words[i].text == "--") break;
    if (words[i].text == "-p" || words[i].text == "--package" || words[i].text == "--features" ||
        words[i].text == "--manifest-path" || words[i].text == "--target-dir" ||
        words[i].text == "--profile" || words[i].text == "-j")
      ++i;
    else if (!words[i].text.starts_with("-"))
      edit.remove(i);
  }
  std::string added;
  for (const std::string& target : targets) added += (added.empty() ? "" : " ") + target;
  edit.append(added);
  std::string filters = program.has("--") ? "--exact" : "-- --exact";
  for (const std::string& name : names) filters += " " + shell_quoted(name);
  edit.append_last(filters);
  return true;
}

std::string problem(std::string_view output, int exit_code) {
  if (exit_code == 101 && output.find("error: no matching package") != std::string_view::npos)
    return "cargo has not the packages that the project needs, and there is no network";
  if (output.find("error: could not find `Cargo.toml`") != std::string_view::npos)
    return "cargo found no Cargo.toml";
  return {};
}

}  // namespace

const FrameworkRow& cargo_row() {
  static constexpr FrameworkRow row{
      .name = "cargo test",
      .id_form = "crate::tests::adds, test/outside::adds, bin/tool::adds",
      .sources = ".rs ",
      .is_call = is_call,
      .propose = propose,
      .ask_by_arguments = ask_by_arguments,
      .read_output = read_output,
      .select = select,
      .problem = problem,
      .innermost_first = true,
  };
  return row;
}

}  // namespace engramd::agent
