#include "agent/edit/journal.h"

#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/log.h"

namespace engramd::agent {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr JournalState kStates[] = {JournalState::applying, JournalState::applied,
                                    JournalState::undoing, JournalState::undone,
                                    JournalState::redoing};

JournalState read_state(const fs::path& folder) {
  const auto text = read_file(folder / "state", 64);
  // The manifest is written before the first file and the state after it: without one, the change
  // was interrupted at its very beginning.
  if (!text) return JournalState::applying;
  for (const JournalState state : kStates)
    if (*text == to_string(state)) return state;
  return JournalState::applying;
}

uint64_t bytes_of(const fs::path& folder) {
  uint64_t n_bytes = 0;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const auto size = entry.file_size(error);
    if (!error) n_bytes += size;
  }
  return n_bytes;
}

}  // namespace

std::string_view to_string(JournalState state) {
  switch (state) {
    case JournalState::applying:
      return "applying";
    case JournalState::applied:
      return "applied";
    case JournalState::undoing:
      return "undoing";
    case JournalState::undone:
      return "undone";
    case JournalState::redoing:
      return "redoing";
  }
  return "applied";
}

fs::path JournalEntry::waiting_file(size_t i) const {
  const fs::path path = root / files[i].path;
  return path.parent_path() / (".engramd-" + id() + "-" + std::to_string(i));
}

Status write_journal_entry(const JournalEntry& entry) {
  json manifest = {{"version", 2},
                   {"root", entry.root.string()},
                   {"label", entry.label},
                   {"time_ms", entry.time_ms},
                   {"made_folders", entry.made_folders}};
  json& files = manifest["files"] = json::array();
  for (const JournalFile& file : entry.files)
    files.push_back({{"path", file.path},
                     {"existed", file.existed},
                     {"exists_after", file.exists_after},
                     {"before_hash", file.before_hash},
                     {"after_hash", file.after_hash},
                     {"mode_before", file.mode_before},
                     {"mode_after", file.mode_after}});
  return write_file_atomic(entry.folder / "manifest.json",
                           manifest.dump(1, ' ', false, json::error_handler_t::replace), 0600,
                           true);
}

Status set_journal_state(JournalEntry& entry, JournalState state) {
  ENGRAMD_CHECK(write_file_atomic(entry.folder / "state", to_string(state), 0600, true));
  entry.state = state;
  return {};
}

Result<JournalEntry> read_journal_entry(const fs::path& folder) {
  const fs::path path = folder / "manifest.json";
  ENGRAMD_TRY(const std::string text, read_file(path, 64u << 20));
  const json manifest = json::parse(text, nullptr, false);
  const auto corrupt = [&] {
    return fail(ErrorCode::corrupt, path.string() + " is not the manifest of a journal entry");
  };
  if (!manifest.is_object() || !manifest.contains("files") || !manifest["files"].is_array())
    return corrupt();
  JournalEntry entry;
  entry.folder = folder;
  // A hostile or damaged manifest is one clear error, whatever its types are.
  try {
    if (const int version = manifest.value("version", 0); version != 2)
      return fail(ErrorCode::unsupported,
                  path.string() + " has version " + std::to_string(version) + ", expected 2");
    entry.root = manifest.at("root").get<std::string>();
    entry.label = manifest.value("label", "");
    entry.time_ms = manifest.value("time_ms", int64_t{0});
    for (const json& name : manifest.value("made_folders", json::array()))
      entry.made_folders.push_back(name.get<std::string>());
    for (const json& record : manifest["files"]) {
      JournalFile file;
      file.path = record.at("path").get<std::string>();
      file.existed = record.at("existed").get<bool>();
      file.exists_after = record.at("exists_after").get<bool>();
      file.before_hash = record.at("before_hash").get<std::string>();
      file.after_hash = record.at("after_hash").get<std::string>();
      file.mode_before = record.value("mode_before", 0644u) & 0777;
      file.mode_after = record.value("mode_after", 0644u) & 0777;
      entry.files.push_back(std::move(file));
    }
  } catch (const json::exception&) {
    return corrupt();
  }
  if (!entry.root.is_absolute()) return corrupt();
  entry.state = read_state(folder);
  return entry;
}

std::vector<JournalEntry> list_journal(const fs::path& journal, const fs::path& root) {
  std::vector<JournalEntry> entries;
  std::error_code error;
  for (const auto& folder : fs::directory_iterator(journal, error)) {
    std::error_code ignored;
    if (!folder.is_directory(ignored) || !fs::exists(folder.path() / "manifest.json", ignored))
      continue;
    auto entry = read_journal_entry(folder.path());
    if (!entry) {
      log_warning(entry.error().message);
      continue;
    }
    if (root.empty() || entry->root == root) entries.push_back(std::move(*entry));
  }
  std::sort(entries.begin(), entries.end(), [](const JournalEntry& a, const JournalEntry& b) {
    return a.time_ms != b.time_ms ? a.time_ms > b.time_ms : a.id() > b.id();
  });
  return entries;
}

Result<FileLock> lock_journal(const fs::path& journal) {
  ENGRAMD_CHECK(make_directories(journal, 0700));
  for (int attempt = 0;; ++attempt) {
    auto lock = FileLock::try_acquire(journal / "lock");
    if (lock || lock.error().code != ErrorCode::unavailable || attempt == 100) {
      if (!lock && attempt == 100)
        return fail(lock.error().with("another engramd is applying or undoing a change"));
      return lock;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

std::vector<std::string> prune_journal(const fs::path& journal, const JournalLimits& limits) {
  std::vector<JournalEntry> entries = list_journal(journal);
  size_t n_entries = entries.size();
  uint64_t n_bytes = 0;
  std::vector<uint64_t> sizes;
  for (const JournalEntry& entry : entries) {
    sizes.push_back(bytes_of(entry.folder));
    n_bytes += sizes.back();
  }
  std::vector<std::string> removed;
  for (const JournalState state : {JournalState::undone, JournalState::applied})
    for (size_t i = entries.size(); i-- > limits.keep_newest;) {
      if (n_entries <= limits.max_entries && n_bytes <= limits.max_bytes) return removed;
      if (entries[i].state != state) continue;
      // Without its manifest it is no entry any more, whatever a kill leaves of the rest.
      std::error_code error;
      fs::remove(entries[i].folder / "manifest.json", error);
      remove_tree(entries[i].folder);
      removed.push_back(entries[i].id());
      log_warning("the undo journal is over its limit: entry " + entries[i].id() + " (" +
                  std::string(to_string(state)) + ", " + entries[i].root.string() +
                  ") was removed");
      --n_entries;
      n_bytes -= sizes[i];
    }
  return removed;
}

}  // namespace engramd::agent
