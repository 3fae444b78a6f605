// agent/swebench/grade_run.h - grading a file of predictions, with the files that the harness
// leaves.
//
//   <out>/logs/run_evaluation/<run_id>/<model>/<id>/{report.json, test_output.txt,
//                                                    run_instance.log, patch.diff, eval.sh}
//   <out>/<model>.<run_id>.json     the summary, schema_version 2
//
// A report that is there already is taken as it is (another run id grades anew), unless it was a
// failure of the machine. Several instances at a time; one call per run id at a time.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "agent/swebench/grade.h"
#include "agent/swebench/predictions.h"

namespace engramd::agent::swebench {

struct GradeRunOptions {
  GradeOptions grade;
  std::filesystem::path out;
  std::string run_id = "run";
  size_t n_jobs = 1;
  // One call at a time, from several threads.
  std::function<void(const Graded&, size_t n_done, size_t n_all)> on_graded;
};

struct GradeRun {
  std::string model;
  std::vector<Graded> graded;  // instances that have a prediction, in the instances' order
  std::vector<std::string> without_prediction;
  std::filesystem::path summary;
  size_t n_resolved() const;
};

// Instances are completed here. An empty prediction is not run unless `run_empty`.
Result<GradeRun> grade_predictions(const RepositoryStore& store,
                                   const std::vector<Instance>& instances,
                                   const std::vector<Prediction>& predictions, bool run_empty,
                                   const GradeRunOptions& options, const CancelToken& cancel = {});

}  // namespace engramd::agent::swebench
