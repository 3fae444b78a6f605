#include "repoindex/git/uncommitted.h"

#include <sys/stat.h>

#include <algorithm>
#include <unordered_map>

#include "base/file.h"
#include "repoindex/git/attributes.h"
#include "repoindex/git/libgit.h"
#include "repoindex/snapshot.h"

namespace fs = std::filesystem;

namespace engramd::repoindex {

namespace {

using ReferencePtr = GitPtr<git_reference, git_reference_free>;
using ObjectPtr = GitPtr<git_object, git_object_free>;
using BlobPtr = GitPtr<git_blob, git_blob_free>;

constexpr size_t kMaxFiles = 32;
constexpr size_t kMaxSpans = 64;    // of a file
constexpr size_t kMaxLines = 2000;  // changed ones: more is a reformat or a line end conversion
constexpr uint64_t kMaxBytes = 1u << 20;

struct Candidate {
  std::string path;
  git_oid committed;  // zero: HEAD has no such file
  int64_t mtime_ns = 0;
};

int64_t mtime_of(const fs::path& path) {
  struct stat s {};
  if (lstat(path.c_str(), &s) != 0 || !S_ISREG(s.st_mode)) return 0;
  return int64_t{s.st_mtim.tv_sec} * 1'000'000'000 + s.st_mtim.tv_nsec;
}

// The blobs of HEAD below a folder that are not those of the snapshot.
class Comparison {
 public:
  Comparison(const Snapshot& snapshot, std::string prefix, const CancelToken& cancel)
      : prefix_(std::move(prefix)), cancel_(cancel) {
    snapshot.for_each_file([&](const FileEntry& file) {
      if (!file.blob_id.empty()) now_.emplace(file.path, &file.blob_id);
    });
  }

  int entry(const char* folder, const git_tree_entry* entry) {
    if ((++n_seen_ & 1023) == 0 && cancel_.cancelled()) return -1;
    full_ = folder;
    full_ += git_tree_entry_name(entry);
    if (git_tree_entry_type(entry) == GIT_OBJECT_TREE) {
      full_ += '/';
      const bool on_the_way = full_.starts_with(prefix_) || prefix_.starts_with(full_);
      return on_the_way ? 0 : 1;  // 1: not entered
    }
    if (!full_.starts_with(prefix_)) return 0;
    const auto known = now_.find(std::string_view(full_).substr(prefix_.size()));
    if (known == now_.end()) return 0;
    const git_oid* id = git_tree_entry_id(entry);
    char hex[GIT_OID_HEXSZ + 1];
    git_oid_tostr(hex, sizeof(hex), id);
    if (*known->second != hex) changed_.push_back({std::string(known->first), *id, 0});
    now_.erase(known);
    return 0;
  }

  std::vector<Candidate> take() {
    for (const auto& [path, id] : now_) changed_.push_back({std::string(path), git_oid{}, 0});
    return std::move(changed_);
  }

 private:
  const std::string prefix_;
  const CancelToken& cancel_;
  std::unordered_map<std::string_view, const std::string*> now_;  // not seen in HEAD yet
  std::vector<Candidate> changed_;
  std::string full_;
  size_t n_seen_ = 0;
};

uint32_t count_line_starts(std::string_view text) {
  const auto n = std::count(text.begin(), text.end(), '\n');
  return static_cast<uint32_t>(n) + (!text.empty() && text.back() != '\n');
}

std::vector<LineSpan> changed_lines(git_repository* repository, const Candidate& file,
                                    const std::string& text) {
  if (git_oid_is_zero(&file.committed)) return {{0, count_line_starts(text)}};
  git_blob* raw = nullptr;
  if (git_blob_lookup(&raw, repository, &file.committed) != 0) return {};
  BlobPtr blob(raw);
  git_diff_options options = GIT_DIFF_OPTIONS_INIT;
  options.context_lines = 0;
  options.flags = GIT_DIFF_FORCE_TEXT;
  std::vector<LineSpan> spans;
  const auto on_hunk = [](const git_diff_delta*, const git_diff_hunk* hunk, void* to) {
    auto* out = static_cast<std::vector<LineSpan>*>(to);
    if (hunk->new_lines > 0 && hunk->new_start > 0) {
      out->push_back(
          {static_cast<uint32_t>(hunk->new_start - 1), static_cast<uint32_t>(hunk->new_lines)});
    }
    return 0;
  };
  git_diff_blob_to_buffer(raw, nullptr, text.data(), text.size(), nullptr, &options, nullptr,
                          nullptr, on_hunk, nullptr, &spans);
  return spans;
}

}  // namespace

Result<UncommittedPtr> find_uncommitted(const Snapshot& snapshot, const CancelToken& cancel) {
  auto found = std::make_shared<Uncommitted>();
  const GitPlace place = find_git_place(snapshot.root());
  if (place.kind != GitPlace::Kind::work_tree || !snapshot.commit().empty()) return found;
  LibGit libgit;
  git_repository* raw = nullptr;
  if (git_repository_open_ext(&raw, place.top.c_str(), GIT_REPOSITORY_OPEN_NO_SEARCH, nullptr) != 0)
    return found;
  RepositoryPtr repository(raw);
  git_reference* raw_head = nullptr;
  if (git_repository_head(&raw_head, raw) != 0) return found;
  ReferencePtr head(raw_head);
  git_object* raw_tree = nullptr;
  if (git_reference_peel(&raw_tree, raw_head, GIT_OBJECT_TREE) != 0) return found;
  ObjectPtr tree(raw_tree);

  Comparison comparison(snapshot, place.prefix, cancel);
  const auto on_entry = [](const char* folder, const git_tree_entry* entry, void* to) {
    return static_cast<Comparison*>(to)->entry(folder, entry);
  };
  git_tree_walk(reinterpret_cast<git_tree*>(raw_tree), GIT_TREEWALK_PRE, on_entry, &comparison);
  ENGRAMD_CHECK(cancel.check());
  std::vector<Candidate> candidates = comparison.take();
  for (Candidate& file : candidates) file.mtime_ns = mtime_of(snapshot.root() / file.path);
  const size_t n = std::min(candidates.size(), kMaxFiles);
  std::partial_sort(candidates.begin(), candidates.begin() + static_cast<std::ptrdiff_t>(n),
                    candidates.end(), [](const Candidate& a, const Candidate& b) {
                      return a.mtime_ns != b.mtime_ns ? a.mtime_ns > b.mtime_ns : a.path < b.path;
                    });
  candidates.resize(n);
  Attributes attributes(place.top, place, read_git_settings(place));
  for (const Candidate& file : candidates) {
    ENGRAMD_CHECK(cancel.check());
    // Where a filter makes the bytes, all of them differ and nothing was changed.
    if (attributes.of(place.prefix + file.path).rewritten) continue;
    const auto text = snapshot.read(file.path, kMaxBytes);
    if (!text) continue;
    std::vector<LineSpan> spans = changed_lines(raw, file, *text);
    size_t n_lines = 0;
    for (const LineSpan& span : spans) n_lines += span.n;
    if (n_lines == 0 || n_lines > kMaxLines) continue;
    if (spans.size() > kMaxSpans) spans.resize(kMaxSpans);
    found->files.push_back({file.path, file.mtime_ns, std::move(spans)});
  }
  return found;
}

}  // namespace engramd::repoindex
