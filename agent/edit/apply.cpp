#include "agent/edit/apply.h"

#include <sys/stat.h>

#include <chrono>
#include <nlohmann/json.hpp>

#include "agent/sandbox/work_tree.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"

namespace engramd::agent {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr uint64_t kMaxFile = 64u << 20;

Status check_path(const fs::path& root, const std::string& path) {
  if (!is_safe_relative_path(path))
    return fail(ErrorCode::invalid_input, "not a path inside the work tree: " + path);
  fs::path at = root;
  for (const fs::path& part : fs::path(path)) {
    at /= part;
    std::error_code error;
    if (fs::is_symlink(fs::symlink_status(at, error)))
      return fail(ErrorCode::invalid_input, path + " goes through a symbolic link");
  }
  return {};
}

Result<std::optional<std::string>> text_on_disk(const fs::path& path) {
  std::error_code error;
  if (!fs::exists(fs::symlink_status(path, error))) return std::optional<std::string>();
  ENGRAMD_TRY(std::string text, read_file(path, kMaxFile));
  return std::optional<std::string>(std::move(text));
}

Status replace_file(const fs::path& path, const std::optional<std::string>& text, bool executable) {
  if (!text) {
    std::error_code error;
    fs::remove(path, error);
    if (error)
      return fail(ErrorCode::io, "cannot remove " + path.string() + ": " + error.message());
    return {};
  }
  struct stat info {};
  const unsigned mode = ::stat(path.c_str(), &info) == 0 ? info.st_mode & 0777
                        : executable                     ? 0755
                                                         : 0644;
  return write_file_atomic(path, *text, mode, true);
}

}  // namespace

Result<Applied> apply_changes(const fs::path& root, const std::vector<FileChange>& changes,
                              const fs::path& journal_folder) {
  for (const FileChange& change : changes) {
    ENGRAMD_CHECK(check_path(root, change.path));
    ENGRAMD_TRY(const auto now, text_on_disk(root / change.path));
    if (now != change.before)
      return fail(ErrorCode::invalid_input,
                  change.path + " has changed since the task began; nothing was applied");
  }
  std::error_code error;
  json manifest = {{"version", 1}, {"root", fs::absolute(root, error).string()}};
  json& files = manifest["files"] = json::array();
  std::string seed = root.string();
  for (const FileChange& change : changes) {
    files.push_back({{"path", change.path},
                     {"existed", change.before.has_value()},
                     {"exists_after", change.after.has_value()},
                     {"after_hash", change.after ? hash128_hex(*change.after) : ""}});
    seed += change.path + change.after.value_or("");
  }
  const auto now_ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                          std::chrono::system_clock::now().time_since_epoch())
                          .count();
  Applied applied;
  applied.journal =
      journal_folder / (std::to_string(now_ms) + "-" + hash128_hex(seed).substr(0, 8));
  ENGRAMD_CHECK(make_directories(applied.journal, 0700));
  for (size_t i = 0; i < changes.size(); ++i)
    ENGRAMD_CHECK(write_file_atomic(applied.journal / std::to_string(i),
                                    changes[i].before.value_or(""), 0600, true));
  // The manifest comes last: an entry that has one is complete.
  ENGRAMD_CHECK(write_file_atomic(applied.journal / "manifest.json",
                                  manifest.dump(1, ' ', false, json::error_handler_t::replace),
                                  0600, true));
  for (const FileChange& change : changes) {
    if (auto written = replace_file(root / change.path, change.after, change.executable); !written)
      return fail(written.error().with("while applying to " + change.path +
                                       " (before-images are in " + applied.journal.string() + ")"));
    applied.paths.push_back(change.path);
  }
  return applied;
}

Result<Applied> undo_changes(const fs::path& journal) {
  ENGRAMD_TRY(const std::string text, read_file(journal / "manifest.json", 1u << 20));
  const json manifest = json::parse(text, nullptr, false);
  if (!manifest.is_object() || !manifest.value("files", json()).is_array())
    return fail(ErrorCode::corrupt,
                (journal / "manifest.json").string() + " is not a journal entry");
  const fs::path root = manifest.value("root", "");
  Applied undone;
  undone.journal = journal;
  std::vector<FileChange> changes;
  for (const json& file : manifest["files"]) {
    FileChange change;
    change.path = file.value("path", "");
    ENGRAMD_CHECK(check_path(root, change.path));
    ENGRAMD_TRY(change.before, text_on_disk(root / change.path));
    const std::string now = change.before ? hash128_hex(*change.before) : "";
    if (now != file.value("after_hash", ""))
      return fail(ErrorCode::invalid_input,
                  change.path + " was changed after the patch was applied; nothing was undone");
    if (file.value("existed", false)) {
      ENGRAMD_TRY(change.after, read_file(journal / std::to_string(changes.size()), kMaxFile));
    }
    changes.push_back(std::move(change));
  }
  for (const FileChange& change : changes) {
    ENGRAMD_CHECK(replace_file(root / change.path, change.after, false));
    undone.paths.push_back(change.path);
  }
  return undone;
}

}  // namespace engramd::agent
