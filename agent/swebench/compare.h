// agent/swebench/compare.h - what came of a run, and whether another one differs by more than
// chance.
//
// Plain arithmetic over what run and grade leave; any thread.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace engramd::agent::swebench {

struct Interval {
  double low = 0, high = 0;
};
// Wilson's 95 % interval of a share; 0 to 1 when there is nothing.
Interval wilson_interval(size_t n_good, size_t n_all);
// McNemar's exact test, two-sided: only_a and only_b are the pairs in which just one of two
// succeeded.
double mcnemar_p(size_t only_a, size_t only_b);

struct RunResult {
  struct One {
    std::string id, repo;
    std::optional<bool> resolved;  // nothing: not graded
    bool has_patch = false, infra = false;
    std::string exit, outcome;
    int64_t prompt_tokens = 0, cached_tokens = 0, completion_tokens = 0;
    double cost = 0, wall_s = 0;
  };
  std::string name;
  std::vector<One> instances;
  size_t n_resolved() const;
  size_t n_graded() const;
};

// preds.jsonl (with preds.run/ and preds.graded/ beside it where they are), a summary that grade or
// the official harness wrote, or a folder with exactly one.
Result<RunResult> read_run(const std::filesystem::path& path);

std::string report_text(const RunResult& a, const RunResult* b);
std::string report_json(const RunResult& a, const RunResult* b);

// preds.jsonl -> preds.run, preds.graded
std::filesystem::path beside(const std::filesystem::path& predictions, const char* ending);

}  // namespace engramd::agent::swebench
