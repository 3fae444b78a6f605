#include "agent/swebench/repository.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "agent/swebench/git.h"
#include "agent/swebench/shell.h"
#include "base/file.h"
#include "base/text.h"

namespace engramd::agent::swebench {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::milliseconds kLockPoll(50);
constexpr std::string_view kFolderOfOptionalGit[] = {"", ".git"};

// The git directory of a bare repository or of a work tree; empty when it is neither.
fs::path git_directory(const fs::path& folder) {
  std::error_code error;
  if (fs::exists(folder / ".git", error)) return folder / ".git";
  if (fs::is_regular_file(folder / "HEAD", error) && fs::is_directory(folder / "objects", error))
    return folder;
  return {};
}

uint64_t bytes_below(const fs::path& folder) {
  uint64_t bytes = 0;
  std::error_code error;
  for (auto at = fs::recursive_directory_iterator(
           folder, fs::directory_options::skip_permission_denied, error);
       !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
    std::error_code file_error;
    if (at->is_regular_file(file_error)) bytes += at->file_size(file_error);
  }
  return bytes;
}

Result<FileLock> wait_for_lock(const fs::path& file, const CancelToken& cancel) {
  for (;;) {
    auto lock = FileLock::try_acquire(file);
    if (lock || lock.error().code != ErrorCode::unavailable) return lock;
    ENGRAMD_CHECK(cancel.check());
    std::this_thread::sleep_for(kLockPoll);
  }
}

bool is_test_file(const Instance& instance, const std::string& path) {
  return std::find(instance.test_files.begin(), instance.test_files.end(), path) !=
         instance.test_files.end();
}

// Everything below `from`; packs and loose objects, which git never changes, as links.
Status link_or_copy(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::create_directories(to, error);
  if (error) return fail(ErrorCode::io, "cannot make " + to.string() + ": " + error.message());
  for (const auto& entry : fs::recursive_directory_iterator(from, error)) {
    const fs::path target = to / fs::relative(entry.path(), from, error);
    std::error_code failed;
    if (entry.is_directory()) {
      fs::create_directories(target, failed);
    } else {
      const bool is_object = entry.path().parent_path().parent_path().filename() == "objects";
      if (is_object) fs::create_hard_link(entry.path(), target, failed);
      if (!is_object || failed) {
        failed.clear();
        fs::copy_file(entry.path(), target, failed);
      }
    }
    if (failed) {
      const bool full = failed == std::errc::no_space_on_device;
      return fail(full ? ErrorCode::exhausted : ErrorCode::io,
                  "cannot copy the repository to " + target.string() + ": " + failed.message());
    }
  }
  if (error) return fail(ErrorCode::io, "cannot read " + from.string() + ": " + error.message());
  return {};
}

}  // namespace

Result<fs::path> RepositoryStore::source_of(const std::string& repo) const {
  const size_t slash = repo.find('/');
  const std::string name = slash == std::string::npos ? repo : repo.substr(slash + 1);
  std::vector<std::string> forms = {repo, replace_all(repo, "/", "__"), replace_all(repo, "/", "+"),
                                    name};
  std::error_code error;
  const fs::path sources = fs::absolute(options_.sources, error);
  for (const std::string& form : forms)
    for (const std::string_view ending : kFolderOfOptionalGit)
      for (const char* inner : {"", "repo"}) {
        const fs::path folder = sources / (form + std::string(ending)) / inner;
        if (const fs::path found = git_directory(folder); !found.empty()) return found;
      }
  return fail(ErrorCode::not_found, "no repository for " + repo + " in " + sources.string() +
                                        ", expected " + repo + ", " + forms[1] + ", " + forms[2] +
                                        " or " + name + " there, bare or not");
}

Status RepositoryStore::prepare(const Instance& instance, const fs::path& entry,
                                const CancelToken& cancel) const {
  ENGRAMD_TRY(const fs::path source, source_of(instance.repo));
  const std::string base = instance.base_commit + "^{commit}";
  const auto known = git(in_git_dir(source, {"rev-parse", "--verify", "--quiet", base}), cancel);
  if (!known) {
    if (known.error().code == ErrorCode::cancelled) return fail(known.error());
    return fail(ErrorCode::not_found, instance.repo + " in " + source.string() + " has no commit " +
                                          instance.base_commit + "; fetch it there");
  }
  const std::string commit(trim(*known));
  const fs::path made = entry.string() + ".new-" + std::to_string(::getpid());
  std::error_code error;
  fs::remove_all(made, error);
  ENGRAMD_CHECK(make_directories(made.parent_path()));
  ENGRAMD_CHECK(
      run_git(in_git_dir("", {"init", "-q", "--bare", "--template=", made.string()}), cancel));
  GitCall fetch;
  fetch.git_dir = made;
  // Asked for by commit and not by branch: what is sent is what this commit reaches.
  fetch.arguments = {"fetch",
                     "-q",
                     "--no-tags",
                     "--no-write-fetch-head",
                     "--no-auto-maintenance",
                     "--upload-pack",
                     "git -c safe.directory='*' -c uploadpack.allowAnySHA1InWant=true upload-pack"};
  if (options_.history > 0)
    fetch.arguments.push_back("--depth=" + std::to_string(options_.history));
  fetch.arguments.insert(
      fetch.arguments.end(),
      {"file://" + replace_all(source.string(), "%", "%25"), commit + ":refs/heads/main"});
  if (auto fetched = git(fetch, cancel); !fetched) {
    fs::remove_all(made, error);
    return fail(Error(fetched.error())
                    .with("while preparing " + instance.repo + " at " +
                          instance.base_commit.substr(0, 12)));
  }
  ENGRAMD_CHECK(run_git(in_git_dir(made, {"symbolic-ref", "HEAD", "refs/heads/main"}), cancel));
  ENGRAMD_CHECK(write_file_atomic(made / "config",
                                  "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n"
                                  "\tbare = false\n\tlogallrefupdates = false\n"));
  for (const char* left : {"FETCH_HEAD", "ORIG_HEAD", "logs", "description", "hooks"})
    fs::remove_all(made / left, error);
  fs::rename(made, entry, error);
  if (error) return fail(ErrorCode::io, "cannot make " + entry.string() + ": " + error.message());
  return {};
}

// Entries that nobody uses, oldest first, until the rest fits.
void RepositoryStore::make_room(const fs::path& keep) const {
  struct Entry {
    fs::file_time_type used;
    fs::path path;
    uint64_t bytes;
  };
  std::vector<Entry> entries;
  uint64_t total = 0;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(options_.cache, error)) {
    std::error_code entry_error;
    if (!entry.is_directory(entry_error)) continue;
    entries.push_back(
        {entry.last_write_time(entry_error), entry.path(), bytes_below(entry.path())});
    total += entries.back().bytes;
  }
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return a.used < b.used; });
  for (const Entry& entry : entries) {
    if (total <= options_.max_cache_bytes) break;
    if (entry.path == keep) continue;
    const auto lock = FileLock::try_acquire(entry.path.string() + ".lock");
    if (!lock) continue;
    fs::remove_all(entry.path, error);
    total -= entry.bytes;
  }
}

Status RepositoryStore::check_out(const Instance& instance, const fs::path& folder,
                                  const CancelToken& cancel) const {
  std::error_code error;
  if (fs::exists(folder, error))
    return fail(ErrorCode::invalid_input, folder.string() + " is there already");
  const fs::path entry =
      options_.cache / (replace_all(instance.repo, "/", "__") + "-" + instance.base_commit + "-" +
                        std::to_string(options_.history));
  ENGRAMD_CHECK(make_directories(options_.cache));
  {
    ENGRAMD_TRY(const FileLock lock, wait_for_lock(entry.string() + ".lock", cancel));
    if (!fs::exists(entry / "HEAD", error)) {
      ENGRAMD_CHECK(prepare(instance, entry, cancel));
      make_room(entry);
    }
    fs::last_write_time(entry, fs::file_time_type::clock::now(), error);
    ENGRAMD_CHECK(link_or_copy(entry, folder / ".git"));
  }
  ENGRAMD_CHECK(
      run_git(in_work_tree(folder, {"reset", "-q", "--hard", "refs/heads/main"}), cancel));
  fs::remove(folder / ".git" / "ORIG_HEAD", error);
  return check_only_base(folder, instance, cancel);
}

Status check_only_base(const fs::path& work_tree, const Instance& instance,
                       const CancelToken& cancel) {
  const auto left = [&](const std::string& what) {
    return fail(ErrorCode::internal, "the prepared repository of " + instance.id +
                                         " would give the answer away: " + what);
  };
  std::error_code error;
  const fs::path git_dir = work_tree / ".git";
  for (const char* name : {"logs", "FETCH_HEAD", "ORIG_HEAD", "objects/info/alternates",
                           "worktrees", "packed-refs", "refs/tags", "refs/remotes"})
    if (fs::exists(git_dir / name, error) &&
        !(fs::is_directory(git_dir / name, error) && fs::is_empty(git_dir / name, error)))
      return left(std::string(name) + " is there");
  ENGRAMD_TRY(
      const std::string refs,
      git(in_work_tree(work_tree, {"for-each-ref", "--format=%(refname) %(objectname)"}), cancel));
  ENGRAMD_TRY(const std::string head,
              git(in_work_tree(work_tree, {"rev-parse", "--verify", "HEAD"}), cancel));
  const std::string commit(trim(head));
  if (!commit.starts_with(instance.base_commit))
    return left("HEAD is " + commit + ", expected " + instance.base_commit);
  if (trim(refs) != "refs/heads/main " + commit) return left("refs are " + std::string(trim(refs)));
  if (!instance.fix_commit.empty()) {
    ENGRAMD_TRY(const ProcessResult fix,
                try_git(in_work_tree(work_tree, {"cat-file", "-e", instance.fix_commit}), cancel));
    if (fix.ok()) return left("the fix can be read");
  }
  return {};
}

Result<Instance> RepositoryStore::completed(Instance instance, const CancelToken& cancel) const {
  const bool has_patch = !instance.patch.empty(), has_tests = !instance.test_patch.empty();
  if (instance.fix_commit.empty() || (has_patch && has_tests && !instance.problem.empty()))
    return instance;
  ENGRAMD_TRY(const fs::path source, source_of(instance.repo));
  const std::vector<std::string> diff = {
      "--literal-pathspecs", "diff",         "--no-color", "--no-ext-diff",
      "--no-textconv",       "--no-renames", "--binary",   "--full-index"};
  const auto run = [&](std::vector<std::string> more) {
    GitCall call;
    call.git_dir = source;
    call.arguments = diff;
    call.arguments.insert(call.arguments.end(), more.begin(), more.end());
    return git(call, cancel);
  };
  ENGRAMD_TRY(const std::string names,
              run({"--name-only", "-z", instance.base_commit, instance.fix_commit}));
  std::vector<std::string> code = {instance.base_commit, instance.fix_commit, "--"}, tests = code;
  const size_t n_fixed = code.size();
  for (size_t begin = 0; begin < names.size();) {
    const size_t end = std::min(names.find('\0', begin), names.size());
    std::string name = names.substr(begin, end - begin);
    begin = end + 1;
    (is_test_file(instance, name) ? tests : code).push_back(std::move(name));
  }
  if (!has_patch && code.size() > n_fixed) {
    ENGRAMD_TRY(instance.patch, run(code));
  }
  if (!has_tests && tests.size() > n_fixed) {
    ENGRAMD_TRY(instance.test_patch, run(tests));
  }
  if (instance.problem.empty()) {
    // The commit itself and not `log`, which would look at signatures with a program of its choice.
    ENGRAMD_TRY(const std::string text,
                git(in_git_dir(source, {"cat-file", "commit", instance.fix_commit}), cancel));
    const size_t body = text.find("\n\n");
    instance.problem = body == std::string::npos ? std::string() : text.substr(body + 2);
  }
  return instance;
}

}  // namespace engramd::agent::swebench
