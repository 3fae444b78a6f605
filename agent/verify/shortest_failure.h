// agent/verify/shortest_failure.h - the one failure of a test run that says most in the fewest
// words.
//
// Pure functions: any thread.
#pragma once

#include <string>

#include "agent/tests/runner.h"

namespace engramd::agent {

// Of the red tests the one whose report is shortest (one that fails by an assertion or an exception
// in the tree before one that hung or says nothing): its id, its message and where it happened. Of
// a run whose tests could not be told apart, the part of the output that says why. Empty when
// nothing is red.
std::string shortest_failure(const TestRun& run, size_t max_bytes = 1500);

}  // namespace engramd::agent
