#include "repoindex/git/commit_tree.h"

#include <algorithm>
#include <charconv>
#include <mutex>

#include "base/text.h"
#include "repoindex/git/command.h"
#include "repoindex/git/libgit.h"

namespace fs = std::filesystem;

namespace engramd::repoindex {

namespace {

using OdbPtr = GitPtr<git_odb, git_odb_free>;
using OdbObjectPtr = GitPtr<git_odb_object, git_odb_object_free>;

constexpr size_t kSha1Digits = 40;

// The blobs of one repository. Any thread.
class Blobs {
 public:
  explicit Blobs(const GitPlace& place, fs::path folder) : folder_(std::move(folder)) {
    git_odb* raw = nullptr;
    if (git_odb_open(&raw, (place.common_folder / "objects").c_str()) == 0) odb_.reset(raw);
  }

  // An error of code not_found for a blob that is not here.
  Result<uint64_t> size(const std::string& id) const {
    std::lock_guard lock(mutex_);
    size_t n_bytes = 0;
    git_object_t type = GIT_OBJECT_ANY;
    git_oid oid;
    if (odb_ == nullptr || git_oid_fromstr(&oid, id.c_str()) != 0 ||
        git_odb_read_header(&n_bytes, &type, odb_.get(), &oid) != 0 || type != GIT_OBJECT_BLOB)
      return fail(ErrorCode::not_found, "no blob " + id);
    return n_bytes;
  }

  Result<std::string> read(const std::string& id, uint64_t max_bytes) const {
    if (odb_ == nullptr || id.size() != kSha1Digits)
      return git_text({folder_, {"cat-file", "blob", id}, {}}, {}, max_bytes);
    ENGRAMD_TRY(const uint64_t n_bytes, size(id));
    if (n_bytes > max_bytes)
      return fail(ErrorCode::exhausted, "the blob " + id + " has " + std::to_string(n_bytes) +
                                            " bytes, more than " + std::to_string(max_bytes));
    std::lock_guard lock(mutex_);
    git_oid oid;
    git_odb_object* raw = nullptr;
    if (git_oid_fromstr(&oid, id.c_str()) != 0 || git_odb_read(&raw, odb_.get(), &oid) != 0)
      return fail(ErrorCode::corrupt, "the blob " + id + " is damaged: " + last_git_error());
    OdbObjectPtr object(raw);
    return std::string(static_cast<const char*>(git_odb_object_data(raw)),
                       git_odb_object_size(raw));
  }

 private:
  const LibGit libgit_;
  const fs::path folder_;
  mutable std::mutex mutex_;  // guards odb_
  OdbPtr odb_;
};

class CommitSource : public FileSource {
 public:
  CommitSource(std::string commit, std::shared_ptr<const Blobs> blobs)
      : commit_(std::move(commit)), blobs_(std::move(blobs)) {}

  Result<std::string> read(const std::string& path, uint64_t max_bytes) const override {
    const auto at =
        std::lower_bound(files_.begin(), files_.end(), path,
                         [](const auto& file, const auto& p) { return file.first < p; });
    if (at == files_.end() || at->first != path)
      return fail(ErrorCode::not_found, "the commit has no file " + path);
    return blobs_->read(at->second, max_bytes);
  }
  const std::string& commit() const override { return commit_; }

  void add(std::string path, std::string id) {
    files_.emplace_back(std::move(path), std::move(id));
  }
  void sort() { std::sort(files_.begin(), files_.end()); }

 private:
  const std::string commit_;
  const std::shared_ptr<const Blobs> blobs_;
  std::vector<std::pair<std::string, std::string>> files_;  // path and id, by path
};

class CommitTree : public WorkTree {
 public:
  CommitTree(fs::path root, const std::vector<std::string>& include,
             const std::vector<std::string>& exclude, std::string revision)
      : scope_(std::move(root), include, exclude), revision_(std::move(revision)) {}

  std::string_view backend_name() const override { return "commit"; }

  Result<Listing> list(const CancelToken& cancel) override {
    scope_.reload();
    const GitPlace& place = scope_.place();
    if (place.kind == GitPlace::Kind::none)
      return fail(ErrorCode::invalid_input,
                  scope_.root().string() + " is in no git repository: it has no revisions");
    if (!have_git_program())
      return fail(ErrorCode::unavailable, "git is not installed: it reads revisions");
    ENGRAMD_TRY(const std::string commit, resolve(cancel));
    if (source_ != nullptr && source_->commit() == commit) return listing_;
    if (blobs_ == nullptr) blobs_ = std::make_shared<const Blobs>(place, scope_.root());
    auto source = std::make_shared<CommitSource>(commit, blobs_);
    Listing listing;
    listing.is_git = true;
    size_t n_repositories = 0;
    bool full = false;
    // "<mode> <type> <id> [<size>]\t<path>" of the folder that git is run in, so the paths are
    // relative to the root. git tells sizes only where it has every blob, and not faster than we.
    const bool sized = commit.size() != kSha1Digits;
    std::vector<std::string> arguments = {"ls-tree", "-r", "-z", commit};
    if (sized) arguments.insert(arguments.begin() + 1, "-l");
    const auto add = [&](std::string_view record) {
      const size_t tab = record.find('\t');
      if (tab == std::string_view::npos) return true;
      const std::string_view path = record.substr(tab + 1);
      const std::vector<std::string_view> head = words_of(record.substr(0, tab));
      if (head.size() != (sized ? 4 : 3)) return true;
      n_repositories += head[1] == "commit";
      if (!head[0].starts_with("100") || head[1] != "blob" || !scope_.wanted(path)) return true;
      if (listing.files.size() >= kMaxListedFiles) return !(full = true);
      const std::string id(head[2]);
      const auto n_bytes = sized ? number(head[3]) : blobs_->size(id);
      if (!n_bytes) {
        ++listing.n_unreadable;
        return true;
      }
      ListedFile file;
      file.path = std::string(path);
      file.n_bytes = *n_bytes;
      file.origin = origin_of_path(file.path);
      if (!sized) file.index_blob_id = id;
      source->add(file.path, id);
      listing.files.push_back(std::move(file));
      return true;
    };
    ENGRAMD_CHECK(git_records(call(std::move(arguments)), '\0', add, cancel));
    source->sort();
    std::sort(listing.files.begin(), listing.files.end(),
              [](const auto& a, const auto& b) { return a.path < b.path; });
    listing.notes.push_back("the files of commit " + commit.substr(0, 12) + " (" + revision_ + ")");
    if (full)
      listing.notes.push_back("more than " + std::to_string(kMaxListedFiles) +
                              " files: the rest is left out");
    if (listing.n_unreadable > 0)
      listing.notes.push_back(std::to_string(listing.n_unreadable) +
                              " files are left out: their blobs are not here (a partial clone)");
    if (n_repositories > 0)
      listing.notes.push_back(std::to_string(n_repositories) + " submodules are left out");
    listing_ = listing;
    source_ = std::move(source);
    return listing;
  }

  bool look_at(const std::string& path, ListedFile* out) override {
    const auto at = std::lower_bound(listing_.files.begin(), listing_.files.end(), path,
                                     [](const auto& file, const auto& p) { return file.path < p; });
    if (at == listing_.files.end() || at->path != path) return false;
    *out = *at;
    return true;
  }
  // What a commit holds is what git hashed.
  std::string direct_blob_id(const ListedFile& file) override { return file.index_blob_id; }
  std::shared_ptr<const FileSource> source() const override { return source_; }

 private:
  GitCall call(std::vector<std::string> arguments) const {
    return {scope_.root(), std::move(arguments), {}};
  }

  Result<std::string> resolve(const CancelToken& cancel) const {
    auto id = git_text(
        call({"rev-parse", "--verify", "-q", "--end-of-options", revision_ + "^{commit}"}), cancel);
    ENGRAMD_CHECK(cancel.check());
    if (!id) {
      return fail(ErrorCode::not_found,
                  "no revision " + revision_ + " in " + scope_.root().string());
    }
    return std::string(trim(*id));
  }

  static Result<uint64_t> number(std::string_view digits) {
    uint64_t value = 0;
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (read.ec != std::errc()) return fail(ErrorCode::not_found, "git knows no size");
    return value;
  }

  static std::vector<std::string_view> words_of(std::string_view text) {
    std::vector<std::string_view> words;
    for (size_t i = 0; i < text.size();) {
      const size_t end = std::min(text.find(' ', i), text.size());
      if (end > i) words.push_back(text.substr(i, end - i));
      i = end + 1;
    }
    return words;
  }

  Scope scope_;
  const std::string revision_;
  std::shared_ptr<const Blobs> blobs_;
  std::shared_ptr<const FileSource> source_;
  Listing listing_;  // of source_
};

}  // namespace

std::unique_ptr<WorkTree> open_commit_tree(const fs::path& root,
                                           const std::vector<std::string>& include,
                                           const std::vector<std::string>& exclude,
                                           std::string revision) {
  return std::make_unique<CommitTree>(root, include, exclude, std::move(revision));
}

}  // namespace engramd::repoindex
