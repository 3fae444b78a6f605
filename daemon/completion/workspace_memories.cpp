#include "daemon/completion/workspace_memories.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>

#include "base/log.h"
#include "repoindex/memory/token_cache.h"

namespace engramd::daemon {

constexpr int kRestFactor = 9;  // a folder's rebuild waits this many times its last build's time
constexpr std::chrono::milliseconds kCancelCheck{5};  // how soon a waiting request sees its token

struct WorkspaceMemories::State {
  struct Slot {
    repoindex::SnapshotPtr built_for;  // also after a failed build
    std::shared_ptr<const repoindex::RepositoryMemory> memory;
    bool building = false;
    Clock::time_point not_before{};
    uint64_t last_use = 0;
  };

  repoindex::TokenEncoder encode;
  repoindex::MemoryOptions options;
  BackgroundExecutor executor;
  CancelSource cancel;
  repoindex::TokenCache cache;

  std::mutex mutex;  // guards all below; builds run outside of it
  std::condition_variable built;
  std::map<std::string, Slot> slots;
  uint64_t clock = 0;
  size_t n_builds = 0;

  void build(const std::string& root, const repoindex::View& view, const std::string& near);
  void drop_least_used();
};

void WorkspaceMemories::State::build(const std::string& root, const repoindex::View& view,
                                     const std::string& near) {
  const auto start = Clock::now();
  auto memory =
      repoindex::RepositoryMemory::build(view, near, encode, options, cancel.token(), &cache);
  const auto end = Clock::now();
  std::lock_guard lock(mutex);
  ++n_builds;
  built.notify_all();
  const auto found = slots.find(root);
  if (found == slots.end()) return;  // dropped meanwhile
  Slot& slot = found->second;
  slot.building = false;
  slot.not_before = end + kRestFactor * (end - start);
  if (memory) {
    slot.memory = *std::move(memory);
    slot.built_for = view.snapshot;
  } else if (memory.error().code != ErrorCode::cancelled) {
    log_warning("repository memory of " + root + ": " + memory.error().message);
    slot.built_for = view.snapshot;  // the same snapshot would fail the same way
  }
}

void WorkspaceMemories::State::drop_least_used() {
  while (slots.size() > kMaxWorkspaces) {
    const auto oldest = std::min_element(slots.begin(), slots.end(), [](auto& a, auto& b) {
      return a.second.last_use < b.second.last_use;
    });
    slots.erase(oldest);
  }
}

WorkspaceMemories::WorkspaceMemories(repoindex::TokenEncoder encode, BackgroundExecutor executor,
                                     repoindex::MemoryOptions options)
    : state_(std::make_shared<State>()) {
  state_->encode = std::move(encode);
  state_->executor = std::move(executor);
  state_->options = options;
}

WorkspaceMemories::~WorkspaceMemories() {
  state_->cancel.cancel();
}

std::shared_ptr<const repoindex::RepositoryMemory> WorkspaceMemories::get(
    const repoindex::View& view, const std::string& near, Clock::time_point wait_until,
    const CancelToken& cancel) {
  const std::string root = view.root().string();
  // With the mutex held.
  const auto slot_now = [&]() -> State::Slot* {
    const auto found = state_->slots.find(root);
    return found == state_->slots.end() ? nullptr : &found->second;
  };
  const auto answer = [&](std::unique_lock<std::mutex>& lock) {
    for (State::Slot* slot = slot_now(); slot != nullptr && slot->building; slot = slot_now()) {
      if (slot->memory != nullptr && slot->memory->n_tokens() > 0) break;
      if (cancel.cancelled() || Clock::now() >= wait_until) break;
      state_->built.wait_for(lock, kCancelCheck);
    }
    const State::Slot* slot = slot_now();
    return slot == nullptr ? nullptr : slot->memory;
  };
  {
    std::unique_lock lock(state_->mutex);
    State::Slot& slot = state_->slots[root];
    slot.last_use = ++state_->clock;
    state_->drop_least_used();
    const bool rests = Clock::now() < slot.not_before;
    if (slot.building || slot.built_for == view.snapshot || rests) return answer(lock);
    slot.building = true;
  }
  const auto job = [state = state_, root, near,
                    published = repoindex::View{view.snapshot, nullptr}] {
    state->build(root, published, near);
  };
  if (!state_->executor) {
    job();
  } else if (!state_->executor(job)) {
    std::lock_guard lock(state_->mutex);
    if (State::Slot* slot = slot_now()) slot->building = false;
  }
  std::unique_lock lock(state_->mutex);
  return answer(lock);
}

size_t WorkspaceMemories::n_bytes() const {
  std::lock_guard lock(state_->mutex);
  size_t n = state_->cache.n_bytes();
  for (const auto& [root, slot] : state_->slots)
    if (slot.memory) n += slot.memory->n_bytes();
  return n;
}

size_t WorkspaceMemories::n_builds() const {
  std::lock_guard lock(state_->mutex);
  return state_->n_builds;
}

}  // namespace engramd::daemon
