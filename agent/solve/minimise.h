// agent/solve/minimise.h - drops what a passing change does not need.
//
// Greedy, one piece at a time, each kept out only while `good` holds; bounded by runs and by the
// token. Runs on the caller's thread.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "agent/loop/changes.h"
#include "base/cancel.h"
#include "base/result.h"

namespace engramd::agent {

struct MinimiseOptions {
  bool hunks = false;  // otherwise whole new files only
  size_t max_runs = 24;
};

struct Minimised {
  Changes changes;
  size_t n_dropped = 0, n_runs = 0;
};

Result<Minimised> minimise(
    const Changes& changes,
    const std::function<std::optional<std::string>(const std::string& path)>& base,
    const std::function<Result<bool>(const Changes&)>& good, const MinimiseOptions& options,
    const CancelToken& cancel);

}  // namespace engramd::agent
