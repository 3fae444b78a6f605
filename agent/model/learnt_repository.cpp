#include "agent/model/learnt_repository.h"

#include <utility>

#include "base/log.h"

namespace engramd::agent {

LearntRepository::LearntRepository(repoindex::View view, repoindex::TokenEncoder encode,
                                   repoindex::MemoryOptions options) {
  thread_ = std::thread([this, view = std::move(view), encode = std::move(encode), options] {
    auto built = repoindex::RepositoryMemory::build(view, {}, encode, options, cancel_.token());
    if (!built) {
      if (built.error().code != ErrorCode::cancelled)
        log_warning("nothing is guessed from the repository: " + built.error().message);
      return;
    }
    std::lock_guard lock(mutex_);
    memory_ = *std::move(built);
  });
}

LearntRepository::~LearntRepository() {
  cancel_.cancel();
  thread_.join();
}

std::shared_ptr<const repoindex::RepositoryMemory> LearntRepository::memory() const {
  std::lock_guard lock(mutex_);
  return memory_;
}

}  // namespace engramd::agent
