// agent/swebench/apply_patch.h - putting a model's patch into a checkout as the harness does.
//
// In order: git apply, git apply --3way, git apply --reject, patch --fuzz=5; after each failure the
// tree is pristine again. Nothing outside of the tree can be written: git refuses such paths, and
// so does patch. Any thread, one at a time per tree.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"

namespace engramd::agent::swebench {

struct AppliedPatch {
  std::string by;   // "git apply", "patch"; empty: nothing could apply it
  std::string log;  // what the attempts said
};

Result<AppliedPatch> apply_model_patch(const std::filesystem::path& tree, std::string_view patch,
                                       const CancelToken& cancel = {});

// What differs from a commit, untracked and ignored files too.
struct ChangedPath {
  std::string path;
  bool is_removed = false, is_link = false;
};
Result<std::vector<ChangedPath>> changed_paths(const std::filesystem::path& tree,
                                               const std::string& commit,
                                               const CancelToken& cancel = {});

}  // namespace engramd::agent::swebench
