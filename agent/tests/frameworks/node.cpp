// node:test: a reporter of ours (helpers/engramd_node.mjs) beside the user's, else the lines of the
// spec reporter or TAP.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "agent/tests/framework.h"
#include "agent/tests/js_results.h"
#include "base/text.h"

namespace engramd::agent {
namespace {

using nlohmann::json;

bool is_call(const ProgramCall& program) {
  return (program.name == "node" || program.name == "tsx") && program.has("--test");
}

void propose(const ProjectFolder& folder, std::vector<Proposal>& out) {
  const std::string script = folder.has("package.json") ? test_script(folder) : std::string();
  const auto call = find_framework_call(script);
  if (call && call->framework == Framework::node) {
    out.push_back(
        {test_script_command(folder), 3, "the test script of package.json runs node --test"});
    return;
  }
  if (call || (!script.empty() && script.find("mocha") != std::string::npos)) return;
  if (!script.empty()) {
    out.push_back({test_script_command(folder), 2, "package.json has a test script"});
    return;
  }
  if (depends_on(folder, "jest") || depends_on(folder, "vitest")) return;
  if (std::any_of(folder.below.begin(), folder.below.end(), is_js_test_file))
    out.push_back({"node --test", 2, "there are *.test.js files"});
}

void ask(Ask& ask, const std::function<void(const std::string&)>& add) {
  add("--test-reporter=spec");
  add("--test-reporter-destination=stdout");
  add("--test-reporter=" + ask.helper("engramd_node.mjs"));
  add("--test-reporter-destination=" + ask.reports + "/node.jsonl");
  ask.env.push_back({"FORCE_COLOR", "0"});
  ask.marks.push_back("--test-reporter");
}

// Node takes the options of its runner from here too, whoever calls it.
void ask_by_environment(Ask& asked) {
  std::string options;
  ask(asked, [&](const std::string& option) { options += (options.empty() ? "" : " ") + option; });
  asked.env.push_back({"NODE_OPTIONS", options});
}

bool read_report(const RunFiles& files, Findings& findings) {
  bool any = false;
  Cases& cases = findings.cases;
  const bool whole =
      for_each_line(files.reports / "node.jsonl", 128u << 20, [&](std::string_view line) {
        const json record = json::parse(line, nullptr, false);
        if (!record.is_object()) return;
        any = true;
        if (record.contains("done")) {
          findings.complete = true;
          return;
        }
        const auto text = [&](const char* key) {
          const auto found = record.find(key);
          return found != record.end() && found->is_string() ? found->get<std::string>()
                                                             : std::string();
        };
        const auto flag = [&](const char* key) {
          const auto found = record.find(key);
          return found != record.end() && found->is_boolean() && found->get<bool>();
        };
        std::string id, names;
        const auto parts = record.find("names");
        if (parts != record.end() && parts->is_array())
          for (const json& part : *parts)
            if (part.is_string()) names += (names.empty() ? "" : " > ") + part.get<std::string>();
        id = text("file");
        if (!names.empty()) id = cases.numbered(id + "::" + names);
        TestStatus status = flag("passed") ? TestStatus::passed : TestStatus::failed;
        if (names.empty() && status == TestStatus::failed) status = TestStatus::error;
        if (flag("slow")) status = TestStatus::timed_out;
        if (flag("skip") || flag("todo")) status = TestStatus::skipped;
        const auto seconds = record.find("seconds");
        cases.set(id, status, status == TestStatus::passed ? std::string() : text("message"),
                  seconds != record.end() && seconds->is_number() ? seconds->get<double>() : 0);
      });
  findings.truncated = findings.truncated || !whole;
  findings.no_tests = any && findings.complete && cases.empty();
  return any;
}

void read_output(std::string_view text, Findings& findings) {
  // The spec reporter: a tick or a cross, the name, the time; a suite is "▶ name", by indentation.
  std::vector<std::pair<size_t, std::string>> around;
  bool spec = false;
  for (const std::string_view line : split_lines(text)) {
    const size_t indent = line.find_first_not_of(' ');
    if (indent == std::string_view::npos) continue;
    std::string_view body = line.substr(indent);
    if (body == "✖ failing tests:") break;  // once more, without their suites
    const bool good = body.starts_with("✔ "), bad = body.starts_with("✖ "),
               off = body.starts_with("﹣ "), suite = body.starts_with("▶ ");
    if (!good && !bad && !off && !suite) continue;
    spec = true;
    body = body.substr(body.find(' ') + 1);
    std::string_view directive;
    if (const size_t time = body.rfind(" (");
        time != std::string_view::npos && body.find("ms)", time) != std::string_view::npos) {
      directive = body.substr(body.find(')', time) + 1);
      body = body.substr(0, time);
    }
    while (!around.empty() && around.back().first > indent) around.pop_back();
    const bool closes = !around.empty() && around.back().first == indent;
    const bool own_verdict = closes && !suite && around.back().second == body;
    if (closes) around.pop_back();
    if (own_verdict) continue;  // a suite's, behind those of what is in it
    if (suite) {
      around.push_back({indent, std::string(body)});
      continue;
    }
    std::string id;
    for (const auto& [at, title] : around) id += title + " > ";
    id += body;
    const bool skipped = off || directive.find("# SKIP") != std::string_view::npos ||
                         directive.find("# TODO") != std::string_view::npos;
    findings.cases.set(findings.cases.numbered(id), skipped ? TestStatus::skipped
                                                    : good  ? TestStatus::passed
                                                            : TestStatus::failed);
  }
  if (!spec) read_tap_text(text, findings);
}

bool select(const std::vector<std::string>& ids, CallEdit& edit) {
  std::set<std::string> files, patterns;
  bool whole_files = false;
  for (const std::string& id : ids) {
    const auto [file, names] = split_id(id);
    if (names.empty() && id.find("::") == std::string::npos && !is_js_test_file(id) &&
        id.find('/') == std::string::npos)
      return false;  // an id of plain output, which has no file
    files.insert(std::string(file));
    if (names.empty()) whole_files = true;
    // Up to version 20 patterns are matched against the name of each test alone, later against the
    // full name too. A matched suite would bring all that is in it along, so its name is no
    // pattern; a test inside a test (t.test) is then not reached: see `guesses`.
    std::string full(names);
    if (const size_t number = full.rfind(" #");
        number != std::string::npos &&
        full.find_first_not_of("0123456789", number + 2) == std::string::npos)
      full.resize(number);
    const size_t last = full.rfind(" > ");
    if (!names.empty())
      patterns.insert("^" + regex_quoted(last == std::string::npos ? full : full.substr(last + 3)) +
                      "$");
    for (size_t at = full.find(" > "); at != std::string::npos; at = full.find(" > ", at + 1))
      full.replace(at, 3, " ");
    if (last != std::string::npos) patterns.insert("^" + regex_quoted(full) + "$");
  }
  if (patterns.size() > 300) whole_files = true;
  const auto& words = edit.call().words;
  if (!edit.is_script()) {
    for (size_t i = edit.program().first_argument(); i < words.size(); ++i) {
      const std::string& word = words[i].text;
      if (word == "--require" || word == "-r" || word == "--import" || word == "--loader" ||
          word == "--env-file") {
        ++i;
        continue;
      }
      if (!word.starts_with("-") || word.starts_with("--test-name-pattern")) edit.remove(i);
    }
  }
  if (!whole_files)
    for (const std::string& pattern : patterns)
      edit.append(shell_quoted("--test-name-pattern=" + pattern));
  for (const std::string& file : files) edit.append(shell_quoted(file));
  return !edit.is_script();
}

}  // namespace

const FrameworkRow& node_row() {
  static constexpr FrameworkRow row{
      .name = "node:test",
      .id_form = "test/a.test.mjs::suite > test",
      .sources = ".js .mjs .cjs .ts .mts ",
      .is_call = is_call,
      .propose = propose,
      .ask_by_environment = ask_by_environment,
      .read_report = read_report,
      .read_output = read_output,
      .select = select,
      .guesses = true,
      .innermost_first = true,
  };
  return row;
}

}  // namespace engramd::agent
