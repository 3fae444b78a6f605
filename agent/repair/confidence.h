// agent/repair/confidence.h - how likely a patch that passes is the one its author would have
// written.
//
// Tests that pass are not enough: on real bugs most passing small edits are wrong. What is known
// besides:
//   how common such a mistake is, how suspicious its line, how likely the new line reads (the
//   order) how far edits of this kind are to be trusted: one that deletes, or that makes a
//   condition constant, passes weak tests for the wrong reason how many other, different edits pass
//   as well, and how they compare: rivals share the belief how many tests judge it: those that
//   turned green and those that run the line and stayed green
// The score is a chance fitted to the share of belief and the number of tests that judge;
// docs/benchmarks/repair.md has the formula and how often it is right. Pure: any thread.
#pragma once

#include <string>
#include <vector>

#include "agent/repair/search.h"
#include "agent/solve/report.h"
#include "agent/tests/warm_pytest.h"

namespace engramd::agent {

struct Judged {
  size_t place = 0;  // in the passing ones
  double confidence = 0;
  std::vector<std::string> reasons;
  RepairSigns signs;
};

struct EvidenceInput {
  const std::vector<Candidate>& candidates;
  const std::vector<Passing>& passing;
  const std::vector<TracedTest>& traced;  // empty: which tests run a line is not known
  size_t n_red = 0, n_passed = 0;         // before
  bool ran_out = false;                   // of time while looking for rivals
  size_t n_tried = 0;                     // candidates
};

std::vector<Judged> judge(const EvidenceInput& input);  // best first

// 0 to 1: how far an edit of this kind is to be trusted when it passes.
double trust_in(std::string_view edit_kind);

}  // namespace engramd::agent
