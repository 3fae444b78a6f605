// agent/verify/nearest_tests.h - which test files are about a changed file, by the index alone.
//
// Tests that import it, tests that are called after it, tests of the same folder (Go), then tests
// that import what imports it. Pure readers: any thread.
#pragma once

#include <string>
#include <vector>

#include "base/cancel.h"
#include "repoindex/view.h"

namespace engramd::agent {

// Nearest first, at most limit; the same view always gives the same answer.
std::vector<std::string> nearest_tests(const repoindex::View& view,
                                       const std::vector<std::string>& changed, size_t limit,
                                       const CancelToken& cancel = {});

}  // namespace engramd::agent
