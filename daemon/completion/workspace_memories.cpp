#include "daemon/completion/workspace_memories.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>

#include "base/hash.h"
#include "base/log.h"

namespace engramd::daemon {

constexpr int kRestFactor = 9;  // a folder's update waits this many times its last one's time
constexpr int kMergesAfterUpdate = 4;                 // the rest waits for the next update
constexpr std::chrono::milliseconds kCancelCheck{5};  // how soon a waiting request sees its token

struct WorkspaceMemories::State {
  struct Slot {
    repoindex::SnapshotPtr built_for;  // also after a failed update
    std::shared_ptr<repoindex::MemoryStore> store;
    bool building = false;
    Clock::time_point not_before{};
    uint64_t last_use = 0;
  };

  repoindex::TokenEncoder encode;
  repoindex::MemoryStoreOptions options;
  BackgroundExecutor executor;
  CancelSource cancel;

  mutable std::mutex mutex;  // guards all below; updates run outside of it
  std::condition_variable built;
  std::map<std::string, Slot> slots;
  uint64_t clock = 0;
  size_t n_builds = 0;

  void update(const std::string& root, repoindex::MemoryStore& store, const repoindex::View& view,
              const std::string& near);
  void drop_least_used();
};

void WorkspaceMemories::State::update(const std::string& root, repoindex::MemoryStore& store,
                                      const repoindex::View& view, const std::string& near) {
  const auto start = Clock::now();
  const auto memory = store.update(view, near, cancel.token());
  if (memory) {
    for (int merges = 0; merges < kMergesAfterUpdate; ++merges) {
      const Result<bool> merged = store.tidy(cancel.token());
      if (!merged || !*merged) break;
    }
  }
  const auto end = Clock::now();
  std::lock_guard lock(mutex);
  ++n_builds;
  built.notify_all();
  const auto found = slots.find(root);
  if (found == slots.end() || found->second.store.get() != &store) return;  // dropped meanwhile
  Slot& slot = found->second;
  slot.building = false;
  slot.not_before = end + kRestFactor * (end - start);
  if (memory) {
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

std::string tokenizer_fingerprint(const engine::Tokenizer& tokenizer) {
  // Texts that pre-tokenizers cut differently.
  constexpr std::string_view kProbe =
      "if (x1234 != 0x7f) {\n\t\treturn self.camelCase\u00e9's;  \n\n}";
  std::string all;
  for (size_t i = 0; i < tokenizer.n_vocab(); ++i) {
    all += tokenizer.spelling(static_cast<engine::TokenId>(i));
    all += '\0';
  }
  for (const engine::TokenId token : tokenizer.encode(kProbe)) all += std::to_string(token) + ' ';
  return hash128_hex(all);
}

WorkspaceMemories::WorkspaceMemories(repoindex::TokenEncoder encode, BackgroundExecutor executor,
                                     repoindex::MemoryOptions options, std::filesystem::path folder,
                                     std::string fingerprint)
    : state_(std::make_shared<State>()) {
  state_->encode = std::move(encode);
  state_->executor = std::move(executor);
  state_->options.memory = options;
  state_->options.folder = std::move(folder);
  state_->options.tokenizer = std::move(fingerprint);
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
      if (const auto memory = slot->store->memory(); memory && memory->n_tokens() > 0) break;
      if (cancel.cancelled() || Clock::now() >= wait_until) break;
      state_->built.wait_for(lock, kCancelCheck);
    }
    const State::Slot* slot = slot_now();
    return slot == nullptr ? nullptr : slot->store->memory();
  };
  std::shared_ptr<repoindex::MemoryStore> store;
  {
    std::unique_lock lock(state_->mutex);
    State::Slot& slot = state_->slots[root];
    if (slot.store == nullptr)
      slot.store =
          std::make_shared<repoindex::MemoryStore>(view.root(), state_->encode, state_->options);
    store = slot.store;
    slot.last_use = ++state_->clock;
    state_->drop_least_used();
    const bool rests = Clock::now() < slot.not_before;
    if (slot.building || slot.built_for == view.snapshot || rests) return answer(lock);
    slot.building = true;
  }
  const auto job = [state = state_, store, root, near,
                    seen = repoindex::View{view.snapshot, view.overlay, nullptr}] {
    state->update(root, *store, seen, near);
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
  size_t n = 0;
  for (const auto& [root, slot] : state_->slots)
    if (const auto memory = slot.store->memory()) n += memory->n_bytes();
  return n;
}

size_t WorkspaceMemories::n_builds() const {
  std::lock_guard lock(state_->mutex);
  return state_->n_builds;
}

}  // namespace engramd::daemon
