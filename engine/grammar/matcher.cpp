#include "engine/grammar/matcher.h"

#include <algorithm>

namespace engramd::engine::grammar {
namespace {

constexpr size_t kMaxFrames = 1u << 16;

}  // namespace

Result<Matcher> Matcher::start(std::shared_ptr<const Automaton> automaton) {
  Matcher matcher(std::move(automaton));
  Stepper stepper(*matcher.automaton_);
  ENGRAMD_CHECK(stepper.close(matcher.pool_, {{matcher.automaton_->start, 0}}, matcher.threads_));
  return matcher;
}

Result<bool> Matcher::take(std::string_view bytes) {
  Stepper stepper(*automaton_);
  Threads now = threads_, next;
  for (const char c : bytes) {
    ENGRAMD_CHECK(stepper.step(pool_, now, static_cast<uint8_t>(c), next));
    if (next.list.empty() && !next.may_end) return false;
    std::swap(now, next);
    // Long texts in one call, too.
    if (pool_.size() > 2 * kMaxFrames) keep_frames_of({&threads_, &now});
  }
  threads_ = std::move(now);
  if (pool_.size() > kMaxFrames) keep_frames_of({&threads_});
  return true;
}

void Matcher::keep_frames_of(std::initializer_list<Threads*> used) {
  StackPool kept;
  std::vector<Frame> chain;
  for (Threads* threads : used) {
    for (Thread& thread : threads->list) {
      chain.clear();
      for (uint32_t stack = thread.stack; stack != 0; stack = chain.back().parent)
        chain.push_back(pool_.frame(stack));
      thread.stack = 0;
      for (size_t i = chain.size(); i-- > 0;)
        thread.stack = kept.push(chain[i].node, chain[i].count, thread.stack);
    }
    std::sort(threads->list.begin(), threads->list.end());
  }
  pool_ = std::move(kept);
}

Result<bool> matches(const std::shared_ptr<const Automaton>& automaton, std::string_view text) {
  ENGRAMD_TRY(Matcher matcher, Matcher::start(automaton));
  ENGRAMD_TRY(const bool taken, matcher.take(text));
  return taken && matcher.may_end();
}

}  // namespace engramd::engine::grammar
