// agent/solve/tools_strategy.h - a task by a model that calls tools: runs, judged, the best kept.
//
//   tests before -> one run of agent/loop, or several -> each judged on a fresh tree (evidence.h)
//   -> the best (select.h) -> what it does not need dropped (minimise.h) -> Report
#pragma once

#include "agent/solve/solve.h"

namespace engramd::agent {

Result<Report> solve_with_tools(const SolveOptions& options, const CancelToken& cancel);

}  // namespace engramd::agent
