// repoindex/git/libgit.h - what every user of libgit2 in this folder needs.
//
// libgit2's limits are process globals and not thread-safe: the first LibGit sets them, before
// any worker can exist. A git_repository belongs to one thread at a time.
#pragma once

#include <git2.h>

#include <memory>
#include <string>

namespace engramd::repoindex {

// libgit2 counts its users itself; each object that needs it holds one of these.
struct LibGit {
  LibGit();
  ~LibGit() { git_libgit2_shutdown(); }
  LibGit(const LibGit&) = delete;
  LibGit& operator=(const LibGit&) = delete;
};

template <class T, void (*free_fn)(T*)>
struct GitDeleter {
  void operator()(T* object) const { free_fn(object); }
};
template <class T, void (*free_fn)(T*)>
using GitPtr = std::unique_ptr<T, GitDeleter<T, free_fn>>;

using RepositoryPtr = GitPtr<git_repository, git_repository_free>;
using IndexPtr = GitPtr<git_index, git_index_free>;
using ConfigPtr = GitPtr<git_config, git_config_free>;

std::string last_git_error();

}  // namespace engramd::repoindex
