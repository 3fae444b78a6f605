// agent/loop/prompts.h - every sentence that the loop says to a model.
//
// Kept in one place so that a change of wording is one diff, and so that a manifest can name them
// by prompts_hash(). Pure functions: any thread.
#pragma once

#include <string>
#include <vector>

#include "agent/loop/instructions.h"
#include "agent/model/chat_model.h"

namespace engramd::agent {

struct TaskPrompt {
  std::string task;          // as it came
  std::string test_command;  // empty: none
  std::string briefing;      // of the judge: what is red
  std::vector<InstructionFile> instructions;
  bool can_edit = true;
  size_t max_task_bytes = 60'000;
};

std::string system_prompt(bool can_edit);
std::string task_prompt(const TaskPrompt& prompt);
// What was done to the task text on the way into the prompt ("its middle is left out", …).
std::vector<std::string> task_notes(const TaskPrompt& prompt);

std::string without_call_note(const std::string& finish_reason, bool is_empty, int n_in_row,
                              int max_in_row, const std::vector<ToolDescription>& tools);
std::string unknown_tool_answer(const std::string& name, const std::vector<ToolDescription>& tools);
std::string too_many_calls_answer(size_t max_calls);
std::string repetition_nudge(int n_times);
std::string refused_finish(const std::string& complaint, int n_left);
inline constexpr const char* kRefusedFinish = "not finished: ";

// Changes when any of these texts does.
std::string prompts_hash();

}  // namespace engramd::agent
