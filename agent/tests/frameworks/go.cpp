// go test: the events of -json, else the lines of -v. A test is named by its package and its name,
// subtests by the names on the way: "example.com/m/pkg::TestX/case".
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "agent/tests/framework.h"
#include "base/text.h"

namespace engramd::agent {
namespace {

using nlohmann::json;

constexpr size_t kMaxText = 256u << 10;

bool is_call(const ProgramCall& program) {
  return program.name == "go" && !program.arguments.empty() && program.arguments[0] == "test";
}

void propose(const ProjectFolder& folder, std::vector<Proposal>& out) {
  if (!folder.has("go.mod")) return;
  const bool tests = folder.has_file_below("_test.go");
  out.push_back({"go test ./...", tests ? 3 : 1, "there is go.mod"});
}

void ask_by_arguments(Ask& ask, CallEdit& edit) {
  const ProgramCall& program = edit.program();
  if (edit.is_script() || edit.call().redirected || program.has("-json") || program.has("-c"))
    return;
  // Right behind "test": what stands after -args is not go's.
  std::string flags = "test -json";
  if (!program.has_option("-count")) flags += " -count=1";  // a cached result is no result
  if (ask.test_seconds > 0 && !program.has_option("-timeout"))
    flags += " -timeout " + std::to_string(static_cast<int64_t>(ask.test_seconds * 10) + 1) + "s";
  edit.remove(program.first_argument());
  edit.replace_program(edit.call().words[program.at].text + " " + flags);
  edit.append_last(" > " + shell_quoted(ask.reports + "/go.json"));
  ask.marks.push_back("-json");
}

class Reader {
 public:
  explicit Reader(Findings& findings) : findings_(findings) {}

  void event(std::string_view line) {
    const json event = line.starts_with("{") ? json::parse(line, nullptr, false) : json();
    if (!event.is_object()) return text(line);
    const std::string action = event.value("Action", json("")).is_string()
                                   ? event.value("Action", json("")).get<std::string>()
                                   : std::string();
    const std::string package = text_of(event, "Package"), test = text_of(event, "Test");
    if (action == "output" || action == "build-output") {
      const std::string output = text_of(event, "Output");
      show(output);
      if (!test.empty()) {
        if (!output.starts_with("=== ")) note(messages_[id(package, test)], output);
        // A test that prints without a line end hides its own verdict from go before 1.20.
        const size_t at = output.find("--- ");
        if (at != std::string::npos && at > 0 && output[at - 1] != ' ')
          hidden_verdict(package, output.substr(at));
      } else {
        note(messages_[package], output);
      }
      if (output.find("panic: test timed out after") != std::string::npos)
        timed_out_.insert(package);
      return;
    }
    if (test.empty()) {
      if (action == "fail") package_failed(package);
      if (action == "skip") ++n_without_tests_;
      if (action == "pass" || action == "fail") {
        ended_.insert(package);
        ++n_ended_;
      }
      return;
    }
    const std::string name = id(package, test);
    const double seconds = event.contains("Elapsed") && event["Elapsed"].is_number()
                               ? event["Elapsed"].get<double>()
                               : 0;
    if (action == "run") {
      running_[package].insert(name);
    } else if (action == "pass" || action == "fail" || action == "skip") {
      running_[package].erase(name);
      TestStatus status = action == "pass"   ? TestStatus::passed
                          : action == "fail" ? TestStatus::failed
                                             : TestStatus::skipped;
      if (action == "fail" && timed_out_.contains(package) &&
          messages_[name].find("panic: test timed out") != std::string::npos)
        status = TestStatus::timed_out;
      findings_.cases.set(name, status, status == TestStatus::passed ? "" : messages_[name],
                          seconds);
      if (findings_.cases.find(name) && status != TestStatus::passed) messages_.erase(name);
    }
  }

  // A line that is no event: what the compiler says, and the verdict of a package that was not
  // built.
  void text(std::string_view line) {
    show(std::string(line) + "\n");
    if (line.starts_with("# ")) {
      building_ = std::string(line.substr(2, line.find(' ', 2) - 2));
    } else if (line.starts_with("FAIL\t")) {
      const std::string_view rest = line.substr(5);
      const std::string package(rest.substr(0, rest.find_first_of(" \t")));
      if (rest.find("[build failed]") != std::string_view::npos ||
          rest.find("[setup failed]") != std::string_view::npos)
        findings_.cases.set(package, TestStatus::error, messages_[package] + std::string(rest));
    } else if (!building_.empty()) {
      note(messages_[building_], std::string(line) + "\n");
    }
  }

  void finish() {
    for (const auto& [package, names] : running_) {
      for (const std::string& name : names) {
        if (findings_.cases.find(name)) continue;
        if (!ended_.contains(package)) {
          findings_.running.push_back(name);
        } else if (timed_out_.contains(package)) {
          findings_.cases.set(name, TestStatus::timed_out, messages_[name]);
        } else if (failed_.contains(package)) {
          findings_.cases.set(name, TestStatus::error,
                              messages_[name] + "the test binary ended inside this test\n");
        } else {
          findings_.cases.set(name, TestStatus::passed);
        }
      }
    }
    findings_.complete = n_ended_ + n_without_tests_ > 0 && findings_.running.empty();
    findings_.no_tests = findings_.cases.empty() && n_without_tests_ > 0 && n_ended_ == 0;
    findings_.text = std::move(shown_);
  }

 private:
  static std::string text_of(const json& event, const char* key) {
    const auto found = event.find(key);
    return found != event.end() && found->is_string() ? found->get<std::string>() : std::string();
  }
  static std::string id(const std::string& package, const std::string& test) {
    return package + "::" + test;
  }
  static void note(std::string& message, std::string_view text) {
    if (message.size() < 2 * Cases::kMaxMessage)
      message += text;
    else
      message = message.substr(message.size() / 2) + std::string(text);
  }
  // Head and tail are kept.
  void show(const std::string& text) {
    if (shown_.size() > 2 * kMaxText)
      shown_ =
          shown_.substr(0, kMaxText / 2) + "\n[…]\n" + shown_.substr(shown_.size() - kMaxText / 2);
    shown_ += text;
  }
  void hidden_verdict(const std::string& package, std::string_view verdict) {
    const bool pass = verdict.starts_with("--- PASS: ");
    if (!pass && !verdict.starts_with("--- FAIL: ")) return;
    const std::string name = id(package, std::string(verdict.substr(10, verdict.find(" (") - 10)));
    if (!running_[package].contains(name)) return;
    running_[package].erase(name);
    findings_.cases.set(name, pass ? TestStatus::passed : TestStatus::failed);
  }
  void package_failed(const std::string& package) {
    failed_.insert(package);
    // Nothing in it is red: TestMain, an init function or the build failed.
    const std::string prefix = package + "::";
    for (const TestCase& test : findings_.cases.list())
      if (test.red() && test.id.starts_with(prefix)) return;
    if (running_[package].empty())
      findings_.cases.set(package, TestStatus::error, messages_[package]);
  }

  Findings& findings_;
  std::map<std::string, std::set<std::string>> running_;  // by package
  std::map<std::string, std::string> messages_;
  std::set<std::string> ended_, failed_, timed_out_;
  std::string building_, shown_;
  size_t n_ended_ = 0, n_without_tests_ = 0;
};

bool read_report(const RunFiles& files, Findings& findings) {
  Reader reader(findings);
  bool any = false;
  // What the build printed on stderr belongs before the verdicts.
  for (const std::string_view line : split_lines(files.output)) reader.text(line);
  const bool whole =
      for_each_line(files.reports / "go.json", 256u << 20, [&](std::string_view line) {
        any = any || line.starts_with("{");
        reader.event(line);
      });
  reader.finish();
  findings.truncated = findings.truncated || !whole;
  return any || !findings.cases.empty();
}

void read_output(std::string_view text, Findings& findings) {
  const std::vector<std::string_view> lines = split_lines(text);
  // A user's own -json.
  if (text.find("{\"Time\":") != std::string_view::npos &&
      text.find("\"Action\":") != std::string_view::npos) {
    Reader reader(findings);
    for (const std::string_view line : lines) reader.event(line);
    reader.finish();
    return;
  }
  // The package is named after its tests.
  Cases& cases = findings.cases;
  size_t first = 0, n_empty = 0;
  std::vector<std::string> running;
  bool timed_out = false;
  for (const std::string_view raw : lines) {
    std::string_view line = trim(raw);
    if (raw.starts_with("=== RUN   ")) {
      running.push_back(std::string(trim(line.substr(10))));
      continue;
    }
    if (line.starts_with("panic: test timed out")) timed_out = true;
    const size_t mark = raw.find("--- ");
    if (mark != std::string_view::npos && raw.size() > mark + 10 && raw[mark + 8] == ':') {
      const std::string_view word = raw.substr(mark + 4, 4);
      const std::string_view rest = raw.substr(mark + 10);
      const std::string name(rest.substr(0, rest.find(" (")));
      if (mark > 0 && raw[mark - 1] != ' ' &&
          std::find(running.begin(), running.end(), name) == running.end())
        continue;
      if (word == "PASS")
        cases.set("::" + name, TestStatus::passed);
      else if (word == "FAIL")
        cases.set("::" + name, TestStatus::failed);
      else if (word == "SKIP")
        cases.set("::" + name, TestStatus::skipped);
      std::erase(running, name);
      continue;
    }
    const bool good = raw.starts_with("ok  \t"), bad = raw.starts_with("FAIL\t");
    if (raw.starts_with("?   \t")) ++n_empty;
    if (!good && !bad) continue;
    const std::string_view rest = raw.substr(5);
    const std::string package(rest.substr(0, rest.find_first_of(" \t")));
    for (const std::string& name : running)
      if (bad && !cases.find("::" + name))
        cases.set("::" + name, timed_out ? TestStatus::timed_out : TestStatus::error,
                  "the test binary ended inside this test");
    cases.rename([&](const std::string& id) { return package + id; }, first);
    bool red = false;
    for (size_t i = first; i < cases.size(); ++i) red = red || cases.list()[i].red();
    if (bad && !red) cases.set(package, TestStatus::error, rest);
    first = cases.size();
    running.clear();
    timed_out = false;
  }
  cases.rename([](const std::string& id) { return id.substr(id.find("::") + 2); }, first);
  findings.running = running;
  findings.no_tests = cases.empty() && n_empty > 0;
}

bool takes_value(std::string_view flag) {
  for (const std::string_view known :
       {"-run", "-skip", "-timeout", "-count", "-tags", "-bench", "-parallel", "-p", "-cpu",
        "-coverprofile", "-ldflags", "-gcflags", "-mod", "-shuffle", "-exec", "-o"})
    if (flag == known || flag == "-" + std::string(known)) return true;
  return false;
}

bool select(const std::vector<std::string>& ids, CallEdit& edit) {
  if (edit.is_script()) return false;
  std::set<std::string> packages, names;
  for (const std::string& id : ids) {
    const auto [package, test] = split_id(id);
    if (package.empty()) return false;
    packages.insert(std::string(package));
    // The top level only: a pattern for subtests would narrow those of every other test too.
    if (!test.empty()) names.insert(std::string(test.substr(0, test.find('/'))));
  }
  const auto& words = edit.call().words;
  for (size_t i = edit.program().first_argument() + 1; i < words.size(); ++i) {
    if (words[i].text == "-args") break;
    const bool narrows = words[i].text == "-run" || words[i].text.starts_with("-run=");
    if (!words[i].text.starts_with("-") || narrows) edit.remove(i);
    if (takes_value(words[i].text) && ++i < words.size() && narrows) edit.remove(i);
  }
  std::string pattern;
  for (const std::string& name : names)
    pattern += (pattern.empty() ? "" : "|") + regex_quoted(name);
  if (!pattern.empty()) edit.append("-run " + shell_quoted("^(" + pattern + ")$"));
  for (const std::string& package : packages) edit.append(shell_quoted(package));
  return true;
}

// Messages name files by their own name; the package's folder is the end of its import path.
std::vector<std::string> folders(const std::string& id) {
  std::string_view package = split_id(id).first;
  std::vector<std::string> found;
  while (found.size() < 16) {
    found.push_back(std::string(package));
    const size_t slash = package.find('/');
    if (slash == std::string_view::npos) break;
    package.remove_prefix(slash + 1);
  }
  return found;
}

std::string problem(std::string_view output, int) {
  if (output.find("go: go.mod file not found") != std::string_view::npos)
    return "go test was run outside of a module";
  return {};
}

}  // namespace

const FrameworkRow& go_row() {
  static constexpr FrameworkRow row{
      .name = "go test",
      .id_form = "example.com/module/package::TestX/case",
      .sources = ".go ",
      .is_call = is_call,
      .propose = propose,
      .ask_by_arguments = ask_by_arguments,
      .read_report = read_report,
      .read_output = read_output,
      .select = select,
      .problem = problem,
      .folders = folders,
      .innermost_first = true,
  };
  return row;
}

}  // namespace engramd::agent
