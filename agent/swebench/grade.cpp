#include "agent/swebench/grade.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "agent/swebench/apply_patch.h"
#include "agent/swebench/git.h"
#include "agent/swebench/guard.h"
#include "agent/swebench/shell.h"
#include "agent/swebench/witness.h"
#include "agent/tests/named_reports.h"
#include "agent/tests/runner.h"
#include "base/file.h"
#include "base/text.h"

namespace engramd::agent::swebench {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr uint64_t kMaxConfigBytes = 4u << 20;
constexpr size_t kMaxOutputBytes = 8u << 20;

// The tree as the real fix and its tests leave it, as objects outside of the checkout.
class TrustedTree {
 public:
  static Result<TrustedTree> make(const fs::path& tree, const Instance& instance,
                                  const CancelToken& cancel) {
    ENGRAMD_TRY(TemporaryFolder folder, TemporaryFolder::make("engramd-trusted"));
    TrustedTree trusted(std::move(folder), tree);
    ENGRAMD_CHECK(make_directories(trusted.folder_.path() / "objects"));
    ENGRAMD_CHECK(trusted.run({"read-tree", "HEAD"}, cancel));
    if (!instance.test_patch.empty()) {
      auto applied = trusted.apply(instance.test_patch, cancel);
      if (!applied)
        return fail(Error(applied.error()).with("the test patch does not apply to the base"));
    }
    // A gold patch that does not apply (or is not there) leaves the base's files as the trusted
    // ones.
    if (!instance.patch.empty()) (void)trusted.apply(instance.patch, cancel);
    ENGRAMD_TRY(const std::string id, git(trusted.call({"write-tree"}), cancel));
    trusted.id_ = std::string(trim(id));
    ENGRAMD_TRY(const std::string names,
                git(trusted.call({"ls-tree", "-r", "-z", "--name-only", trusted.id_}), cancel));
    for (size_t begin = 0; begin < names.size();) {
      const size_t end = std::min(names.find('\0', begin), names.size());
      trusted.paths_.insert(names.substr(begin, end - begin));
      begin = end + 1;
    }
    return trusted;
  }

  bool has(const std::string& path) const {
    const auto at = paths_.lower_bound(path);
    return at != paths_.end() && (*at == path || at->starts_with(path + "/"));
  }
  bool has_file(const std::string& path) const { return paths_.count(path) != 0; }
  std::optional<std::string> text(const std::string& path) const {
    if (!has_file(path)) return std::nullopt;
    auto text = git(call({"cat-file", "blob", id_ + ":" + path}));
    return text ? std::optional<std::string>(std::move(*text)) : std::nullopt;
  }
  // Into the work tree, through no link that a patch has put in the way.
  Status put_back(const std::vector<std::string>& paths, const CancelToken& cancel) const {
    std::string list;
    for (const std::string& path : paths) {
      std::error_code error;
      fs::path at = tree_;
      for (const fs::path& part : fs::path(path)) {
        at /= part;
        const auto status = fs::symlink_status(at, error);
        const bool last = at == tree_ / path;
        if (fs::is_symlink(status) || (!last && fs::exists(status) && !fs::is_directory(status)))
          fs::remove(at, error);
      }
      fs::remove_all(tree_ / path, error);
      if (has_file(path)) list += path + '\0';
    }
    if (list.empty()) return {};
    ENGRAMD_CHECK(run_git(call({"read-tree", id_}), cancel));
    GitCall checkout = call({"checkout-index", "-f", "-q", "-z", "--stdin"});
    checkout.stdin_text = std::move(list);
    return run_git(checkout, cancel);
  }

 private:
  TrustedTree(TemporaryFolder folder, fs::path tree)
      : folder_(std::move(folder)), tree_(std::move(tree)) {}
  GitCall call(std::vector<std::string> arguments) const {
    GitCall made = in_work_tree(tree_, std::move(arguments));
    made.env = {{"GIT_INDEX_FILE", (folder_.path() / "index").string()},
                {"GIT_OBJECT_DIRECTORY", (folder_.path() / "objects").string()},
                {"GIT_ALTERNATE_OBJECT_DIRECTORIES", (tree_ / ".git" / "objects").string()}};
    return made;
  }
  Status run(std::vector<std::string> arguments, const CancelToken& cancel) const {
    return run_git(call(std::move(arguments)), cancel);
  }
  Status apply(const std::string& patch, const CancelToken& cancel) const {
    GitCall made = call({"apply", "--cached", "--whitespace=nowarn", "-"});
    made.stdin_text = patch.ends_with('\n') ? patch : patch + "\n";
    return run_git(made, cancel);
  }
  TemporaryFolder folder_;
  fs::path tree_;
  std::string id_;
  std::set<std::string> paths_;
};

// Every PYTHONPATH that the command sets begins with our plugin's folder; nothing else in the
// command changes.
std::string with_plugin_folder(const std::string& command, const std::string& folder) {
  static constexpr std::string_view kName = "PYTHONPATH=";
  std::string out;
  for (size_t at = 0; at < command.size();) {
    const size_t found = std::min(command.find(kName, at), command.size());
    out += command.substr(at, found - at);
    if (found == command.size()) break;
    const bool is_start =
        found == 0 || std::string_view(" \t\n;&|(").find(command[found - 1]) != std::string::npos;
    out += kName;
    at = found + kName.size();
    if (is_start) out += shell_word(folder) + ":";
  }
  return out;
}

TestResults results_of(Framework framework, const std::vector<TestCase>& tests) {
  TestResults results;
  for (const TestCase& test : tests) {
    TestResult result = TestResult::failed;
    if (test.status == TestStatus::passed) result = TestResult::passed;
    if (test.status == TestStatus::skipped) result = TestResult::skipped;
    if (test.status == TestStatus::error) result = TestResult::error;
    results[test.id] = result;
    if (framework != Framework::unittest) continue;
    // Instances name it as unittest prints it: "x (m.C.x)", and "x (m.C)" before Python 3.11.
    const size_t dot = test.id.rfind('.');
    if (dot == std::string::npos) continue;
    const std::string name = test.id.substr(dot + 1);
    results[name + " (" + test.id + ")"] = result;
    results[name + " (" + test.id.substr(0, dot) + ")"] = result;
  }
  return results;
}

class Grader {
 public:
  Grader(const RepositoryStore& store, const Instance& instance, const GradeOptions& options,
         const CancelToken& cancel)
      : store_(store), instance_(instance), options_(options), cancel_(cancel) {
    graded_.id = instance.id;
  }

  Result<Graded> run(const std::string& model_patch) {
    graded_.patch_exists = !trim(model_patch).empty();
    Status done = work(model_patch);
    if (cancel_.cancelled()) return fail(ErrorCode::cancelled, "grading was cancelled");
    if (!done) {
      graded_.infra_failure = true;
      graded_.infra_reason =
          done.error().code == ErrorCode::exhausted ? "disk_full" : "environment";
      graded_.reason = done.error().message;
    }
    if (graded_.reason.empty() && !graded_.resolved) graded_.reason = why_not();
    say(graded_.resolved ? "resolved" : "not resolved: " + graded_.reason);
    return std::move(graded_);
  }

 private:
  void say(const std::string& line) { graded_.log += line + "\n"; }

  Status refuse(std::string reason) {
    graded_.reason = std::move(reason);
    return {};
  }

  // An error is the machine's fault; what is the patch's fault is a reason.
  Status work(const std::string& model_patch) {
    if (instance_.fail_to_pass.empty())
      return fail(ErrorCode::invalid_input,
                  instance_.origin + " names no FAIL_TO_PASS test, so nothing can be graded");
    ENGRAMD_TRY(const TemporaryFolder folder, TemporaryFolder::make("engramd-grade"));
    tree_ = folder.path() / "tree";
    ENGRAMD_CHECK(store_.check_out(instance_, tree_, cancel_));
    say("base " + instance_.base_commit + " of " + instance_.repo);
    ENGRAMD_TRY(const TrustedTree trusted, TrustedTree::make(tree_, instance_, cancel_));
    if (graded_.patch_exists) {
      ENGRAMD_TRY(const AppliedPatch applied, apply_model_patch(tree_, model_patch, cancel_));
      graded_.log += applied.log;
      graded_.applied_by = applied.by;
      if (applied.by.empty()) return refuse("the patch does not apply");
    }
    graded_.applied = graded_.patch_exists;
    ENGRAMD_CHECK(put_guarded_files_back(trusted));
    ENGRAMD_CHECK(run_tests(trusted));
    return {};
  }

  Status put_guarded_files_back(const TrustedTree& trusted) {
    ENGRAMD_TRY(const auto changed, changed_paths(tree_, "HEAD", cancel_));
    GuardContext context;
    for (std::string& file : files_of_patch(instance_.test_patch))
      context.test_patch_files.insert(std::move(file));
    context.test_command = command_text();
    context.patched_text = [&](const std::string& path) -> std::optional<std::string> {
      auto text = read_file(tree_ / path, kMaxConfigBytes);
      return text ? std::optional<std::string>(std::move(*text)) : std::nullopt;
    };
    context.trusted_text = [&](const std::string& path) { return trusted.text(path); };
    context.trusted_has = [&](const std::string& path) { return trusted.has(path); };
    std::vector<std::string> paths;
    for (const ChangedPath& change : changed) {
      std::string why = guard_reason(change.path, context);
      // A link may lead anywhere, into the tests' folder too.
      if (why.empty() && change.is_link && !trusted.has_file(change.path)) why = "a symbolic link";
      if (why.empty()) {
        patched_.push_back(change.path);
        continue;
      }
      graded_.put_back.push_back(change.path + ": " + why);
      paths.push_back(change.path);
    }
    for (const std::string& line : graded_.put_back) say("put back " + line);
    paths.insert(paths.end(), context.test_patch_files.begin(), context.test_patch_files.end());
    return trusted.put_back(paths, cancel_);
  }

  std::string command_text() const {
    return options_.test_command ? *options_.test_command : test_command_for(instance_);
  }

  std::vector<std::string> test_files(const TrustedTree& trusted) const {
    std::vector<std::string> files = instance_.test_files;
    if (files.empty())
      for (const std::string& file : files_of_patch(instance_.test_patch))
        if (file.ends_with(".py") && !file.ends_with("__init__.py") &&
            !file.ends_with("conftest.py"))
          files.push_back(file);
    std::erase_if(files, [&](const std::string& file) {
      return !trusted.has(file.substr(0, file.find("::")));
    });
    return files;
  }

  Status run_tests(const TrustedTree& trusted) {
    const std::vector<std::string> files = test_files(trusted);
    if (files.empty() && command_text().find("{files}") != std::string::npos)
      return fail(ErrorCode::invalid_input,
                  instance_.origin + " names no test file and its test patch brings none");
    const std::string text = with_files(command_text(), files);
    const TestCommand command = read_test_command(text);
    graded_.command = text;
    const bool watched = command.framework == Framework::pytest;
    graded_.evidence = watched ? "witness" : "output";
    ENGRAMD_TRY(const Witness witness,
                Witness::make(instance_.fail_to_pass.size() + instance_.pass_to_pass.size()));
    ENGRAMD_TRY(const WorkTree copy, WorkTree::copy_of(tree_, {}, cancel_));
    const SandboxMode mode = options_.environment.sandbox_mode(options_.sandbox);
    ENGRAMD_TRY(
        const Sandbox sandbox,
        Sandbox::make(mode, copy,
                      {{std::string(kWitnessPlugin) + ".py", std::string(witness_plugin_source())},
                       {witness.must_fail_name(), witness.must_fail_source()}}));
    const std::string plugin_folder =
        fs::path(sandbox.helper_path(witness.must_fail_name())).parent_path().string();
    const std::string report_name = "graded";
    std::string shell = text;
    if (watched) {
      ENGRAMD_CHECK(witness.lay_out(sandbox.report_file(report_name), patched_,
                                    sandbox.helper_path(witness.must_fail_name())));
      shell = "ENGRAMD_GRADE=" + shell_word(sandbox.report_path(report_name)) +
              "; PYTEST_ADDOPTS='-p " + kWitnessPlugin +
              "'; PYTHONPATH=" + shell_word(plugin_folder) +
              "${PYTHONPATH:+:$PYTHONPATH}; export ENGRAMD_GRADE PYTEST_ADDOPTS PYTHONPATH; " +
              with_plugin_folder(text, plugin_folder);
    }
    SandboxCommand run;
    run.argv = {"/bin/sh", "-c",
                in_wrapper(options_.environment.wrapper(instance_),
                           "PYTHONHASHSEED=0; export PYTHONHASHSEED; " + shell, sandbox)};
    run.limits.wall_ms = static_cast<int64_t>(1000 * options_.timeout_s);
    run.limits.max_cpu_s = static_cast<uint64_t>(4 * options_.timeout_s) + 60;
    run.limits.max_output_bytes = kMaxOutputBytes;
    say("$ " + text);
    const NamedReports named(sandbox.tree_host(), options_.test_report);
    ENGRAMD_TRY(ProcessResult ran, sandbox.run(run, cancel_));
    graded_.exit_code = ran.signal != 0 ? 128 + ran.signal : ran.exit_code;
    graded_.wall_s = ran.wall_s;
    graded_.cpu_s = ran.cpu_s;
    graded_.output = std::move(ran.stdout_text);
    if (ran.timed_out) {
      graded_.infra_reason = "tests_timed_out";
      return refuse("the tests did not end within " +
                    std::to_string(static_cast<int64_t>(options_.timeout_s)) + " s");
    }
    if (!watched) {
      Findings found;
      if (named.read(sandbox.tree_path(), found)) {
        graded_.evidence = "report";
        return judge(results_of(Framework::junit, found.cases.list()), false);
      }
      return judge(
          results_of(command.framework, parse_test_output(command.framework, graded_.output)),
          false);
    }
    const WitnessReport report = witness.read(sandbox.report_file(report_name));
    return judge_watched(report, command.pytest.has_value());
  }

  Status judge_watched(const WitnessReport& report, bool is_pytest_itself) {
    graded_.tampered = report.tampered;
    if (report.own_runner) {
      graded_.evidence = "witness, unguarded";
      say("the tests are run by the code under test, so nothing guards what they say");
    }
    if (!report.began && report.results.empty()) {
      // pytest never came to load us: either it cannot run here, or something ran in its place.
      const InfraSign sign = infra_sign(graded_.output);
      graded_.infra_failure = graded_.exit_code == 127 || sign.certain ||
                              graded_.output.find("No module named pytest") != std::string::npos;
      graded_.infra_reason = sign.reason;
      if (graded_.infra_failure && graded_.infra_reason.empty())
        graded_.infra_reason = "environment";
      return refuse("the tests did not run (status " + std::to_string(graded_.exit_code) + ")");
    }
    if (!report.tampered.empty())
      return judge(report.results, false, "the run was meddled with: " + report.tampered.front());
    if (!report.finished) return judge(report.results, false, "the test run ended before its end");
    if (is_pytest_itself && report.exit_status != graded_.exit_code)
      return judge(report.results, false,
                   "pytest's status was " + std::to_string(report.exit_status) +
                       " and the command ended with " + std::to_string(graded_.exit_code));
    return judge(report.results, is_pytest_itself);
  }

  // refused: why the results do not count, whatever they are.
  Status judge(const TestResults& results, bool exact, std::string refused = {}) {
    graded_.tests = grade_tests(instance_.fail_to_pass, instance_.pass_to_pass, results);
    if (refused.empty()) refused = contradiction(results, graded_.exit_code, exact);
    if (!refused.empty()) {
      if (results.empty()) {
        const InfraSign sign = infra_sign(graded_.output);
        graded_.infra_failure = sign.certain;
        graded_.infra_reason = sign.reason;
      }
      return refuse(std::move(refused));
    }
    graded_.resolved = graded_.patch_exists && graded_.tests.resolved();
    return {};
  }

  std::string why_not() const {
    const TestLists& tests = graded_.tests;
    const auto name = [](const std::vector<std::string>& ids) {
      return ids.front() +
             (ids.size() > 1 ? " and " + std::to_string(ids.size() - 1) + " more" : std::string());
    };
    if (!tests.fail_to_pass_bad.empty()) return "still failing: " + name(tests.fail_to_pass_bad);
    if (!tests.pass_to_pass_bad.empty()) return "broken: " + name(tests.pass_to_pass_bad);
    return "the patch is empty";
  }

  const RepositoryStore& store_;
  const Instance& instance_;
  const GradeOptions& options_;
  const CancelToken& cancel_;
  fs::path tree_;
  std::vector<std::string> patched_;  // files that are as the model left them
  Graded graded_;
};

}  // namespace

Result<Graded> grade(const RepositoryStore& store, const Instance& instance,
                     const std::string& model_patch, const GradeOptions& options,
                     const CancelToken& cancel) {
  return Grader(store, instance, options, cancel).run(model_patch);
}

std::string to_report_json(const Graded& graded) {
  const auto lists = [](const std::vector<std::string>& good, const std::vector<std::string>& bad) {
    return json{{"success", good}, {"failure", bad}};
  };
  json report = {{"patch_is_None", false},
                 {"patch_exists", graded.patch_exists},
                 {"patch_successfully_applied", graded.applied},
                 {"resolved", graded.resolved},
                 {"infra_failure", graded.infra_failure}};
  if (!graded.infra_reason.empty()) report["infra_failure_reason"] = graded.infra_reason;
  report["tests_status"] = {
      {"FAIL_TO_PASS", lists(graded.tests.fail_to_pass_good, graded.tests.fail_to_pass_bad)},
      {"PASS_TO_PASS", lists(graded.tests.pass_to_pass_good, graded.tests.pass_to_pass_bad)},
      {"FAIL_TO_FAIL", lists({}, {})},
      {"PASS_TO_FAIL", lists({}, {})}};
  report["engramd"] = {{"reason", graded.reason},        {"applied_by", graded.applied_by},
                       {"put_back", graded.put_back},    {"tampered", graded.tampered},
                       {"evidence", graded.evidence},    {"exit_code", graded.exit_code},
                       {"test_command", graded.command}, {"wall_s", graded.wall_s},
                       {"cpu_s", graded.cpu_s}};
  return json{{graded.id, report}}.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace engramd::agent::swebench
