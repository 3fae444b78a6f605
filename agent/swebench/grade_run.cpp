#include "agent/swebench/grade_run.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/text.h"
#include "base/thread_pool.h"

namespace engramd::agent::swebench {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr uint64_t kMaxReportBytes = 64u << 20;

std::vector<std::string> strings(const json& list) {
  std::vector<std::string> out;
  if (list.is_array())
    for (const json& item : list)
      if (item.is_string()) out.push_back(item.get<std::string>());
  return out;
}

// A finished report of this run id; nothing when there is none, or one that the machine spoilt.
std::optional<Graded> read_report(const fs::path& file, const std::string& id,
                                  const std::string& patch, const fs::path& patch_file) {
  const auto text = read_file(file, kMaxReportBytes);
  const auto old_patch = read_file(patch_file, kMaxReportBytes);
  if (!text || !old_patch || *old_patch != patch) return std::nullopt;
  const json whole = json::parse(*text, nullptr, false);
  if (!whole.is_object() || !whole.contains(id) || !whole[id].is_object()) return std::nullopt;
  try {
    const json& report = whole[id];
    if (report.value("infra_failure", false)) return std::nullopt;
    Graded graded;
    graded.id = id;
    graded.patch_exists = report.value("patch_exists", false);
    graded.applied = report.value("patch_successfully_applied", false);
    graded.resolved = report.value("resolved", false);
    graded.infra_reason = report.value("infra_failure_reason", "");
    const json tests = report.value("tests_status", json::object());
    const auto list = [&](const char* kind, const char* end) {
      return strings(tests.value(kind, json::object()).value(end, json::array()));
    };
    graded.tests = {list("FAIL_TO_PASS", "success"), list("FAIL_TO_PASS", "failure"),
                    list("PASS_TO_PASS", "success"), list("PASS_TO_PASS", "failure")};
    const json ours = report.value("engramd", json::object());
    graded.reason = ours.value("reason", "");
    graded.wall_s = ours.value("wall_s", 0.0);
    graded.cpu_s = ours.value("cpu_s", 0.0);
    graded.evidence = ours.value("evidence", "");
    graded.tampered = strings(ours.value("tampered", json::array()));
    graded.put_back = strings(ours.value("put_back", json::array()));
    return graded;
  } catch (const json::exception&) {
    return std::nullopt;
  }
}

Status write_files(const fs::path& folder, const Graded& graded, const std::string& patch) {
  ENGRAMD_CHECK(write_file_atomic(folder / "patch.diff", patch));
  ENGRAMD_CHECK(write_file_atomic(folder / "eval.sh", "#!/bin/sh\n" + graded.command + "\n"));
  ENGRAMD_CHECK(write_file_atomic(folder / "test_output.txt", graded.output));
  ENGRAMD_CHECK(write_file_atomic(folder / "run_instance.log", graded.log));
  return write_file_atomic(folder / "report.json", to_report_json(graded));
}

json summary_of(const GradeRun& run, const std::vector<Instance>& instances,
                const std::vector<Prediction>& predictions) {
  std::vector<std::string> completed, resolved, unresolved, empty, errors, infra, ambiguous,
      submitted;
  json reasons = json::object();
  for (const Prediction& prediction : predictions) submitted.push_back(prediction.id);
  for (const Graded& graded : run.graded) {
    if (!graded.patch_exists) {
      empty.push_back(graded.id);
      continue;
    }
    (graded.infra_failure ? errors : completed).push_back(graded.id);
    if (!graded.infra_failure) (graded.resolved ? resolved : unresolved).push_back(graded.id);
    if (graded.infra_failure) infra.push_back(graded.id);
    if (!graded.infra_failure && !graded.infra_reason.empty()) ambiguous.push_back(graded.id);
    if (!graded.infra_reason.empty()) reasons[graded.id] = graded.infra_reason;
  }
  std::vector<std::string> incomplete = run.without_prediction;
  for (auto* list : {&completed, &resolved, &unresolved, &empty, &errors, &infra, &ambiguous,
                     &submitted, &incomplete})
    std::sort(list->begin(), list->end());
  return {{"total_instances", instances.size()},
          {"submitted_instances", submitted.size()},
          {"completed_instances", completed.size()},
          {"resolved_instances", resolved.size()},
          {"unresolved_instances", unresolved.size()},
          {"infra_failure_instances", infra.size()},
          {"ambiguous_failure_instances", ambiguous.size()},
          {"empty_patch_instances", empty.size()},
          {"error_instances", errors.size()},
          {"completed_ids", completed},
          {"incomplete_ids", incomplete},
          {"empty_patch_ids", empty},
          {"submitted_ids", submitted},
          {"resolved_ids", resolved},
          {"unresolved_ids", unresolved},
          {"infra_failure_ids", infra},
          {"ambiguous_failure_ids", ambiguous},
          {"failure_reasons", reasons},
          {"error_ids", errors},
          {"schema_version", 2}};
}

}  // namespace

size_t GradeRun::n_resolved() const {
  return static_cast<size_t>(
      std::count_if(graded.begin(), graded.end(), [](const Graded& one) { return one.resolved; }));
}

Result<GradeRun> grade_predictions(const RepositoryStore& store,
                                   const std::vector<Instance>& instances,
                                   const std::vector<Prediction>& predictions, bool run_empty,
                                   const GradeRunOptions& options, const CancelToken& cancel) {
  GradeRun run;
  run.model = predictions.empty() ? "None" : predictions.front().model;
  std::map<std::string, const Prediction*> by_id;
  for (const Prediction& prediction : predictions) by_id[prediction.id] = &prediction;
  std::vector<std::pair<const Instance*, const Prediction*>> work;
  for (const Instance& instance : instances) {
    const auto found = by_id.find(instance.id);
    if (found == by_id.end())
      run.without_prediction.push_back(instance.id);
    else
      work.push_back({&instance, found->second});
  }
  run.graded.resize(work.size());
  std::mutex mutex;  // guards first_error, n_done and the calls of on_graded
  std::optional<Error> first_error;
  size_t n_done = 0;
  const auto keep_error = [&](const Error& error) {
    const std::lock_guard lock(mutex);
    if (!first_error) first_error = error;
  };
  ThreadPool::parallel_for(work.size(), std::max<size_t>(1, options.n_jobs), [&](size_t i) {
    const auto& [instance, prediction] = work[i];
    Graded& graded = run.graded[i];
    graded.id = instance->id;
    {
      const std::lock_guard lock(mutex);
      if (first_error) return;
    }
    const fs::path folder = options.out / "logs" / "run_evaluation" / options.run_id /
                            file_name_of_model(prediction->model) / instance->id;
    if (trim(prediction->patch).empty() && !run_empty) {
      graded.reason = "the patch is empty";
    } else if (auto old = read_report(folder / "report.json", instance->id, prediction->patch,
                                      folder / "patch.diff")) {
      graded = *std::move(old);
    } else {
      auto complete = store.completed(*instance, cancel);
      if (!complete) {
        if (complete.error().code == ErrorCode::cancelled) return keep_error(complete.error());
        graded.patch_exists = !trim(prediction->patch).empty();
        graded.infra_failure = true;
        graded.infra_reason = "environment";
        graded.reason = complete.error().message;
      } else {
        auto done = grade(store, *complete, prediction->patch, options.grade, cancel);
        if (!done) return keep_error(done.error());
        graded = *std::move(done);
      }
      if (auto written = write_files(folder, graded, prediction->patch); !written)
        return keep_error(written.error());
    }
    const std::lock_guard lock(mutex);
    ++n_done;
    if (options.on_graded) options.on_graded(graded, n_done, work.size());
  });
  if (first_error) return fail(*first_error);
  run.summary = options.out / (file_name_of_model(run.model) + "." + options.run_id + ".json");
  ENGRAMD_CHECK(write_file_atomic(
      run.summary,
      summary_of(run, instances, predictions).dump(4, ' ', false, json::error_handler_t::replace) +
          "\n"));
  return run;
}

}  // namespace engramd::agent::swebench
