#include "agent/tools/workbench.h"

#include <sys/stat.h>
#include <time.h>

#include <algorithm>

#include "agent/edit/line_diff.h"
#include "agent/edit/parse_check.h"
#include "agent/tools/change_log.h"
#include "agent/tools/command_changes.h"
#include "agent/tools/copy_view.h"
#include "agent/tools/edit_rules.h"
#include "agent/verify/verifier.h"
#include "base/hash.h"
#include "repoindex/index.h"
#include "repoindex/snapshot.h"

namespace engramd::agent {
namespace {

namespace fs = std::filesystem;

constexpr size_t kShownLines = 40;  // of a file that has changed behind the model's back

class CopiedWorkbench final : public Workbench {
 public:
  CopiedWorkbench(WorkTree copy, WorkbenchOptions options)
      : copy_(std::move(copy)),
        options_(std::move(options)),
        view_(copy_.original(), options_.parse_hosts, options_.index) {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);  // file times may be as fine, never later
    opened_ns_ = nanoseconds(now);
  }

  Status prepare() {
    for (const auto& [path, text] : options_.unsaved) {
      ENGRAMD_CHECK(copy_.write(path, text));
      view_.set(path, text);
    }
    if (auto chosen = choose_test_command(options_.tests, copy_.root()))
      command_ = *std::move(chosen);
    if (command_.text.empty()) return {};
    auto made = sandbox();
    return made ? Status{} : fail(made.error());
  }

  const fs::path& tree() const override { return copy_.root(); }
  const fs::path& original() const override { return copy_.original(); }
  const std::string& test_command() const override { return command_.text; }

  Result<repoindex::View> view(const CancelToken& cancel) override { return view_.view(cancel); }

  Result<std::string> read(const std::string& path) const override {
    ENGRAMD_TRY(std::string text, copy_.read(path));
    if (is_binary_text(text))
      return fail(ErrorCode::unsupported, path + " is a binary file, expected text");
    return text;
  }

  Result<std::string> show(const std::string& path) override {
    ENGRAMD_TRY(std::string text, read(path));
    seen_[path] = text;
    return text;
  }

  Status apply(const std::vector<FileChange>& changes) override {
    for (const FileChange& change : changes) ENGRAMD_CHECK(check(change));
    for (size_t i = 0; i < changes.size(); ++i) {
      if (Status put_down = put(changes[i]); !put_down) {
        while (i-- > 0) (void)put({changes[i].path, changes[i].after, changes[i].before, false});
        return put_down;
      }
    }
    for (const FileChange& change : changes) seen_[change.path] = change.after;
    log_.record(changes);
    return {};
  }

  Result<std::vector<std::string>> undo() override {
    if (const std::vector<FileChange>* last = log_.last())
      for (const FileChange& change : *last)
        if (text_now(change.path) != change.after)
          return fail(ErrorCode::invalid_input,
                      change.path + " has changed since that edit, nothing was taken back");
    const auto step = log_.take_back();
    if (!step) return fail(ErrorCode::not_found, "there is no edit to take back");
    std::vector<std::string> paths;
    for (const FileChange& change : *step) {
      ENGRAMD_CHECK(put(change));
      seen_[change.path] = change.after;
      paths.push_back(change.path);
    }
    std::sort(paths.begin(), paths.end());
    paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
    return paths;
  }
  size_t n_steps() const override { return log_.n_steps(); }

  Status restore(const std::string& path, const std::string& text) override {
    const FileChange change{path, text_now(path), text, false};
    ENGRAMD_CHECK(put(change));
    log_.record({change});
    return {};
  }
  Status restore_removed(const std::string& path) override {
    const FileChange change{path, text_now(path), std::nullopt, false};
    ENGRAMD_CHECK(put(change));
    log_.record({change});
    return {};
  }

  Result<TestRun> run_tests(const CancelToken& cancel) override { return run_tests({}, 0, cancel); }

  Result<TestRun> run_tests(const std::vector<std::string>& only, int64_t wall_ms,
                            const CancelToken& cancel) override {
    if (!has_tests()) return fail(ErrorCode::unavailable, "this project has no test command");
    ENGRAMD_TRY(const Sandbox* place, sandbox());
    TestRunOptions options;
    options.limits = options_.test_limits;
    if (wall_ms > 0) options.limits.wall_ms = std::min(options.limits.wall_ms, wall_ms);
    TestCommand command = command_;
    if (!only.empty())
      if (const auto some = select_command(command_, only)) command = *some;
    return agent::run_tests(*place, command, options, cancel);
  }

  Result<CommandRun> run_command(const std::string& text, const SandboxLimits& limits,
                                 const CancelToken& cancel) override {
    ENGRAMD_TRY(const Sandbox* place, sandbox());
    SandboxCommand command;
    command.argv = {"/bin/sh", "-c", in_wrapper(options_.tests.wrapper, text, *place)};
    command.limits = limits;
    CommandRun run;
    ENGRAMD_TRY(run.process, place->run(command, cancel));
    ENGRAMD_CHECK(take_up(run));
    return run;
  }

  Result<const Sandbox*> sandbox() override {
    if (!sandbox_) {
      ENGRAMD_TRY(Sandbox made, Sandbox::make(options_.sandbox, copy_, test_helper_files()));
      sandbox_.emplace(std::move(made));
    }
    return &*sandbox_;
  }

  EditVerifier* verifier() override {
    if (!verifier_ && options_.verify)
      verifier_ = std::make_unique<EditVerifier>(*this, *options_.verify);
    return verifier_.get();
  }

  const std::map<std::string, std::string>& changed() const override { return log_.changed(); }
  const std::set<std::string>& removed() const override { return log_.removed(); }
  std::vector<FileChange> changes() const override { return log_.changes(); }

  std::optional<std::string> base_text(const std::string& path) const override {
    if (log_.touched(path)) return log_.base(path);
    return text_now(path);
  }
  std::string base_hash(const std::string& path) const override {
    const auto text = base_text(path);
    return text ? hash128_hex(*text) : std::string();
  }
  std::string diff() const override { return log_.diff(); }

  std::vector<std::string> take_notes() override { return std::exchange(notes_, {}); }

 private:
  static int64_t nanoseconds(const timespec& time) {
    return time.tv_sec * 1'000'000'000 + time.tv_nsec;
  }

  std::optional<std::string> text_now(const std::string& path) const {
    auto text = copy_.read(path);
    return text ? std::optional<std::string>(std::move(*text)) : std::nullopt;
  }

  // Into the copy and its index; nothing is checked.
  Status put(const FileChange& change) {
    if (change.after) {
      ENGRAMD_CHECK(copy_.write(change.path, *change.after));
      view_.set(change.path, *change.after);
      return {};
    }
    if (text_now(change.path)) ENGRAMD_CHECK(copy_.remove(change.path));
    view_.remove(change.path);
    return {};
  }

  Status check(const FileChange& change) {
    ENGRAMD_CHECK(check_may_edit(copy_.original(), change, options_.allow_protected));
    ENGRAMD_CHECK(check_version(change));
    ENGRAMD_CHECK(check_consent(change));
    if (change.after) {
      const repoindex::FileFactsPtr facts = view_.facts_of(change.path, *change.after);
      if (facts)
        ENGRAMD_CHECK(
            check_still_parses(change.path, change.before.value_or(""), *change.after, *facts));
    }
    return options_.edit_gate ? options_.edit_gate(change) : Status{};
  }

  Status check_consent(const FileChange& change) const {
    const PathClass what = classify_path(change.path);
    if (!needs_consent(what) || options_.allow_protected) return {};
    if (options_.consent && options_.consent(change, what)) return {};
    return fail(ErrorCode::invalid_input, consent_problem(change.path, what));
  }

  // The file is what the change was made for, what the model last saw, and what the user has.
  Status check_version(const FileChange& change) {
    const std::string& path = change.path;
    const std::optional<std::string> now = text_now(path);
    if (const auto seen = seen_.find(path); seen != seen_.end() && seen->second != now) {
      const std::optional<std::string> old = std::exchange(seen->second, now);
      return changed_behind(path, "it was opened", old, now);
    }
    if (change.before != now) return changed_behind(path, "it was read", change.before, now);
    return check_user(path, now);
  }

  // The user may work on the same file.
  Status check_user(const std::string& path, const std::optional<std::string>& now) {
    struct stat info {};
    if (options_.unsaved.contains(path) || ::lstat((copy_.original() / path).c_str(), &info) != 0 ||
        nanoseconds(info.st_ctim) <= opened_ns_)
      return {};
    const auto theirs_read = read_file(copy_.original() / path, kMaxFileBytes + 1);
    const std::optional<std::string> theirs =
        theirs_read ? std::optional<std::string>(*theirs_read) : std::nullopt;
    const std::optional<std::string> base = log_.touched(path) ? log_.base(path) : now;
    if (theirs == base || (!theirs && theirs_read.error().code != ErrorCode::not_found)) return {};
    if (now == base && theirs) {
      // Nothing of ours is in it: the user's newer text becomes the base.
      ENGRAMD_CHECK(put({path, now, theirs, false}));
      log_.set_base(path, theirs);
      seen_[path] = theirs;
      return changed_behind(path, "this run began (the user edits it)", now, theirs);
    }
    if (std::find(told_.begin(), told_.end(), path) == told_.end()) {
      told_.push_back(path);
      notes_.push_back("the user has changed " + path +
                       " since this run began; the patch may not fit it");
    }
    return {};
  }

  static Status changed_behind(const std::string& path, const std::string& since,
                               const std::optional<std::string>& old,
                               const std::optional<std::string>& now) {
    if (!now) return fail(ErrorCode::invalid_input, path + " has been removed since " + since);
    return fail(ErrorCode::invalid_input, path + " has changed since " + since +
                                              ", nothing was edited; it now reads" +
                                              quoted_changes(old.value_or(""), *now, kShownLines) +
                                              "\ngive the edit again, made for these lines");
  }

  // What a command left behind becomes a step, as far as an edit might have done it.
  Status take_up(CommandRun& run) {
    ENGRAMD_TRY(const repoindex::View base, view_.view({}));
    IgnoredPaths ignored(copy_.root());
    const auto leave_out = [&](const std::string& what) {
      if (run.left_out.size() < kMaxLeftOut && left_out_.insert(what).second)
        run.left_out.push_back(what);
    };
    ChangeLimits limits;
    limits.skip = [&](const std::string& path, bool is_folder) {
      return is_folder && ignored.contains(path, true);
    };
    const TreeChanges now = copy_.changes(limits);
    for (const std::string& what : now.left_out) leave_out(what);
    // What differs from the user's tree, and what did before the command and may not any more.
    std::set<std::string> paths = log_.removed();
    for (const TreeChange& change : now.files) paths.insert(change.path);
    for (const auto& [path, text] : log_.changed()) paths.insert(path);
    std::vector<FileChange> step;
    for (const std::string& path : paths) {
      const bool was_there = base.contains(path) || log_.touched(path);
      if (!was_there && ignored.contains(path)) {
        leave_out(path + ": ignored by git");
        continue;
      }
      FileChange change;
      change.path = path;
      change.before = before_command(path);
      change.after = text_now(path);
      if (change.before == change.after) continue;
      if (const std::string why = why_left_out(change); !why.empty()) {
        leave_out(path + ": " + why);
        continue;
      }
      if (!check_consent(change)) {
        ENGRAMD_CHECK(put({path, change.after, change.before, false}));
        run.taken_back.push_back(path);
        continue;
      }
      if (change.after)
        view_.set(path, *change.after);
      else
        view_.remove(path);
      struct stat info {};
      change.executable =
          ::lstat((copy_.root() / path).c_str(), &info) == 0 && (info.st_mode & 0100) != 0;
      run.changed.push_back(path);
      step.push_back(std::move(change));
    }
    if (!step.empty()) log_.record(step);
    return {};
  }

  // A file as it was before the command that has just run.
  std::optional<std::string> before_command(const std::string& path) const {
    if (const auto found = log_.changed().find(path); found != log_.changed().end())
      return found->second;
    if (log_.removed().contains(path)) return std::nullopt;
    if (log_.touched(path)) return log_.base(path);
    if (const auto found = options_.unsaved.find(path); found != options_.unsaved.end())
      return found->second;
    auto text = read_file(copy_.original() / path, 16u << 20);
    return text ? std::optional<std::string>(std::move(*text)) : std::nullopt;
  }

  WorkTree copy_;
  WorkbenchOptions options_;
  TestCommand command_;
  std::optional<Sandbox> sandbox_;
  CopyView view_;
  int64_t opened_ns_ = 0;
  ChangeLog log_;
  std::map<std::string, std::optional<std::string>> seen_;  // what the model knows of a file
  std::vector<std::string> notes_, told_;
  std::set<std::string> left_out_;          // of what commands wrote, said once
  std::unique_ptr<EditVerifier> verifier_;  // last: its servers run in the sandbox above
};

}  // namespace

Result<std::unique_ptr<Workbench>> Workbench::open(const fs::path& repo, WorkbenchOptions options,
                                                   const CancelToken& cancel) {
  ENGRAMD_TRY(WorkTree copy, WorkTree::open(repo, {}, cancel));
  auto bench = std::make_unique<CopiedWorkbench>(std::move(copy), std::move(options));
  ENGRAMD_CHECK(bench->prepare());
  return bench;
}

Status Workbench::write(const std::string& path, const std::string& text) {
  auto now = read(path);
  if (!now && now.error().code != ErrorCode::not_found) return fail(now.error());
  return apply(
      {{path, now ? std::optional<std::string>(std::move(*now)) : std::nullopt, text, false}});
}

Status Workbench::remove(const std::string& path) {
  ENGRAMD_TRY(std::string now, read(path));
  return apply({{path, std::move(now), std::nullopt, false}});
}

Status Workbench::rename(const std::string& from, const std::string& to) {
  ENGRAMD_TRY(std::string text, read(from));
  if (read(to))
    return fail(ErrorCode::invalid_input, to + " is there already; " + from + " was not renamed");
  struct stat info {};
  const bool executable = ::stat((tree() / from).c_str(), &info) == 0 && (info.st_mode & 0100) != 0;
  return apply({{from, text, std::nullopt, false}, {to, std::nullopt, text, executable}});
}

}  // namespace engramd::agent
