#include <sys/stat.h>

#include <unordered_set>

#include "base/file.h"
#include "base/text.h"
#include "repoindex/git/backend.h"
#include "repoindex/git/command.h"

namespace fs = std::filesystem;

namespace engramd::repoindex {

namespace {

constexpr size_t kMaxTracked = kMaxListedFiles;

class CommandBackend : public GitBackend {
 public:
  explicit CommandBackend(const Scope& scope) : scope_(scope) {}

  std::string_view name() const override { return "git"; }

  Status list(const Visitor& visit, const CancelToken& cancel) override {
    tracked_.clear();
    tracked_stamp_ = index_stamp();
    // "H <mode> <id> <stage>\t<path>" for tracked files, "? <path>" for the others.
    return git_records(
        call({"ls-files", "-z", "-t", "--cached", "--stage", "--others", "--exclude-standard"}),
        '\0',
        [&](std::string_view record) {
          if (record.size() < 3) return true;
          if (record[0] == '?') {
            std::string_view path = record.substr(2);
            if (path.back() != '/') {
              visit.untracked(path);
            } else if (visit.repository) {
              visit.repository(path.substr(0, path.size() - 1));
            }
            return true;
          }
          const size_t tab = record.find('\t');
          if (tab == std::string_view::npos) return true;
          const std::string_view path = record.substr(tab + 1), mode = record.substr(2, 6);
          if (mode == "160000" && visit.repository) visit.repository(path);
          if (mode.substr(0, 2) != "10" || tracked_.size() >= kMaxTracked) return true;
          tracked_.emplace(path);
          // No stat data here, so the entry vouches for nothing: the file itself is read.
          visit.tracked(path, {});
          return true;
        },
        cancel);
  }

  bool tracks(const std::string& path) override {
    if (index_stamp() != tracked_stamp_) read_tracked();
    return tracked_.count(path) != 0;
  }

  Result<GitHead> head() override {
    GitHead head;
    auto commit = git_text(call({"rev-parse", "--verify", "-q", "HEAD^{commit}"}));
    if (commit) head.commit = std::string(trim(*commit));
    auto branch = git_text(call({"symbolic-ref", "-q", "--short", "HEAD"}));
    if (branch) head.branch = std::string(trim(*branch));
    if (head.commit.empty() && head.branch.empty()) return fail(commit.error());
    return head;
  }

  Result<std::vector<ChangedFile>> changed_files(const std::string& from, const std::string& to,
                                                 size_t max_files,
                                                 const CancelToken& cancel) override {
    ENGRAMD_TRY(std::string old_tree, tree_of(from, cancel));
    ENGRAMD_TRY(std::string new_tree, tree_of(to, cancel));
    std::vector<ChangedFile> out;
    char status = 0;  // of the path that comes next
    ENGRAMD_CHECK(git_records(
        call({"diff-tree", "-r", "-z", "--raw", "--no-renames", old_tree, new_tree}), '\0',
        [&](std::string_view record) {
          if (status == 0) {
            status = record.empty() ? 'M' : record.back();  // ":100644 100644 <id> <id> M"
            return true;
          }
          out.push_back({status, std::string(record)});
          status = 0;
          return out.size() < max_files;
        },
        cancel));
    return out;
  }

  Result<uint64_t> blob_size(const std::string& blob_id) override {
    ENGRAMD_TRY(std::string text, git_text(call({"cat-file", "-s", blob_id})));
    return std::strtoull(text.c_str(), nullptr, 10);
  }

 private:
  GitCall call(std::vector<std::string> arguments) const {
    return {scope_.root(), std::move(arguments), {}};
  }

  Result<std::string> tree_of(const std::string& revision, const CancelToken& cancel) const {
    auto id = git_text(
        call({"rev-parse", "--verify", "-q", "--end-of-options", revision + "^{tree}"}), cancel);
    if (!id) return fail(ErrorCode::not_found, "no revision " + revision);
    return std::string(trim(*id));
  }

  void read_tracked() {
    tracked_.clear();
    tracked_stamp_ = index_stamp();
    const Status read = git_records(call({"ls-files", "-z"}), '\0', [&](std::string_view path) {
      tracked_.emplace(path);
      return tracked_.size() < kMaxTracked;
    });
    if (!read) tracked_stamp_ = {};
  }

  // Changes whenever git writes the index: it is replaced, never written in place.
  std::string index_stamp() const {
    struct stat s {};
    if (::stat((scope_.place().git_folder / "index").c_str(), &s) != 0) return "none";
    return std::to_string(s.st_ino) + " " + std::to_string(s.st_size) + " " +
           std::to_string(s.st_mtim.tv_sec) + " " + std::to_string(s.st_mtim.tv_nsec);
  }

  const Scope& scope_;
  std::unordered_set<std::string> tracked_;
  std::string tracked_stamp_;
};

}  // namespace

Result<std::unique_ptr<GitBackend>> open_command_backend(const Scope& scope,
                                                         const CancelToken& cancel) {
  if (!have_git_program()) return fail(ErrorCode::unavailable, "git is not installed");
  ENGRAMD_TRY(std::string top,
              git_text({scope.root(), {"rev-parse", "--show-toplevel"}, {}}, cancel));
  if (!top.empty() && top.back() == '\n') top.pop_back();
  std::error_code error;
  if (!fs::equivalent(top, scope.place().top, error))
    return fail(ErrorCode::unsupported, "its work tree is " + top);
  return std::make_unique<CommandBackend>(scope);
}

}  // namespace engramd::repoindex
