// The coordinator: a process and a folder for each instance, whatever becomes of the process; and
// the arithmetic of reports. Workers here are small shell scripts; the real one is in tests/daemon.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <thread>

#include "agent/swebench/compare.h"
#include "agent/swebench/place.h"
#include "agent/swebench/predictions.h"
#include "agent/swebench/run.h"
#include "agent/swebench/work.h"
#include "tests/agent/swebench_project.h"

using namespace engramd;
using namespace engramd::agent::swebench;
using engramd::agent::Outcome;
using engramd::agent::Report;
using engramd::test::CalcProject;
using engramd::test::Workspace;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

std::vector<Instance> instances(size_t n) {
  std::vector<Instance> all(n);
  for (size_t i = 0; i < n; ++i) {
    all[i].id = "a__b-" + std::to_string(i);
    all[i].repo = "a/b";
    all[i].base_commit = std::string(40, 'a');
    all[i].patch = "the answer";
    all[i].fail_to_pass = {"secret::test"};
  }
  return all;
}

// A worker that is a shell script; $dir is the instance's folder, $n its number.
RunOptions options_for(const Workspace& ws, const std::string& script) {
  ws.write("worker.sh", "dir=$(dirname \"$2\"); n=${dir##*-}\n" + script);
  RunOptions options;
  options.out = ws.path("preds.jsonl");
  options.folder = ws.path("preds.run");
  options.settings.model_id = "m";
  options.worker = {"/bin/sh", ws.path("worker.sh").string()};
  options.grace_ms = [] { return int64_t{500}; };
  return options;
}

const std::string kDone =
    "printf '{\"instance_id\": \"a__b-%s\", \"state\": \"done\", \"outcome\": \"resolved\", "
    "\"exit\": \"resolved\", \"patch_bytes\": 5, \"prompt_tokens\": 10, \"ended\": \"now\"}' $n "
    "> $dir/status.json; printf 'diff\\n' > $dir/patch.diff; echo ran >> $dir/runs\n";

RunSummary ran(const std::vector<Instance>& all, const RunOptions& options,
               const CancelToken& cancel = {}) {
  const auto summary = run_instances(all, all, options, cancel);
  if (!summary) FAIL(summary.error().message);
  return *summary;
}

size_t n_rows(const RunOptions& options) {
  const auto predictions = read_predictions(options.out);
  return predictions ? predictions->size() : 0;
}

Report report(Outcome outcome, const std::string& line) {
  Report made;
  made.outcome = outcome;
  if (!line.empty()) made.patch = "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-old\n+" + line + "\n";
  return made;
}

}  // namespace

TEST_CASE("swebench run: a folder and a row for each, finished ones are skipped") {
  const Workspace ws("//- /x\n");
  RunOptions options = options_for(ws, kDone);
  options.n_jobs = 3;
  size_t n_ended = 0;
  options.on_event = [&](const RunEvent& event) {
    n_ended += event.kind == RunEvent::Kind::ended;
    CHECK(json::accept(to_json_line(event)));
  };
  const auto all = instances(5);
  const RunSummary first = ran(all, options);
  CHECK(first.counts.n_done == 5);
  CHECK(first.counts.n_patches == 5);
  CHECK(first.counts.tokens == 50);
  CHECK(n_ended == 5);
  CHECK(n_rows(options) == 5);
  const json manifest = json::parse(ws.read("preds.run/manifest.json"));
  CHECK(manifest.at("instances") == 5);
  CHECK_FALSE(manifest.at("binary_hash").get<std::string>().empty());
  CHECK_FALSE(manifest.at("node").get<std::string>().empty());
  // The fix and its tests are not in what the worker is given.
  CHECK(ws.read("preds.run/a__b-0/job.json").find("the answer") == std::string::npos);
  CHECK(ws.read("preds.run/a__b-0/job.json").find("secret") == std::string::npos);

  // Again without --resume is refused, with it nothing is done twice.
  CHECK_FALSE(run_instances(all, all, options));
  options.resume = true;
  CHECK(ran(all, options).counts.n_skipped == 5);
  CHECK(ws.read("preds.run/a__b-3/runs") == "ran\n");
}

TEST_CASE("swebench run: shards share one folder and one file") {
  const Workspace ws("//- /x\n");
  RunOptions options = options_for(ws, kDone);
  const auto all = instances(5);
  options.resume = true;
  for (size_t i = 0; i < 2; ++i) {
    options.shard = {i, 2};
    const auto mine = select_instances(all, {}, options.shard);
    REQUIRE(mine);
    REQUIRE(run_instances(all, *mine, options));
  }
  CHECK(n_rows(options) == 5);
  CHECK(fs::exists(ws.path("preds.run/manifest-1-of-2.json")));
}

TEST_CASE("swebench run: a worker that dies is a failure of the machine, with its reason") {
  const Workspace ws("//- /x\n");
  const RunOptions options = options_for(
      ws,
      "case $n in 0) kill -9 $$;; 1) echo 'no space left on device' > $dir/log.txt; exit 3;; "
      "2) " +
          kDone + ";; esac\n");
  const auto all = instances(3);
  const RunSummary summary = ran(all, options);
  CHECK(summary.counts.n_infra == 2);
  CHECK(summary.counts.n_done == 1);
  CHECK(read_status(options.folder / "a__b-0")->reason.find("signal 9") != std::string::npos);
  CHECK(read_status(options.folder / "a__b-1")->reason.find("no space left") != std::string::npos);
  CHECK(n_rows(options) == 3);  // they stay in the denominator
  RunOptions again = options_for(ws, kDone);
  again.resume = true;
  CHECK(ran(all, again).counts.n_infra == 0);
}

TEST_CASE("swebench run: told to stop it stops, and what ran goes on later") {
  const Workspace ws("//- /x\n");
  RunOptions options = options_for(ws, "case $n in 0) " + kDone + ";; *) sleep 60;; esac\n");
  CancelSource source;
  options.on_event = [&](const RunEvent& event) {
    if (event.kind == RunEvent::Kind::started && event.id != "a__b-0") source.cancel();
  };
  const auto all = instances(3);
  const Clock::time_point start = Clock::now();
  const RunSummary summary = ran(all, options, source.token());
  CHECK(summary.interrupted);
  CHECK(Clock::now() - start < std::chrono::seconds(30));
  CHECK(read_status(options.folder / "a__b-1")->state == WorkState::interrupted);
  CHECK_FALSE(fs::exists(options.folder / "a__b-2"));
  CHECK(n_rows(options) == 1);
  RunOptions again = options_for(ws, kDone);
  again.resume = true;
  CHECK(ran(all, again).counts.n_done == 3);
  CHECK(ws.read("preds.run/a__b-0/runs") == "ran\n");
}

TEST_CASE("swebench run: an instance that another process works on is left to it") {
  const Workspace ws("//- /x\n");
  RunOptions options = options_for(ws, kDone);
  const auto all = instances(2);
  fs::create_directories(options.folder / "a__b-0");
  const auto held = FileLock::try_acquire(options.folder / "a__b-0" / "lock");
  REQUIRE(held);
  const RunSummary summary = ran(all, options);
  CHECK(summary.counts.n_skipped == 1);
  CHECK(summary.counts.n_done == 1);
  CHECK(summary.notes.size() == 1);
}

TEST_CASE("swebench work: a job is what was written, a sample is chosen by what it shows") {
  const Workspace ws("//- /x\n");
  Job job;
  job.settings.repos = "/r";
  job.settings.cache = "/c";
  job.settings.model = "http://h/v1#m";
  job.settings.seed = 7;
  job.settings.temperature = 0.25;
  job.settings.test_report = "out/*.xml";
  job.instance = instances(1).front();
  ws.write("job.json", to_json_text(job));
  const auto read = read_job(ws.path("job.json"));
  if (!read) FAIL(read.error().message);
  CHECK(to_json_text(*read) == to_json_text(job));
  ws.write("job.json", "{\"repos\": 1}");
  CHECK_FALSE(read_job(ws.path("job.json")));

  const Report none = report(Outcome::unresolved, ""), a = report(Outcome::unverified, "short"),
               b = report(Outcome::unverified, "a longer one"),
               tested = report(Outcome::resolved, "tested and the longest of all of them");
  CHECK(choose_sample({none, a}) == 1);
  CHECK(choose_sample({a, tested, b}) == 1);  // tests first
  CHECK(choose_sample({a, b, b}) == 1);       // then agreement
  CHECK(choose_sample({b, a}) == 1);          // then size
  CHECK(choose_sample({a, a}) == 0);
}

TEST_CASE("swebench work: without a model or a red test there is an empty patch and no failure") {
  const CalcProject calc;
  Job job;
  job.settings.repos = calc.sources();
  job.settings.cache = calc.folder("cache");
  job.settings.strategy = "repair";
  job.settings.timeout_s = 60;
  job.instance = calc.instance();
  const fs::path folder = calc.folder("hidden");
  fs::create_directories(folder);
  const auto hidden = run_job(job, folder, {}, {});
  if (!hidden) FAIL(hidden.error().message);
  INFO(hidden->reason);
  CHECK(hidden->state == WorkState::done);
  CHECK(hidden->outcome == "nothing_to_fix");
  CHECK(hidden->patch_bytes == 0);

  // With the fix's tests shown, the operands are swapped back; the tests are not in the patch.
  job.settings.reveal_tests = true;
  const fs::path shown_folder = calc.folder("shown");
  fs::create_directories(shown_folder);
  const auto shown = run_job(job, shown_folder, {}, {});
  if (!shown) FAIL(shown.error().message);
  INFO(shown->reason << shown->exit);
  CHECK(shown->outcome == "resolved");
  const auto patch = read_file(shown_folder / "patch.diff");
  REQUIRE(patch);
  CHECK(patch->find("+    return part / whole") != std::string::npos);
  CHECK(patch->find("test_calc") == std::string::npos);

  job.instance.repo = "acme/none";
  const auto absent = run_job(job, shown_folder, {}, {});
  REQUIRE(absent);
  CHECK(absent->state == WorkState::infra);
  CHECK(absent->attempts == 2);
}

TEST_CASE("swebench places: network file systems are known") {
  CHECK(network_file_system_name(0x6969) == "NFS");
  CHECK(network_file_system_name(0x0BD00BD0) == "Lustre");
  CHECK(network_file_system_name(0xEF53).empty());  // ext4
  CHECK(network_file_system_at("/proc/self/no/such").empty());
}

TEST_CASE("swebench report: intervals and the paired test") {
  // Against R's binom.test and prop.test (Wilson without correction).
  const Interval interval = wilson_interval(5, 10);
  CHECK(interval.low == Approx(0.2366).margin(5e-4));
  CHECK(interval.high == Approx(0.7634).margin(5e-4));
  CHECK(wilson_interval(0, 6).low == 0);
  CHECK(wilson_interval(0, 6).high == Approx(0.3903).margin(5e-4));
  CHECK(mcnemar_p(0, 0) == 1);
  CHECK(mcnemar_p(5, 5) == 1);
  CHECK(mcnemar_p(0, 5) == Approx(0.0625));
  CHECK(mcnemar_p(1, 9) == Approx(0.021484).margin(1e-6));
  CHECK(mcnemar_p(3000, 3000) == 1);

  const Workspace ws("//- /x\n");
  ws.write(
      "a.json",
      R"({"submitted_ids": ["o__r-1", "o__r-2", "o__s-3"], "incomplete_ids": ["o__s-4"], "resolved_ids": ["o__r-1", "o__r-2"]})");
  ws.write(
      "b.json",
      R"({"submitted_ids": ["o__r-1", "o__r-2", "o__s-3"], "incomplete_ids": ["o__s-4"], "resolved_ids": ["o__r-1", "o__s-3"]})");
  const auto a = read_run(ws.path("a.json")), b = read_run(ws.path("b.json"));
  REQUIRE(a);
  REQUIRE(b);
  const json both = json::parse(report_json(*a, &*b));
  CHECK(both.at("a").at("graded") == 4);
  CHECK(both.at("a").at("resolved") == 2);
  CHECK(both.at("a").at("repos").at("o/s").at("graded") == 2);
  CHECK(both.at("paired").at("only_a") == json::array({"o__r-2"}));
  CHECK(both.at("paired").at("only_b") == json::array({"o__s-3"}));
  CHECK(both.at("paired").at("mcnemar_p") == 1.0);
  CHECK(report_text(*a, nullptr).find("2 of 4 (50.0 %") != std::string::npos);
  ws.write("c.json", "{}");
  CHECK_FALSE(read_run(ws.path("c.json")));
}
