#include "agent/tools/workbench.h"

#include <algorithm>

#include "agent/edit/text_edit.h"
#include "agent/edit/unified_diff.h"
#include "agent/sandbox/index_overlay.h"
#include "base/hash.h"
#include "repoindex/index.h"

namespace engramd::agent {
namespace {

namespace fs = std::filesystem;

class CopiedWorkbench final : public Workbench {
 public:
  CopiedWorkbench(WorkTree copy, WorkbenchOptions options)
      : copy_(std::move(copy)), options_(std::move(options)) {}

  Status prepare() {
    if (options_.test_command.empty())
      if (const auto found = detect_test_command(copy_.root())) options_.test_command = found->text;
    if (options_.test_command.empty()) return {};
    command_ = read_test_command(options_.test_command);
    std::vector<std::pair<std::string, std::string>> helpers = {
        {kPytestDriverName, std::string(pytest_driver_source())}};
    auto sandbox = Sandbox::make(options_.sandbox, copy_, std::move(helpers));
    if (!sandbox) return fail(sandbox.error());
    sandbox_.emplace(std::move(*sandbox));
    return {};
  }

  const fs::path& tree() const override { return copy_.root(); }
  const std::string& test_command() const override { return options_.test_command; }

  Result<repoindex::View> view(const CancelToken& cancel) override {
    if (!index_) {
      repoindex::IndexOptions options;
      options.parse_hosts = options_.parse_hosts;
      ENGRAMD_TRY(index_, repoindex::RepoIndex::open(index_root(copy_), options));
      ENGRAMD_CHECK(index_->refresh({}, cancel));
    } else if (!stale_.empty() && !copy_.is_overlay()) {
      ENGRAMD_CHECK(index_->refresh_paths(stale_));
    }
    if (copy_.is_overlay() && !stale_.empty()) edited_ = index_overlay(changed_);
    stale_.clear();
    return repoindex::View{index_->snapshot(), edited_};
  }

  Result<std::string> read(const std::string& path) const override { return copy_.read(path); }

  Status write(const std::string& path, const std::string& text) override {
    if (!is_safe_relative_path(path))
      return fail(ErrorCode::invalid_input, path + " is not a path inside the repository");
    if (is_protected_path(path) && !options_.allow_protected)
      return fail(ErrorCode::invalid_input,
                  path + " is a test, CI, lock or configuration file; changing it needs consent");
    const auto before = copy_.read(path);
    ENGRAMD_CHECK(check_still_parses(path, before.value_or(""), text));
    if (!base_.contains(path))
      base_[path] = before ? std::optional<std::string>(*before) : std::nullopt;
    ENGRAMD_CHECK(copy_.write(path, text));
    stale_.push_back(path);
    if (base_[path] == text)
      changed_.erase(path);
    else
      changed_[path] = text;
    return {};
  }

  Result<TestRun> run_tests(const CancelToken& cancel) override {
    if (!sandbox_) return fail(ErrorCode::unavailable, "this project has no test command");
    TestRunOptions options;
    options.limits = options_.test_limits;
    return agent::run_tests(*sandbox_, command_, options, cancel);
  }

  const std::map<std::string, std::string>& changed() const override { return changed_; }

  std::optional<std::string> base_text(const std::string& path) const override {
    if (const auto found = base_.find(path); found != base_.end()) return found->second;
    if (auto text = copy_.read(path)) return *text;
    return std::nullopt;
  }
  std::string base_hash(const std::string& path) const override {
    const auto text = base_text(path);
    return text ? hash128_hex(*text) : std::string();
  }

  std::string diff() const override {
    std::vector<FileChange> changes;
    for (const auto& [path, text] : changed_) changes.push_back({path, base_text(path), text});
    return unified_diff(changes);
  }

 private:
  WorkTree copy_;
  WorkbenchOptions options_;
  TestCommand command_;
  std::optional<Sandbox> sandbox_;
  std::unique_ptr<repoindex::RepoIndex> index_;
  std::vector<std::string> stale_;
  std::shared_ptr<const repoindex::Overlay> edited_;  // null: nothing, or the index has it
  std::map<std::string, std::string> changed_;
  std::map<std::string, std::optional<std::string>> base_;  // of every file that was written
};

bool has_component(const fs::path& path, std::initializer_list<std::string_view> names) {
  for (const fs::path& part : path)
    if (std::find(names.begin(), names.end(), part.string()) != names.end()) return true;
  return false;
}

}  // namespace

Result<std::unique_ptr<Workbench>> Workbench::open(const fs::path& repo, WorkbenchOptions options,
                                                   const CancelToken& cancel) {
  ENGRAMD_TRY(WorkTree copy, WorkTree::open(repo, {}, cancel));
  auto bench = std::make_unique<CopiedWorkbench>(std::move(copy), std::move(options));
  ENGRAMD_CHECK(bench->prepare());
  return bench;
}

bool is_protected_path(const std::string& text) {
  const fs::path path(text);
  const std::string name = path.filename().string();
  if (has_component(path, {"test", "tests", "testing", "__tests__", "spec", ".github", ".gitlab",
                           ".circleci", ".ci", ".husky", ".git"}))
    return true;
  const bool test_name = name.starts_with("test_") || name.find("_test.") != std::string::npos ||
                         name.find(".test.") != std::string::npos ||
                         name.find(".spec.") != std::string::npos || name == "conftest.py";
  const bool settings_name =
      name == "AGENTS.md" || name == "CLAUDE.md" || name == ".gitlab-ci.yml" ||
      name == "Jenkinsfile" || name == ".pre-commit-config.yaml" || name == ".engramd.toml" ||
      name == "package-lock.json" || name == "go.sum" || name.ends_with(".lock");
  return test_name || settings_name;
}

}  // namespace engramd::agent
