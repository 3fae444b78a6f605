#include "agent/swebench/apply_patch.h"

#include <array>

#include "agent/swebench/git.h"
#include "base/file.h"

namespace engramd::agent::swebench {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxLogBytes = 64u << 10;

Status make_pristine(const fs::path& tree, const CancelToken& cancel) {
  ENGRAMD_CHECK(run_git(in_work_tree(tree, {"reset", "-q", "--hard", "HEAD"}), cancel));
  return run_git(in_work_tree(tree, {"clean", "-q", "-ffdx"}), cancel);
}

}  // namespace

Result<AppliedPatch> apply_model_patch(const fs::path& tree, std::string_view patch,
                                       const CancelToken& cancel) {
  AppliedPatch applied;
  // Models often leave out the last line's end, which git calls corrupt.
  std::string text(patch);
  if (!text.empty() && text.back() != '\n') text += '\n';
  ENGRAMD_TRY(const TemporaryFolder folder, TemporaryFolder::make("engramd-patch"));
  const fs::path file = folder.path() / "patch.diff";
  ENGRAMD_CHECK(write_file_atomic(file, text));
  constexpr std::array<const char*, 3> kModes = {"", "--3way", "--reject"};
  for (const char* mode : kModes) {
    GitCall call = in_work_tree(tree, {"apply", "--verbose"});
    if (*mode != '\0') call.arguments.push_back(mode);
    call.arguments.push_back(file.string());
    call.max_output_bytes = kMaxLogBytes;
    ENGRAMD_TRY(const ProcessResult ran, try_git(call, cancel));
    const std::string name = std::string("git apply") + (*mode != '\0' ? " " : "") + mode;
    applied.log += "$ " + name + "\n" + ran.stdout_text + ran.stderr_text;
    if (ran.ok()) {
      applied.by = name;
      return applied;
    }
    ENGRAMD_CHECK(make_pristine(tree, cancel));
  }
  if (find_program("patch").empty()) {
    applied.log += "the program patch is not here\n";
    return applied;
  }
  ProcessOptions options;
  options.argv = {"patch", "--batch", "--forward", "--fuzz=5", "-p1", "-i", file.string()};
  options.cwd = tree;
  options.merge_stderr = true;
  options.wall_ms = 60'000;
  options.max_output_bytes = kMaxLogBytes;
  ENGRAMD_TRY(const ProcessResult ran, run_process(options, cancel));
  applied.log += "$ patch --batch --forward --fuzz=5 -p1\n" + ran.stdout_text;
  if (ran.ok())
    applied.by = "patch";
  else
    ENGRAMD_CHECK(make_pristine(tree, cancel));
  return applied;
}

Result<std::vector<ChangedPath>> changed_paths(const fs::path& tree, const std::string& commit,
                                               const CancelToken& cancel) {
  ENGRAMD_TRY(const TemporaryFolder folder, TemporaryFolder::make("engramd-index"));
  // An index and objects of our own: what the tests can read of .git stays as it was.
  const std::vector<std::pair<std::string, std::string>> env = {
      {"GIT_INDEX_FILE", (folder.path() / "index").string()},
      {"GIT_OBJECT_DIRECTORY", (folder.path() / "objects").string()},
      {"GIT_ALTERNATE_OBJECT_DIRECTORIES", (tree / ".git" / "objects").string()}};
  ENGRAMD_CHECK(make_directories(folder.path() / "objects"));
  const auto call = [&](std::vector<std::string> arguments) {
    GitCall made = in_work_tree(tree, std::move(arguments));
    made.env = env;
    return made;
  };
  ENGRAMD_CHECK(run_git(call({"read-tree", commit}), cancel));
  ENGRAMD_CHECK(run_git(call({"add", "-A", "-f", "."}), cancel));
  ENGRAMD_TRY(const std::string raw,
              git(call({"diff-index", "--cached", "-z", "--no-renames", commit}), cancel));
  std::vector<ChangedPath> changed;
  // ":100644 100644 <old> <new> M\0path\0"
  for (size_t at = 0; at < raw.size();) {
    const size_t head_end = raw.find('\0', at);
    if (head_end == std::string::npos) break;
    const size_t path_end = std::min(raw.find('\0', head_end + 1), raw.size());
    const std::string head = raw.substr(at, head_end - at);
    ChangedPath one;
    one.path = raw.substr(head_end + 1, path_end - head_end - 1);
    one.is_removed = !head.empty() && head.back() == 'D';
    one.is_link = head.size() > 14 && head.compare(8, 6, "120000") == 0;
    changed.push_back(std::move(one));
    at = path_end + 1;
  }
  return changed;
}

}  // namespace engramd::agent::swebench
