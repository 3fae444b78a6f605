#include "agent/tests/js_results.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/file.h"

namespace engramd::agent {
namespace {

using nlohmann::json;

std::string text_of(const json& record, const char* key) {
  const auto found = record.find(key);
  return found != record.end() && found->is_string() ? found->get<std::string>() : std::string();
}

json package_json(const ProjectFolder& folder) {
  return json::parse(folder.read("package.json"), nullptr, false);
}

}  // namespace

bool read_jest_json(const std::filesystem::path& file, std::string_view tree_inside,
                    Findings& findings) {
  const auto text = read_file(file, 128u << 20);
  if (!text) {
    std::error_code error;
    findings.truncated = findings.truncated || std::filesystem::exists(file, error);
    return false;
  }
  const json report = json::parse(*text, nullptr, false);
  if (!report.is_object() || !report.contains("testResults") || !report["testResults"].is_array())
    return false;
  for (const json& suite : report["testResults"]) {
    if (!suite.is_object()) continue;
    const std::string path = in_tree(text_of(suite, "name"), tree_inside);
    const auto tests = suite.find("assertionResults");
    bool any = false;
    if (tests != suite.end() && tests->is_array()) {
      for (const json& test : *tests) {
        if (!test.is_object()) continue;
        any = true;
        std::string id = path + "::";
        const auto ancestors = test.find("ancestorTitles");
        if (ancestors != test.end() && ancestors->is_array())
          for (const json& title : *ancestors)
            if (title.is_string()) id += title.get<std::string>() + " > ";
        id = findings.cases.numbered(id + text_of(test, "title"));
        const std::string status = text_of(test, "status");
        std::string message;
        const auto messages = test.find("failureMessages");
        if (messages != test.end() && messages->is_array())
          for (const json& part : *messages)
            if (part.is_string() && message.size() < (1u << 16))
              message += part.get<std::string>() + "\n";
        const bool slow = message.find("Exceeded timeout of") != std::string::npos ||
                          message.find("Test timed out in") != std::string::npos;
        const auto duration = test.find("duration");
        findings.cases.set(
            id,
            status == "passed"   ? TestStatus::passed
            : status == "failed" ? (slow ? TestStatus::timed_out : TestStatus::failed)
                                 : TestStatus::skipped,
            std::string_view(message).substr(0, Cases::kMaxMessage),
            duration != test.end() && duration->is_number() ? duration->get<double>() / 1000 : 0);
      }
    }
    // The file could not be loaded: there is no test to name.
    if (!any && text_of(suite, "status") == "failed")
      findings.cases.set(path, TestStatus::error, text_of(suite, "message"));
  }
  findings.complete = true;
  findings.no_tests = findings.cases.empty();
  return true;
}

bool depends_on(const ProjectFolder& folder, std::string_view package) {
  const json file = package_json(folder);
  if (!file.is_object()) return false;
  for (const char* kind : {"devDependencies", "dependencies", "peerDependencies"}) {
    const auto found = file.find(kind);
    if (found != file.end() && found->is_object() && found->contains(std::string(package)))
      return true;
  }
  return file.contains(std::string(package));  // a "jest": {…} section
}

std::string test_script(const ProjectFolder& folder) {
  const json file = package_json(folder);
  if (!file.is_object()) return {};
  const auto scripts = file.find("scripts");
  if (scripts == file.end() || !scripts->is_object()) return {};
  const std::string script = text_of(*scripts, "test");
  return script.find("no test specified") == std::string::npos ? script : std::string();
}

std::string test_script_command(const ProjectFolder& folder) {
  // A lock file may lie at the root of the workspace.
  std::error_code error;
  std::filesystem::path at = folder.path;
  for (int up = 0; up < 4; ++up, at = at.parent_path()) {
    if (std::filesystem::exists(at / "pnpm-lock.yaml", error)) return "pnpm test";
    if (std::filesystem::exists(at / "yarn.lock", error)) return "yarn test";
    if (std::filesystem::exists(at / "bun.lockb", error) ||
        std::filesystem::exists(at / "bun.lock", error))
      return "bun run test";
    if (std::filesystem::exists(at / "package-lock.json", error)) break;
    if (folder.relative.empty()) break;
  }
  return "npm test --silent";
}

bool is_js_test_file(std::string_view path) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  const size_t dot = name.rfind('.');
  if (dot == std::string_view::npos) return false;
  const std::string_view end = name.substr(dot), stem = name.substr(0, dot);
  const bool source = end == ".js" || end == ".mjs" || end == ".cjs" || end == ".ts" ||
                      end == ".tsx" || end == ".jsx" || end == ".mts" || end == ".cts";
  return source && (stem.ends_with(".test") || stem.ends_with(".spec"));
}

JsSelection js_selection(const std::vector<std::string>& ids) {
  JsSelection selection;
  bool whole_files = false;
  for (const std::string& id : ids) {
    const auto [file, names] = split_id(id);
    if (std::find(selection.files.begin(), selection.files.end(), file) == selection.files.end())
      selection.files.push_back(std::string(file));
    if (names.empty()) {
      whole_files = true;
      continue;
    }
    std::string name(names);
    if (const size_t number = name.rfind(" #");
        number != std::string::npos &&
        name.find_first_not_of("0123456789", number + 2) == std::string::npos)
      name.resize(number);
    for (size_t at = name.find(" > "); at != std::string::npos; at = name.find(" > ", at + 1))
      name.replace(at, 3, " ");
    selection.pattern += (selection.pattern.empty() ? "" : "|") + regex_quoted(name);
  }
  if (whole_files || selection.pattern.size() > (32u << 10)) selection.pattern.clear();
  if (!selection.pattern.empty()) selection.pattern = "^(" + selection.pattern + ")$";
  return selection;
}

void remove_js_choice(CallEdit& edit, size_t first_argument) {
  const auto& words = edit.call().words;
  for (size_t i = first_argument; i < words.size(); ++i) {
    const std::string& word = words[i].text;
    const bool name = word == "-t" || word == "--testNamePattern" || word == "--testPathPattern" ||
                      word == "--testPathPatterns";
    if (!word.starts_with("-") || name || word == "--runTestsByPath" ||
        word.starts_with("--testNamePattern=") || word.starts_with("--testPathPattern"))
      edit.remove(i);
    const bool value = name || word == "-c" || word == "--config" || word == "--root" ||
                       word == "-w" || word == "--dir" || word == "--maxWorkers" ||
                       word == "--project" || word == "--testTimeout" || word == "--environment" ||
                       word == "--env";
    if (value && i + 1 < words.size()) {
      ++i;
      if (name) edit.remove(i);
    }
  }
}

}  // namespace engramd::agent
