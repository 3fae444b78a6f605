// agent/model/fit_history.h - a conversation made short enough for a model's context.
//
// What goes first is what can be had again: results of old tool calls. Then everything long loses
// its middle, and at last whole old steps go. The first messages (instructions, task) and the last
// step always stay. A Cut only ever gets tighter during a run, and each time by much, so that
// between two times the prompts stay prefixes of each other. Pure functions: any thread.
#pragma once

#include <cstddef>
#include <vector>

#include "agent/model/chat_model.h"

namespace engramd::agent {

struct Cut {
  size_t n_results = 0;                 // of the oldest tool results: said to be left out
  size_t n_steps = 0;                   // of the oldest steps (assistant and results): gone
  size_t max_message_bytes = SIZE_MAX;  // of every other text: head and tail are kept
};
std::vector<Message> shortened(const std::vector<Message>& history, const Cut& cut);

// How many results and steps a conversation has that a Cut may take.
size_t n_cuttable_results(const std::vector<Message>& history);
size_t n_cuttable_steps(const std::vector<Message>& history);

}  // namespace engramd::agent
