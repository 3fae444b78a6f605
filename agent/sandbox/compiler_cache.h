// agent/sandbox/compiler_cache.h - what compilers keep between the commands of a task.
//
// Home and /tmp begin empty for each command, so Go would compile its standard library for every
// one. Only caches that are named after what went into them are kept (Go's, ccache's): a program's
// own cache below XDG_CACHE_HOME may hold a wrong result of the code before a change.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"

namespace engramd::agent {

// The variables that put those caches below a folder, as the command sees it.
std::vector<std::pair<std::string, std::string>> compiler_cache_variables(
    const std::filesystem::path& folder);

struct CacheCopy {
  uint64_t max_bytes = 2ull << 30;
  size_t max_entries = 200'000;
};
// Copies regular files and folders, so that nothing later changes the original. The source was
// written by programs that are not trusted and must have no writer left: links and special files
// stay out. Error of code exhausted beyond the bounds; what was copied by then is there and whole.
Status copy_compiler_cache(const std::filesystem::path& from, const std::filesystem::path& to,
                           const CancelToken& cancel, const CacheCopy& bounds = {});

}  // namespace engramd::agent
