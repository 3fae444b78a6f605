// repoindex/git/backend.h - one work tree's repository, asked through libgit2 or the git program.
//
// libgit2 answers in process and costs no fork; it cannot open every repository of today, and
// reads some wrongly. open() probes: whatever libgit2 1.5 refuses (sha256 objects, reftable,
// worktreeConfig, relative worktrees) or misreads (split, sparse and partly checked out indexes)
// is asked of the git program. Both answer alike; tests run the same stories on both. Untracked
// files come from Scope's walk in the first case: libgit2 drops a `!rule` that takes back a rule of
// another file, and its status hashes every changed file on the way. Nothing here writes into the
// repository. One thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "repoindex/git/scope.h"

namespace engramd::repoindex {

// What a tracked file's index entry says, for comparing with the file itself.
struct IndexedStat {
  std::string blob_id;  // 40 hex digits; empty when the entry cannot vouch for the file
  uint64_t n_bytes = 0;
  int64_t mtime_ns = 0;
  uint32_t inode = 0;
};

struct GitHead {
  std::string commit;  // hex; empty before the first commit
  std::string branch;  // "main"; empty when detached
};

struct ChangedFile {
  char status = 'M';  // A, M, D or T; a rename is a D and an A
  std::string path;   // relative to the work tree's top
};

class GitBackend {
 public:
  enum class Wanted { best, libgit2, command };  // other than best: for tests and benchmarks

  struct Opened {
    std::unique_ptr<GitBackend> backend;  // null: walk the folder
    std::vector<std::string> notes;       // why not libgit2, why nothing
  };
  // For scope.in_git() only.
  static Opened open(const Scope& scope, Wanted wanted, const CancelToken& cancel);

  virtual ~GitBackend() = default;
  virtual std::string_view name() const = 0;

  struct Visitor {
    // Regular files, paths relative to the scope's root; a file may come twice (a conflict).
    std::function<void(std::string_view path, const IndexedStat& stat)> tracked;
    std::function<void(std::string_view path)> untracked;   // and not ignored
    std::function<void(std::string_view path)> repository;  // a submodule or a nested repository
    std::function<void(std::string_view path)> unreadable;
  };
  virtual Status list(const Visitor& visit, const CancelToken& cancel) = 0;
  // Of one path, relative to the root, by the index of this moment.
  virtual bool tracks(const std::string& path) = 0;

  virtual Result<GitHead> head() = 0;
  // Between two revisions (anything git understands), by path, at most max_files.
  virtual Result<std::vector<ChangedFile>> changed_files(const std::string& from,
                                                         const std::string& to, size_t max_files,
                                                         const CancelToken& cancel) = 0;
  // Bytes of a blob by its id. For the objects that are here only: nothing is fetched.
  virtual Result<uint64_t> blob_size(const std::string& blob_id) = 0;
};

// A number that is another one when other paths are tracked; an error when libgit2 cannot read the
// index. Any thread.
Result<uint64_t> tracked_paths_digest(const GitPlace& place);

// The two kinds, for open(). An error says why this one cannot serve the repository.
Result<std::unique_ptr<GitBackend>> open_libgit_backend(const Scope& scope);
Result<std::unique_ptr<GitBackend>> open_command_backend(const Scope& scope,
                                                         const CancelToken& cancel);

}  // namespace engramd::repoindex
