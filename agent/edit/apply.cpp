#include "agent/edit/apply.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <map>
#include <optional>

#include "agent/sandbox/inside.h"
#include "base/file.h"
#include "base/hash.h"

namespace engramd::agent {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMaxFile = 64u << 20;

using Text = std::optional<std::string>;

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

Result<Text> text_on_disk(const fs::path& path) {
  std::error_code error;
  if (!fs::exists(fs::symlink_status(path, error))) return Text();
  ENGRAMD_TRY(std::string text, read_file(path, kMaxFile));
  return Text(std::move(text));
}

std::string hash_of(const Text& text) {
  return text ? hash128_hex(*text) : std::string();
}

Status sync_folder(const fs::path& folder) {
  const OwnedFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ::fsync(fd.get()) != 0)
    return fail(errno_error("cannot sync " + folder.string(), errno));
  return {};
}

// Where to go from any mixture of the two images.
enum class Image { before, after };

// The hash that a file has in an image; empty when it does not exist there.
const std::string& hash_in(const JournalFile& file, Image image) {
  return image == Image::before ? file.before_hash : file.after_hash;
}

// What the files hold now; with several entries what they will hold after the ones before.
using Hashes = std::map<std::string, std::string>;

// Every file must hold one of the two texts that the entry knows.
Status check_files(const JournalEntry& entry, Image target, Hashes& hashes) {
  const auto what = target == Image::before ? "undone" : "redone";
  for (const JournalFile& file : entry.files) {
    ENGRAMD_CHECK(check_path(entry.root, file.path));
    if (hashes.count(file.path) == 0) {
      ENGRAMD_TRY(const Text now, text_on_disk(entry.root / file.path));
      hashes[file.path] = hash_of(now);
    }
    std::string& now = hashes[file.path];
    if (now != file.before_hash && now != file.after_hash) {
      for (const JournalEntry& other : list_journal(entry.folder.parent_path(), entry.root))
        if (other.time_ms > entry.time_ms && other.state == JournalState::applied)
          for (const JournalFile& later : other.files)
            if (later.path == file.path && later.after_hash == now)
              return fail(ErrorCode::invalid_input, file.path +
                                                        " was changed again by the later entry " +
                                                        other.id() + "; nothing was " + what +
                                                        " (undo that one first, or `engramd undo "
                                                        "--back-to " +
                                                        entry.id() + "`)");
      return fail(ErrorCode::invalid_input,
                  file.path + " was changed after the patch was applied; nothing was " + what);
    }
    now = hash_in(file, target);
  }
  return {};
}

// One file, to the image: written beside it under a name that the entry knows, synced, renamed.
Status put_file(const JournalEntry& entry, size_t i, Image target) {
  const JournalFile& file = entry.files[i];
  const fs::path path = entry.root / file.path, waiting = entry.waiting_file(i);
  ENGRAMD_TRY(const Text now, text_on_disk(path));
  if (hash_of(now) == hash_in(file, target)) {
    ::unlink(waiting.c_str());
    return {};
  }
  const bool exists = target == Image::before ? file.existed : file.exists_after;
  if (!exists) {
    if (::unlink(path.c_str()) != 0 && errno != ENOENT)
      return fail(errno_error("cannot remove " + path.string(), errno));
    ::unlink(waiting.c_str());
    return sync_folder(path.parent_path());
  }
  ENGRAMD_TRY(
      const std::string text,
      read_file(target == Image::before ? entry.before_image(i) : entry.after_image(i), kMaxFile));
  if (hash128_hex(text) != hash_in(file, target))
    return fail(ErrorCode::corrupt, "the journal's image of " + file.path + " is damaged");
  ENGRAMD_CHECK(make_directories(path.parent_path()));
  ::unlink(waiting.c_str());
  const OwnedFd fd(
      ::open(waiting.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return fail(errno_error("cannot write beside " + path.string(), errno));
  const auto abandon = [&](int reason) {
    ::unlink(waiting.c_str());
    return fail(errno_error("cannot write " + path.string(), reason));
  };
  for (std::string_view rest = text; !rest.empty();) {
    const ssize_t n = ::write(fd.get(), rest.data(), rest.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return abandon(errno);
    rest.remove_prefix(static_cast<size_t>(n));
  }
  // A mode that the user has set meanwhile stays.
  struct stat info {};
  unsigned mode = target == Image::before ? file.mode_before : file.mode_after;
  if (::stat(path.c_str(), &info) == 0) mode = info.st_mode & 0777;
  if (::fchmod(fd.get(), mode) != 0 || ::fsync(fd.get()) != 0) return abandon(errno);
  if (::rename(waiting.c_str(), path.c_str()) != 0) return abandon(errno);
  return sync_folder(path.parent_path());
}

// The entry's files, all of them, to the image; the state says what was going on.
Result<Applied> put_all(JournalEntry& entry, Image target, JournalState during,
                        JournalState after) {
  Applied done;
  done.journal = entry.folder;
  ENGRAMD_CHECK(set_journal_state(entry, during));
  for (size_t i = 0; i < entry.files.size(); ++i) {
    if (auto put = put_file(entry, i, target); !put)
      return fail(put.error().with("while writing " + entry.files[i].path + " (`engramd undo " +
                                   entry.id() + "` takes the rest back)"));
    done.paths.push_back(entry.files[i].path);
  }
  // Folders that the change made and nobody else uses.
  if (target == Image::before)
    for (auto made = entry.made_folders.rbegin(); made != entry.made_folders.rend(); ++made)
      if (is_safe_relative_path(*made)) ::rmdir((entry.root / *made).c_str());
  ENGRAMD_CHECK(set_journal_state(entry, after));
  return done;
}

std::vector<std::string> missing_folders(const fs::path& root,
                                         const std::vector<FileChange>& changes) {
  std::vector<std::string> missing;
  for (const FileChange& change : changes) {
    if (!change.after) continue;
    for (size_t end = change.path.find('/'); end != std::string::npos;
         end = change.path.find('/', end + 1)) {
      const std::string folder = change.path.substr(0, end);
      std::error_code error;
      if (!fs::exists(root / folder, error) &&
          std::find(missing.begin(), missing.end(), folder) == missing.end())
        missing.push_back(folder);
    }
  }
  std::sort(missing.begin(), missing.end());
  return missing;
}

}  // namespace

Result<Applied> apply_changes(const fs::path& given, const std::vector<FileChange>& changes,
                              const fs::path& journal_folder, const ApplyOptions& options) {
  std::error_code error;
  const fs::path root = fs::weakly_canonical(given, error);
  ENGRAMD_TRY(const FileLock lock, lock_journal(journal_folder));
  JournalEntry entry;
  entry.root = root;
  entry.label = options.label.substr(0, options.label.find('\n')).substr(0, 200);
  std::string seed = root.string();
  for (const FileChange& change : changes) {
    ENGRAMD_CHECK(check_path(root, change.path));
    ENGRAMD_TRY(const Text now, text_on_disk(root / change.path));
    if (now != change.before)
      return fail(ErrorCode::invalid_input,
                  change.path + " has changed since the task began; nothing was applied");
    JournalFile file;
    file.path = change.path;
    file.existed = change.before.has_value();
    file.exists_after = change.after.has_value();
    file.before_hash = hash_of(change.before);
    file.after_hash = hash_of(change.after);
    struct stat info {};
    const bool there = ::stat((root / change.path).c_str(), &info) == 0;
    file.mode_before = there ? info.st_mode & 0777 : 0644;
    file.mode_after = there ? file.mode_before : change.executable ? 0755 : 0644;
    entry.files.push_back(std::move(file));
    seed += change.path + change.after.value_or("");
  }
  entry.made_folders = missing_folders(root, changes);
  entry.time_ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                      std::chrono::system_clock::now().time_since_epoch())
                      .count();
  // Later than what is there, also when the clock was set back or two come in one millisecond.
  if (const auto known = list_journal(journal_folder); !known.empty())
    entry.time_ms = std::max(entry.time_ms, known[0].time_ms + 1);
  entry.folder =
      journal_folder / (std::to_string(entry.time_ms) + "-" + hash128_hex(seed).substr(0, 8));
  ENGRAMD_CHECK(make_directories(entry.folder, 0700));
  for (size_t i = 0; i < changes.size(); ++i) {
    if (changes[i].before)
      ENGRAMD_CHECK(write_file_atomic(entry.before_image(i), *changes[i].before, 0600, true));
    if (changes[i].after)
      ENGRAMD_CHECK(write_file_atomic(entry.after_image(i), *changes[i].after, 0600, true));
  }
  // The manifest comes last: an entry that has one is complete.
  ENGRAMD_CHECK(write_journal_entry(entry));
  ENGRAMD_CHECK(sync_folder(journal_folder));
  ENGRAMD_TRY(Applied applied,
              put_all(entry, Image::after, JournalState::applying, JournalState::applied));
  applied.pruned = prune_journal(journal_folder, options.limits);
  return applied;
}

Result<Applied> undo_changes(const fs::path& folder) {
  ENGRAMD_TRY(const FileLock lock, lock_journal(folder.parent_path()));
  ENGRAMD_TRY(JournalEntry entry, read_journal_entry(folder));
  Hashes hashes;
  ENGRAMD_CHECK(check_files(entry, Image::before, hashes));
  return put_all(entry, Image::before, JournalState::undoing, JournalState::undone);
}

Result<Applied> redo_changes(const fs::path& folder) {
  ENGRAMD_TRY(const FileLock lock, lock_journal(folder.parent_path()));
  ENGRAMD_TRY(JournalEntry entry, read_journal_entry(folder));
  Hashes hashes;
  ENGRAMD_CHECK(check_files(entry, Image::after, hashes));
  return put_all(entry, Image::after, JournalState::redoing, JournalState::applied);
}

Result<std::vector<Applied>> undo_back_to(const fs::path& folder) {
  const fs::path journal = folder.parent_path();
  ENGRAMD_TRY(const FileLock lock, lock_journal(journal));
  ENGRAMD_TRY(const JournalEntry oldest, read_journal_entry(folder));
  std::vector<JournalEntry> chain;
  for (JournalEntry& entry : list_journal(journal, oldest.root)) {
    if (entry.time_ms < oldest.time_ms) break;
    if (entry.state != JournalState::undone) chain.push_back(std::move(entry));
  }
  Hashes hashes;
  for (const JournalEntry& entry : chain) ENGRAMD_CHECK(check_files(entry, Image::before, hashes));
  std::vector<Applied> undone;
  for (JournalEntry& entry : chain) {
    ENGRAMD_TRY(Applied one,
                put_all(entry, Image::before, JournalState::undoing, JournalState::undone));
    undone.push_back(std::move(one));
  }
  return undone;
}

}  // namespace engramd::agent
