// agent/loop/loop.h - the multi-step loop: ask the model, run its tools, save, until it is done.
//
// Strategy "tools" of the agent, for models that can call tools. The user's tree is only read; what
// comes out is a patch. Every exit, a kill too, keeps the diff of the last whole step (in the
// trajectory). Runs on the caller's thread; events come on it too.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "agent/loop/context.h"
#include "agent/loop/instructions.h"
#include "agent/loop/judge.h"
#include "agent/loop/trajectory.h"
#include "agent/model/chat_model.h"
#include "agent/model/prices.h"
#include "agent/tools/workbench.h"
#include "base/cancel.h"
#include "base/result.h"

namespace engramd::agent {

struct LoopLimits {
  int max_steps = 50;              // turns of the model
  int max_malformed = 3;           // replies in a row without a usable tool call
  int max_false_finishes = 3;      // times that a finish is refused because of the tests
  int max_repeats = 3;             // the same call with the same answer, see repetition.h
  int64_t max_tokens = 2'000'000;  // prompt and completion tokens together; of a model that does
                                   // not count them an estimate
  double max_cost = 0;             // 0: no limit
  std::optional<Prices> prices;    // nothing: a run has no cost
  int64_t wall_ms = 30 * 60 * 1000;
  size_t max_tool_bytes = 10'000;       // of one tool's answer, head and tail kept
  size_t max_output_bytes = 64u << 20;  // of all answers together
  size_t max_calls_per_turn = 16;
  ContextLimits context;
};

// What a person who watches may want to know. Strings are for people.
struct LoopEvent {
  enum class Kind {
    started,   // detail: the task in short
    resumed,   // step: the last one that is saved
    thinking,  // the model is asked
    said,      // detail: text of the model beside its calls
    running,   // a tool begins: tool, detail
    step,      // a tool has answered and the step is saved: step, tool, detail, ok, seconds
    note,      // the model was corrected, or old answers left the prompt: detail
  } kind = Kind::note;
  size_t step = 0;
  std::string tool, detail;
  bool ok = true;
  double seconds = 0;
};

struct LoopOptions {
  std::filesystem::path repo;
  std::string task;
  WorkbenchOptions workbench;
  LoopLimits limits;
  std::filesystem::path trajectory;  // saved here after every step; empty: nowhere
  bool resume = false;               // continue what that file holds
  bool can_edit = true;              // false: the model gets no tool that changes anything
  FinishJudge* judge = nullptr;      // null: the workbench's own tests
  CommandGate command_gate;          // asked before a command of the model is run
  std::optional<std::vector<InstructionFile>> instructions;  // nothing: read from repo
  std::function<void(const LoopEvent&)> on_event;
};

struct LoopReport {
  // "resolved" (the tests pass), "finished" (the model says so; nothing could judge it),
  // "unresolved" (the model stopped and the tests fail), "steps", "tokens", "cost", "wall",
  // "output", "context", "format", "stuck", "model", "cancelled".
  std::string exit;
  std::string patch, summary, problem;
  Changes changed;
  bool tests_pass = false;
  size_t n_steps = 0, n_turns = 0, n_malformed = 0;
  Usage usage;
  double cost = 0, reused = 1;  // reused: see PromptContext::reused
  double wall_s = 0, model_s = 0, tools_s = 0;
  std::string test_command;
  std::vector<std::string> notes;
};

// An error when the request is wrong, there is no sandbox, or a run cannot be resumed. A model that
// fails is a report.
Result<LoopReport> run_loop(ChatModel& model, const LoopOptions& options,
                            const CancelToken& cancel = {});

}  // namespace engramd::agent
