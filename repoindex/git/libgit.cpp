#include "repoindex/git/libgit.h"

#include <mutex>

namespace engramd::repoindex {

LibGit::LibGit() {
  git_libgit2_init();
  static std::once_flag once;
  std::call_once(once, [] {
    // Held for the life of the process: each time the count of users leaves zero libgit2 reads the
    // system's certificates again, for a network that we never use. That cost more than opening
    // a repository.
    git_libgit2_init();
    // The defaults (1 GiB window, 8 GiB mapped, 256 MiB of objects) are made for a command that
    // ends; a resident process would keep all of it.
    git_libgit2_opts(GIT_OPT_SET_MWINDOW_SIZE, size_t{16} << 20);
    git_libgit2_opts(GIT_OPT_SET_MWINDOW_MAPPED_LIMIT, size_t{128} << 20);
    git_libgit2_opts(GIT_OPT_SET_MWINDOW_FILE_LIMIT, size_t{64});
    git_libgit2_opts(GIT_OPT_SET_CACHE_MAX_SIZE, static_cast<ssize_t>(8) << 20);
  });
}

std::string last_git_error() {
  const git_error* error = git_error_last();
  return error != nullptr && error->message != nullptr ? error->message : "unknown error";
}

}  // namespace engramd::repoindex
