// agent/loop/judge.h - the port through which the loop asks whether the work is done.
//
// The loop believes no model that says so. What judges lies outside (agent/solve/evidence.h: the
// tests, on a fresh tree), and may bring tools of its own, such as the one that takes a
// reproduction test. Called from the loop's thread.
#pragma once

#include <string>
#include <vector>

#include "agent/loop/changes.h"
#include "agent/tools/tool.h"
#include "base/cancel.h"
#include "base/result.h"

namespace engramd::agent {

struct FinishVerdict {
  bool accepted = false;
  bool tested = false;    // by tests that can tell; false: nothing could judge it
  std::string complaint;  // what the model is told when it is not accepted
};

class FinishJudge {
 public:
  virtual ~FinishJudge() = default;
  // changed: every file that differs from the user's tree.
  virtual Result<FinishVerdict> judge(const Changes& changed, const CancelToken& cancel) = 0;
  virtual std::vector<Tool> tools() { return {}; }
  // What the model is told about the tests before it begins; may be empty.
  virtual std::string briefing() const { return {}; }
  // What a resumed run must know; empty: nothing.
  virtual std::string state_json() const { return {}; }
  virtual Status restore(const std::string&) { return {}; }
};

}  // namespace engramd::agent
