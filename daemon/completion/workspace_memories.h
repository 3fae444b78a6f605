// daemon/completion/workspace_memories.h - one repository memory per workspace, kept up to date.
//
// A memory is that of the published snapshot, never of an attachment's unsaved text: it is shared
// by all who ask about the folder. A request gets the newest finished one at once; when the
// snapshot has moved on, an update is handed to the executor, at most one per folder at a time and
// not more than a tenth of the time. An update costs what changed (repoindex/memory/store.h), and
// its job merges a few pieces too. Only while there is nothing to give, because the folder's first
// update still runs, may a request wait; a new folder's first small piece ends that wait. At most
// kMaxWorkspaces are kept, the least recently asked for goes first. Any thread; jobs outlive the
// object safely.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "base/cancel.h"
#include "engine/api/model.h"
#include "repoindex/memory/store.h"

namespace engramd::daemon {

// Runs a job on another thread, some time; empty: on the caller's, at once. False: it is full.
using BackgroundExecutor = std::function<bool(std::function<void()>)>;

// Changes with what a tokenizer makes of texts.
std::string tokenizer_fingerprint(const engine::Tokenizer& tokenizer);

class WorkspaceMemories {
 public:
  // folder: the index's cache folder, where what was learnt is kept for tokenizers of this
  // fingerprint (see tokenizer_fingerprint); either empty: nowhere.
  WorkspaceMemories(repoindex::TokenEncoder encode, BackgroundExecutor executor,
                    repoindex::MemoryOptions options = {}, std::filesystem::path folder = {},
                    std::string fingerprint = {});
  ~WorkspaceMemories();  // cancels running updates, does not wait for them
  WorkspaceMemories(const WorkspaceMemories&) = delete;

  // Null until the folder has been learnt, or its first piece. near: learnt around this path first;
  // of the view's unsaved documents the saved text comes next.
  // wait_until: how long a first update may be waited for, unless the token is cancelled before;
  // by default not at all. A memory without tokens (of a folder not read yet) counts as none.
  std::shared_ptr<const repoindex::RepositoryMemory> get(const repoindex::View& view,
                                                         const std::string& near,
                                                         Clock::time_point wait_until = {},
                                                         const CancelToken& cancel = {});
  size_t n_bytes() const;   // resident, of all memories
  size_t n_builds() const;  // updates that have ended

  static constexpr size_t kMaxWorkspaces = 4;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace engramd::daemon
