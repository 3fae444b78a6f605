// daemon/completion/workspace_memories.h - one repository memory per workspace, kept up to date.
//
// A memory is built over the published snapshot only, never over an attachment's unsaved text: it
// is shared by all who ask about the folder. A request gets the newest finished one at once; when
// the snapshot has moved on, a rebuild is handed to the executor, at most one per folder at a
// time and not more than a tenth of the time. Only while there is nothing to give, because the
// first build of the folder still runs, may a request wait. At most kMaxWorkspaces are kept, the
// least recently asked for goes first. Any thread; jobs outlive the object safely.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/cancel.h"
#include "repoindex/memory/memory.h"

namespace engramd::daemon {

// Runs a job on another thread, some time; empty: on the caller's, at once. False: it is full.
using BackgroundExecutor = std::function<bool(std::function<void()>)>;

class WorkspaceMemories {
 public:
  WorkspaceMemories(repoindex::TokenEncoder encode, BackgroundExecutor executor,
                    repoindex::MemoryOptions options = {});
  ~WorkspaceMemories();  // cancels running builds, does not wait for them
  WorkspaceMemories(const WorkspaceMemories&) = delete;

  // Null until the first build of this folder has ended. near: built around this path first.
  // wait_until: how long a first build may be waited for, unless the token is cancelled before;
  // by default not at all. A memory without tokens (of a folder not read yet) counts as none.
  std::shared_ptr<const repoindex::RepositoryMemory> get(const repoindex::View& view,
                                                         const std::string& near,
                                                         Clock::time_point wait_until = {},
                                                         const CancelToken& cancel = {});
  size_t n_bytes() const;  // resident, of all memories
  size_t n_builds() const;

  static constexpr size_t kMaxWorkspaces = 4;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace engramd::daemon
