// repoindex/locate.h - which files and functions an issue text is about, without a model.
//
// Words of files, functions and paths, names that the text writes and the repository defines,
// places that it mentions (tracebacks), past changes with similar messages, and what hangs together
// with the files found so. The same view, history and text always give the same answer. Any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "repoindex/view.h"

namespace engramd::repoindex {

struct RankedFile {
  std::string path;
  double score = 0;
};
// name: with its enclosing classes, "Session.send".
struct RankedFunction {
  std::string path, name;
  ByteRange range;
  double score = 0;
};

struct LocateOptions {
  size_t k_files = 20, k_functions = 20;
  bool include_tests = false;  // tests are ranked only when asked for
  bool use_history = true;     // messages of past changes, files changed often and together
  // Extra evidence, "path" or "path:line", from a traceback or failing tests; ranked up.
  std::vector<std::string> mentioned;
};

struct LocateResult {
  std::vector<RankedFile> files;
  std::vector<RankedFunction> functions;
};

// Keeps what was counted in each text, so that asking again costs only what changed. Bounded in
// bytes. Any thread; calls of one object wait for each other only while they look into the cache.
class LocateIndex {
 public:
  explicit LocateIndex(size_t max_bytes = 256u << 20);
  ~LocateIndex();
  LocateIndex(const LocateIndex&) = delete;
  Result<LocateResult> locate(const View&, std::string_view task, const LocateOptions& = {},
                              const CancelToken& = {});
  size_t n_bytes() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The same, with nothing kept.
Result<LocateResult> locate(const View&, std::string_view task, const LocateOptions& = {},
                            const CancelToken& = {});

// A file that holds tests, by the usual conventions of its place and name.
bool is_test_path(std::string_view path);

}  // namespace engramd::repoindex
