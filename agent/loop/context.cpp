#include "agent/loop/context.h"

#include <algorithm>

namespace engramd::agent {
namespace {

constexpr size_t kMessageOverhead = 16;  // role and separators, in bytes
constexpr std::string_view kStubBegin = "[left out to save room: ";

}  // namespace

PromptContext::PromptContext(ContextLimits limits, const std::vector<ToolDescription>& tools)
    : limits_(limits) {
  for (const ToolDescription& tool : tools)
    tool_bytes_ += tool.name.size() + tool.description.size() + tool.parameters_json.size();
}

size_t PromptContext::bytes_of(const Message& message) {
  size_t n = message.text.size() + kMessageOverhead;
  for (const ToolCall& call : message.calls)
    n += call.name.size() + call.arguments_json.size() + kMessageOverhead;
  return n;
}

void PromptContext::add(Message message) {
  n_bytes_ += bytes_of(message);
  prompt_.push_back(std::move(message));
}

int64_t PromptContext::tokens() const {
  return static_cast<int64_t>(static_cast<double>(n_bytes_ + tool_bytes_) / bytes_per_token_);
}

std::vector<size_t> PromptContext::make_room() {
  if (fits()) return {};
  return shrink_to((limits_.max_tokens - limits_.reply_tokens) / 2);
}

std::vector<size_t> PromptContext::make_room_after_refusal() {
  const int64_t refused = tokens();
  // What did not fit is the limit from now on, a little less to be sure.
  limits_.max_tokens = std::min(limits_.max_tokens, refused - refused / 10);
  limits_.reply_tokens = std::min(limits_.reply_tokens, limits_.max_tokens / 4);
  return shrink_to(refused / 2);
}

std::vector<size_t> PromptContext::shrink_to(int64_t target_tokens) {
  std::vector<size_t> answers;
  for (size_t i = 0; i < prompt_.size(); ++i)
    if (prompt_[i].role == Message::Role::tool && !prompt_[i].text.starts_with(kStubBegin))
      answers.push_back(i);
  std::vector<size_t> done;
  // The newest answers go only when the prompt does not fit otherwise, and the last one never.
  for (const size_t n_kept : {limits_.n_recent_answers, size_t{1}}) {
    const size_t n = answers.size() - std::min(answers.size(), std::max<size_t>(n_kept, 1));
    for (size_t i = done.size(); i < n && tokens() > target_tokens; ++i) {
      done.push_back(answers[i]);
      if (prompt_[answers[i]].text.size() >= limits_.min_elided_bytes) put_stub(answers[i]);
    }
    if (fits()) break;
  }
  std::erase_if(done, [&](size_t i) { return !prompt_[i].text.starts_with(kStubBegin); });
  return done;
}

void PromptContext::put_stub(size_t index) {
  Message& message = prompt_[index];
  n_bytes_ -= bytes_of(message);
  message.text = std::string(kStubBegin) + std::to_string(message.text.size()) +
                 " bytes of an old answer; repeat the call if you still need it]";
  n_bytes_ += bytes_of(message);
  first_changed_ = std::min(first_changed_, index);
}

void PromptContext::elide(const std::vector<size_t>& messages) {
  for (const size_t index : messages)
    if (index < prompt_.size()) put_stub(index);
}

void PromptContext::sent(int64_t prompt_tokens) {
  const auto all = static_cast<double>(n_bytes_ + tool_bytes_);
  if (n_sent_ > 0) {
    size_t shared = tool_bytes_;
    for (size_t i = 0; i < std::min(n_sent_, first_changed_); ++i) shared += bytes_of(prompt_[i]);
    shared_bytes_ += static_cast<double>(shared);
    all_bytes_ += all;
  }
  n_sent_ = first_changed_ = prompt_.size();
  if (prompt_tokens > 0)
    bytes_per_token_ = std::clamp(all / static_cast<double>(prompt_tokens), 1.0, 8.0);
}

double PromptContext::reused() const {
  return all_bytes_ > 0 ? shared_bytes_ / all_bytes_ : 1;
}

}  // namespace engramd::agent
