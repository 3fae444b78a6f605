#include "agent/swebench/compare.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "agent/swebench/predictions.h"
#include "agent/swebench/work.h"
#include "base/file.h"
#include "base/text.h"

namespace engramd::agent::swebench {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using One = RunResult::One;

constexpr uint64_t kMaxSummaryBytes = 256u << 20;
constexpr double kZ = 1.959963984540054;  // of 95 %

std::string repo_of(const std::string& id) {
  const size_t dash = id.rfind('-');
  std::string repo = id.substr(0, dash);
  const size_t bars = repo.find("__");
  if (bars != std::string::npos) repo.replace(bars, 2, "/");
  return repo;
}

struct Difference {
  size_t both = 0, only_a = 0, only_b = 0, neither = 0;
  std::vector<std::string> ids_only_a, ids_only_b;
};

Difference difference_of(const RunResult& a, const RunResult& b) {
  std::map<std::string, bool> of_b;
  for (const One& one : b.instances)
    if (one.resolved) of_b[one.id] = *one.resolved;
  Difference difference;
  for (const One& one : a.instances) {
    const auto found = of_b.find(one.id);
    if (!one.resolved || found == of_b.end()) continue;
    if (*one.resolved && found->second) ++difference.both;
    if (!*one.resolved && !found->second) ++difference.neither;
    if (*one.resolved && !found->second) {
      ++difference.only_a;
      difference.ids_only_a.push_back(one.id);
    }
    if (!*one.resolved && found->second) {
      ++difference.only_b;
      difference.ids_only_b.push_back(one.id);
    }
  }
  return difference;
}

struct Totals {
  size_t n_patches = 0, n_infra = 0;
  int64_t prompt = 0, cached = 0, completion = 0;
  double cost = 0, wall_s = 0;
  std::map<std::string, size_t> exits;
  std::map<std::string, std::pair<size_t, size_t>> repos;  // resolved, graded
};

Totals totals_of(const RunResult& run) {
  Totals totals;
  for (const One& one : run.instances) {
    totals.n_patches += one.has_patch;
    totals.n_infra += one.infra;
    totals.prompt += one.prompt_tokens;
    totals.cached += one.cached_tokens;
    totals.completion += one.completion_tokens;
    totals.cost += one.cost;
    totals.wall_s += one.wall_s;
    if (!one.exit.empty()) ++totals.exits[one.exit];
    if (one.resolved) {
      auto& [good, all] = totals.repos[one.repo];
      good += *one.resolved;
      ++all;
    }
  }
  return totals;
}

std::string printed(const char* format, double a, double b = 0, double c = 0) {
  char text[256];
  std::snprintf(text, sizeof text, format, a, b, c);
  return text;
}

json json_of(const RunResult& run) {
  const Totals totals = totals_of(run);
  const Interval interval = wilson_interval(run.n_resolved(), run.n_graded());
  json repos = json::object();
  for (const auto& [repo, counts] : totals.repos)
    repos[repo] = {{"resolved", counts.first}, {"graded", counts.second}};
  std::vector<std::string> resolved;
  for (const One& one : run.instances)
    if (one.resolved.value_or(false)) resolved.push_back(one.id);
  return {{"name", run.name},
          {"instances", run.instances.size()},
          {"graded", run.n_graded()},
          {"resolved", run.n_resolved()},
          {"interval_95", {interval.low, interval.high}},
          {"resolved_ids", resolved},
          {"patches", totals.n_patches},
          {"infra", totals.n_infra},
          {"exits", totals.exits},
          {"prompt_tokens", totals.prompt},
          {"cached_tokens", totals.cached},
          {"completion_tokens", totals.completion},
          {"cost", totals.cost},
          {"wall_s", totals.wall_s},
          {"repos", repos}};
}

std::string text_of(const RunResult& run) {
  const Totals totals = totals_of(run);
  const size_t n = run.n_graded(), good = run.n_resolved();
  std::string text = run.name + "\n";
  if (n == 0) {
    text += "  not graded yet: engramd swebench grade\n";
  } else {
    const Interval interval = wilson_interval(good, n);
    text += "  resolved  " + std::to_string(good) + " of " + std::to_string(n) +
            printed(" (%.1f %%, 95 %% interval %.1f to %.1f)\n",
                    100.0 * static_cast<double>(good) / static_cast<double>(n), 100 * interval.low,
                    100 * interval.high);
  }
  text +=
      "  patches   " + std::to_string(totals.n_patches) + " of " +
      std::to_string(run.instances.size()) +
      (totals.n_infra > 0 ? ", failures of the machine: " + std::to_string(totals.n_infra) : "") +
      "\n";
  if (!totals.exits.empty()) {
    text += "  exits     ";
    bool first = true;
    for (const auto& [exit, count] : totals.exits) {
      text += (first ? "" : ", ") + exit + " " + std::to_string(count);
      first = false;
    }
    text += "\n";
  }
  const double per = run.instances.empty() ? 1 : static_cast<double>(run.instances.size());
  text += "  tokens    " + std::to_string(totals.prompt) + " in (" + std::to_string(totals.cached) +
          " cached), " + std::to_string(totals.completion) + " out" +
          printed("; cost %.2f; %.0f s, %.1f s an instance\n", totals.cost, totals.wall_s,
                  totals.wall_s / per);
  for (const auto& [repo, counts] : totals.repos)
    text += "  " + repo + "  " + std::to_string(counts.first) + " of " +
            std::to_string(counts.second) + "\n";
  return text;
}

Status add_grades(RunResult& run, const fs::path& file) {
  ENGRAMD_TRY(const std::string text, read_file(file, kMaxSummaryBytes));
  const json summary = json::parse(text, nullptr, false);
  if (!summary.is_object() || !summary.contains("resolved_ids"))
    return fail(ErrorCode::invalid_input,
                file.string() + " is no summary of a grading: expected resolved_ids in it");
  std::map<std::string, bool> grades;
  const auto take = [&](const char* name, bool value) {
    for (const json& id : summary.value(name, json::array()))
      if (id.is_string()) grades[id.get<std::string>()] = value;
  };
  // The denominator is every instance: what was not resolved for whatever reason is a no.
  for (const char* name : {"submitted_ids", "incomplete_ids", "completed_ids", "empty_patch_ids",
                           "error_ids", "unresolved_ids"})
    take(name, false);
  take("resolved_ids", true);
  for (const auto& [id, resolved] : grades) {
    const auto found = std::find_if(run.instances.begin(), run.instances.end(),
                                    [&, &wanted = id](const One& one) { return one.id == wanted; });
    if (found != run.instances.end()) {
      found->resolved = resolved;
    } else {
      One one;
      one.id = id;
      one.repo = repo_of(id);
      one.resolved = resolved;
      run.instances.push_back(std::move(one));
    }
  }
  return {};
}

fs::path newest_summary(const fs::path& folder) {
  fs::path newest;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error))
    if (entry.path().extension() == ".json" && entry.is_regular_file(error) &&
        (newest.empty() || fs::last_write_time(newest, error) < entry.last_write_time(error)))
      newest = entry.path();
  return newest;
}

}  // namespace

Interval wilson_interval(size_t n_good, size_t n_all) {
  if (n_all == 0) return {0, 1};
  const double n = static_cast<double>(n_all), p = static_cast<double>(n_good) / n, z2 = kZ * kZ;
  const double middle = (p + z2 / (2 * n)) / (1 + z2 / n);
  const double half = kZ * std::sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n);
  // Exactly at the ends, where rounding would leave a crumb.
  return {n_good == 0 ? 0 : std::max(0.0, middle - half),
          n_good == n_all ? 1 : std::min(1.0, middle + half)};
}

double mcnemar_p(size_t only_a, size_t only_b) {
  const size_t n = only_a + only_b, less = std::min(only_a, only_b);
  if (n == 0) return 1;
  // Twice the lower tail of a fair coin, in logarithms so that thousands of pairs do not underflow.
  double tail = 0;
  for (size_t k = 0; k <= less; ++k) {
    const double nn = static_cast<double>(n), kk = static_cast<double>(k);
    tail += std::exp(std::lgamma(nn + 1) - std::lgamma(kk + 1) - std::lgamma(nn - kk + 1) -
                     nn * std::log(2.0));
  }
  return std::min(1.0, 2 * tail);
}

size_t RunResult::n_resolved() const {
  return static_cast<size_t>(std::count_if(instances.begin(), instances.end(), [](const One& one) {
    return one.resolved.value_or(false);
  }));
}
size_t RunResult::n_graded() const {
  return static_cast<size_t>(std::count_if(
      instances.begin(), instances.end(), [](const One& one) { return one.resolved.has_value(); }));
}

fs::path beside(const fs::path& predictions, const char* ending) {
  fs::path stem = predictions;
  if (stem.extension() == ".jsonl" || stem.extension() == ".json") stem.replace_extension();
  return stem.string() + ending;
}

Result<RunResult> read_run(const fs::path& path) {
  RunResult run;
  run.name = path.string();
  std::error_code error;
  if (fs::is_directory(path, error)) {
    const fs::path summary = newest_summary(path);
    if (summary.empty())
      return fail(ErrorCode::not_found, "no summary of a grading (*.json) in " + path.string());
    ENGRAMD_CHECK(add_grades(run, summary));
    return run;
  }
  ENGRAMD_TRY(const std::string text, read_file(path, kMaxSummaryBytes));
  if (const json whole = json::parse(text, nullptr, false);
      whole.is_object() && whole.contains("resolved_ids")) {
    ENGRAMD_CHECK(add_grades(run, path));
    return run;
  }
  ENGRAMD_TRY(const auto predictions, read_predictions(path));
  if (predictions.empty())
    return fail(ErrorCode::invalid_input,
                path.string() + " holds neither predictions nor the summary of a grading");
  const fs::path folder = beside(path, ".run");
  for (const Prediction& prediction : predictions) {
    One one;
    one.id = prediction.id;
    one.repo = repo_of(one.id);
    one.has_patch = !trim(prediction.patch).empty();
    if (const auto status = read_status(folder / one.id)) {
      one.exit = status->state == WorkState::infra ? "infra" : status->exit;
      one.outcome = status->outcome;
      one.infra = status->state == WorkState::infra;
      one.prompt_tokens = status->prompt_tokens;
      one.cached_tokens = status->cached_tokens;
      one.completion_tokens = status->completion_tokens;
      one.cost = status->cost;
      one.wall_s = status->wall_s;
    }
    run.instances.push_back(std::move(one));
  }
  if (const fs::path summary = newest_summary(beside(path, ".graded")); !summary.empty())
    ENGRAMD_CHECK(add_grades(run, summary));
  return run;
}

std::string report_text(const RunResult& a, const RunResult* b) {
  std::string text = text_of(a);
  if (b == nullptr) return text;
  text += text_of(*b);
  const Difference difference = difference_of(a, *b);
  const size_t n = difference.both + difference.only_a + difference.only_b + difference.neither;
  text +=
      "both graded: " + std::to_string(n) + "; resolved by both " +
      std::to_string(difference.both) + ", only by the first " + std::to_string(difference.only_a) +
      ", only by the second " + std::to_string(difference.only_b) +
      printed("; McNemar's exact test p = %.4f\n", mcnemar_p(difference.only_a, difference.only_b));
  for (const std::string& id : difference.ids_only_a) text += "  only the first: " + id + "\n";
  for (const std::string& id : difference.ids_only_b) text += "  only the second: " + id + "\n";
  return text;
}

std::string report_json(const RunResult& a, const RunResult* b) {
  json out = {{"a", json_of(a)}};
  if (b != nullptr) {
    out["b"] = json_of(*b);
    const Difference d = difference_of(a, *b);
    out["paired"] = {{"both", d.both},
                     {"only_a", d.ids_only_a},
                     {"only_b", d.ids_only_b},
                     {"neither", d.neither},
                     {"mcnemar_p", mcnemar_p(d.only_a, d.only_b)}};
  }
  return out.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace engramd::agent::swebench
