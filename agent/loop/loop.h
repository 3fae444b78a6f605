// agent/loop/loop.h - the multi-step loop: ask the model, run its tools, save, until it is done.
//
// Strategy "tools" of the agent, for models that can call tools. The user's tree is only read; what
// comes out is a patch. Every exit, a kill too, keeps the diff of the last whole step (in the
// trajectory). Runs on the caller's thread.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "agent/loop/trajectory.h"
#include "agent/model/chat_model.h"
#include "agent/tools/workbench.h"
#include "base/cancel.h"
#include "base/result.h"

namespace engramd::agent {

struct LoopLimits {
  int max_steps = 50;              // model turns
  int max_malformed = 3;           // replies in a row without a usable tool call
  int64_t max_tokens = 2'000'000;  // prompt and completion tokens together
  int64_t wall_ms = 30 * 60 * 1000;
  size_t max_tool_bytes = 10'000;  // of one tool's answer, head and tail kept
};

struct LoopOptions {
  std::filesystem::path repo;
  std::string task;
  WorkbenchOptions workbench;
  LoopLimits limits;
  std::filesystem::path trajectory;                     // saved here after every step
  bool resume = false;                                  // continue what that file holds
  std::function<void(const std::string&)> on_progress;  // one line per event
};

struct LoopReport {
  // "resolved" (the tests pass), "finished" (the model says so; no tests to say it),
  // "unresolved" (the model stopped and the tests fail), "steps", "tokens", "time", "format",
  // "cancelled".
  std::string exit;
  std::string patch, summary;
  bool tests_pass = false;
  size_t n_steps = 0;
  Usage usage;
  double wall_s = 0;
};

Result<LoopReport> run_loop(ChatModel& model, const LoopOptions& options,
                            const CancelToken& cancel = {});

}  // namespace engramd::agent
