// repoindex/context/task_window.h - how the budget of a task's window is divided. Any thread.
#pragma once

#include "repoindex/context.h"
#include "repoindex/locate.h"

namespace engramd::repoindex {

// In percent of the budget. Chosen by the share of changed lines that windows of 4k, 16k and 64k
// tokens show (tests/bench/localisation_eval): small windows live from functions, large ones from
// whole files, which also hold what lies outside of functions.
struct TaskShares {
  size_t functions = 35;     // bodies of the best functions
  size_t one_function = 25;  // a longer one is cut
  size_t files = 65;         // the best files whole, those that are not too long
  size_t one_file = 50;
  size_t max_functions = 200, max_files = 20;
};
TaskShares task_shares(size_t budget);

Result<Window> window_of_located(const View&, const LocateResult& located, const TokenCounter&,
                                 Budget, const TaskShares&, const CancelToken&);

}  // namespace engramd::repoindex
