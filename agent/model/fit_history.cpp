#include "agent/model/fit_history.h"

#include <algorithm>

#include "agent/tools/tool.h"

namespace engramd::agent {
namespace {

using Role = Message::Role;

// The first message that belongs to a step: instructions and task stand before it.
size_t first_step(const std::vector<Message>& history) {
  size_t i = 0;
  while (i < history.size() && history[i].role != Role::assistant) ++i;
  return i;
}

// Where steps begin: at each message of the assistant.
std::vector<size_t> step_begins(const std::vector<Message>& history) {
  std::vector<size_t> begins;
  for (size_t i = 0; i < history.size(); ++i)
    if (history[i].role == Role::assistant) begins.push_back(i);
  return begins;
}

// Where the last step begins, or the end when there is none.
size_t last_step(const std::vector<Message>& history) {
  const auto begins = step_begins(history);
  return begins.empty() ? history.size() : begins.back();
}

}  // namespace

size_t n_cuttable_results(const std::vector<Message>& history) {
  const auto end = history.begin() + static_cast<ptrdiff_t>(last_step(history));
  return static_cast<size_t>(std::count_if(
      history.begin(), end, [](const Message& message) { return message.role == Role::tool; }));
}

size_t n_cuttable_steps(const std::vector<Message>& history) {
  const size_t n = step_begins(history).size();
  return n == 0 ? 0 : n - 1;
}

std::vector<Message> shortened(const std::vector<Message>& history, const Cut& cut) {
  const auto begins = step_begins(history);
  const size_t n_steps = std::min(cut.n_steps, n_cuttable_steps(history));
  const size_t gone_begin = first_step(history);
  const size_t gone_end = n_steps == 0 ? gone_begin : begins[n_steps];
  const size_t last = last_step(history);
  std::vector<Message> out;
  size_t n_results = 0;
  for (size_t i = 0; i < history.size(); ++i) {
    const bool old_result =
        history[i].role == Role::tool && i < last && n_results++ < cut.n_results;
    if (i >= gone_begin && i < gone_end) continue;
    Message message = history[i];
    if (old_result)
      message.text = "(" + std::to_string(message.text.size()) +
                     " bytes, left out here to save room; call the tool again if you need them)";
    if (message.text.size() > cut.max_message_bytes)
      message.text = capped(message.text, cut.max_message_bytes);
    if (i + 1 == gone_begin && n_steps > 0)
      message.text += "\n(" + std::to_string(n_steps) + " earlier steps are left out here.)";
    out.push_back(std::move(message));
  }
  return out;
}

}  // namespace engramd::agent
