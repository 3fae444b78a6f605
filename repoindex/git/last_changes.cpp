#include "repoindex/git/last_changes.h"

#include <condition_variable>
#include <list>
#include <mutex>
#include <unordered_map>

namespace engramd::repoindex {

struct LastChanges::State {
  struct Answer {
    bool known = false;  // else somebody is working on it
    std::optional<BlameRange> change;
    Clock::time_point at{};
    std::list<std::string>::iterator place;  // in order
  };
  std::mutex mutex;  // guards the three below
  std::condition_variable arrived;
  std::unordered_map<std::string, Answer> answers;
  std::list<std::string> order;  // of keys, the last made first
  CancelSource cancel;

  // With the mutex held.
  Answer& start(const std::string& key) {
    while (order.size() >= kMaxKept) {
      answers.erase(order.back());
      order.pop_back();
    }
    order.push_front(key);
    Answer& answer = answers[key];
    answer.place = order.begin();
    return answer;
  }
  void forget(const std::string& key) {
    const auto at = answers.find(key);
    if (at == answers.end()) return;
    order.erase(at->second.place);
    answers.erase(at);
  }
};

LastChanges::LastChanges()
    : state_(std::make_shared<State>()), pool_(std::make_unique<ThreadPool>(1, kMaxWaiting)) {}

LastChanges::~LastChanges() {
  state_->cancel.cancel();
}

std::optional<BlameRange> LastChanges::of(const std::filesystem::path& root,
                                          const std::string& path, uint32_t line,
                                          const std::string& version,
                                          const std::function<std::optional<std::string>()>& text,
                                          std::chrono::milliseconds patience) {
  const std::string key =
      root.string() + '\n' + path + '\n' + version + '\n' + std::to_string(line);
  const auto until = Clock::now() + patience;
  std::unique_lock lock(state_->mutex);
  auto at = state_->answers.find(key);
  if (at != state_->answers.end() && at->second.known) {
    const State::Answer& answer = at->second;
    const bool committed = answer.change && !answer.change->commit.empty();
    if (committed || Clock::now() - answer.at < kRecheck) return answer.change;
    state_->forget(key);
    at = state_->answers.end();
  }
  if (at == state_->answers.end()) {
    state_->start(key);
    lock.unlock();
    const bool queued = pool_->try_submit([state = state_, root, path, line, key, text = text()] {
      const CancelSource deadline(state->cancel.token(), Clock::now() + kMaxBlame);
      std::optional<BlameRange> change;
      if (text && !deadline.token().cancelled()) {
        auto found = blame(root, path, LineSpan{line, 1}, text, deadline.token());
        if (found && !found->empty()) change = std::move(found->front());
      }
      std::lock_guard held(state->mutex);
      const auto asked = state->answers.find(key);
      if (asked == state->answers.end()) return;  // pushed out meanwhile
      asked->second.known = true;
      asked->second.change = std::move(change);
      asked->second.at = Clock::now();
      state->arrived.notify_all();
    });
    lock.lock();
    if (!queued) {
      state_->forget(key);
      return std::nullopt;
    }
  }
  std::optional<BlameRange> out;
  state_->arrived.wait_until(lock, until, [&] {
    const auto asked = state_->answers.find(key);
    if (asked == state_->answers.end()) return true;
    if (asked->second.known) out = asked->second.change;
    return asked->second.known;
  });
  return out;
}

}  // namespace engramd::repoindex
