#include "agent/sandbox/compiler_cache.h"

namespace engramd::agent {

namespace fs = std::filesystem;

std::vector<std::pair<std::string, std::string>> compiler_cache_variables(const fs::path& folder) {
  return {{"GOCACHE", (folder / "go-build").string()},
          {"CCACHE_DIR", (folder / "ccache").string()}};
}

Status copy_compiler_cache(const fs::path& from, const fs::path& to, const CancelToken& cancel,
                           const CacheCopy& bounds) {
  std::error_code error;
  uint64_t n_bytes = 0;
  size_t n_entries = 0;
  const auto at = [](const fs::path& path) { return " " + path.string(); };
  fs::recursive_directory_iterator entry(from, error);
  if (error) return fail(ErrorCode::io, "cannot read" + at(from) + ": " + error.message());
  for (; entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    ENGRAMD_CHECK(cancel.check());
    if (++n_entries > bounds.max_entries)
      return fail(ErrorCode::exhausted, "a compiler's cache has more than " +
                                            std::to_string(bounds.max_entries) + " entries");
    const fs::path target = to / entry->path().lexically_relative(from);
    const fs::file_status status = entry->symlink_status(error);
    if (error) break;
    if (fs::is_directory(status)) {
      fs::create_directories(target, error);
    } else if (fs::is_regular_file(status)) {
      const uint64_t size = entry->file_size(error);
      if (error) break;
      if ((n_bytes += size) > bounds.max_bytes)
        return fail(ErrorCode::exhausted, "a compiler's cache is larger than " +
                                              std::to_string(bounds.max_bytes >> 20) + " MiB");
      fs::copy_file(entry->path(), target, fs::copy_options::overwrite_existing, error);
    }
    if (error) break;
  }
  if (error) return fail(ErrorCode::io, "cannot copy a compiler's cache: " + error.message());
  return {};
}

}  // namespace engramd::agent
