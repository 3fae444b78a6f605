// agent/model/learnt_repository.h - a repository's memory that is learnt beside the work.
//
// For guesses (memory_drafts.h): what is asked before it has been learnt goes without. One thread
// of its own, about a second of it per million tokens, which ends with the object.
#pragma once

#include <memory>
#include <mutex>
#include <thread>

#include "base/cancel.h"
#include "repoindex/memory/memory.h"

namespace engramd::agent {

class LearntRepository {
 public:
  // encode: any thread. At most max_tokens are learnt, about 8 bytes each (MemoryOptions).
  LearntRepository(repoindex::View view, repoindex::TokenEncoder encode,
                   repoindex::MemoryOptions options = {});
  ~LearntRepository();  // ends the learning and waits for that
  LearntRepository(const LearntRepository&) = delete;

  // Null until it has been learnt, and for good when that failed. Any thread.
  std::shared_ptr<const repoindex::RepositoryMemory> memory() const;

 private:
  CancelSource cancel_;
  mutable std::mutex mutex_;  // guards memory_
  std::shared_ptr<const repoindex::RepositoryMemory> memory_;
  std::thread thread_;
};

}  // namespace engramd::agent
