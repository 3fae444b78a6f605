#include "agent/tests/detect.h"

#include <algorithm>
#include <map>
#include <set>

#include "agent/tests/framework.h"
#include "base/file.h"
#include "base/text.h"

namespace engramd::agent {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxEntries = 20000;  // large trees declare their tests in a file near the top
constexpr int kMaxDepth = 6;
constexpr size_t kMaxFolders = 200;

// Files that make a folder a project of its own.
constexpr std::string_view kMarkers[] = {
    "pyproject.toml",   "setup.py",   "setup.cfg", "pytest.ini",     "tox.ini", "noxfile.py",
    "package.json",     "Cargo.toml", "go.mod",    "CMakeLists.txt", "pom.xml", "build.gradle",
    "build.gradle.kts", "Makefile",   "makefile",  "GNUmakefile",
};

bool skipped_folder(std::string_view name) {
  static constexpr std::string_view kNames[] = {"node_modules", "venv",       "env",    "vendor",
                                                "__pycache__",  "target",     "build",  "dist",
                                                "third_party",  "thirdparty", "_build", "out"};
  return name.starts_with(".") ||
         std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

std::vector<ProjectFolder> folders_of(const fs::path& root) {
  std::map<std::string, ProjectFolder> found;
  std::vector<std::string> files;
  std::set<std::string> marked{""};
  std::error_code error;
  size_t seen = 0;
  auto entries =
      fs::recursive_directory_iterator(root, fs::directory_options::skip_permission_denied, error);
  for (; !error && entries != fs::recursive_directory_iterator(); entries.increment(error)) {
    if (++seen > kMaxEntries) break;
    const std::string name = entries->path().filename().string();
    const std::string relative = entries->path().lexically_relative(root).string();
    const std::string parent = fs::path(relative).parent_path().string();
    found[parent].names.push_back(name);
    std::error_code ignored;
    if (entries->is_directory(ignored)) {
      if (skipped_folder(name) || entries.depth() >= kMaxDepth) entries.disable_recursion_pending();
      continue;
    }
    files.push_back(relative);
    if (std::find(std::begin(kMarkers), std::end(kMarkers), name) != std::end(kMarkers) &&
        marked.size() < kMaxFolders)
      marked.insert(parent);
  }
  std::vector<ProjectFolder> folders;
  std::sort(files.begin(), files.end());
  for (const std::string& relative : marked) {
    ProjectFolder folder = std::move(found[relative]);
    folder.relative = relative;
    folder.path = relative.empty() ? root : root / relative;
    const std::string prefix = relative.empty() ? "" : relative + "/";
    for (auto file = std::lower_bound(files.begin(), files.end(), prefix);
         file != files.end() && file->starts_with(prefix) && folder.below.size() < 5000; ++file)
      folder.below.push_back(file->substr(prefix.size()));
    folders.push_back(std::move(folder));
  }
  return folders;
}

// `make test`, `make check`: whatever is behind it.
void propose_make(const ProjectFolder& folder, std::vector<Proposal>& out) {
  for (const char* makefile : {"GNUmakefile", "makefile", "Makefile"}) {
    const std::string text = "\n" + folder.read(makefile);
    for (const char* target : {"test", "check"})
      if (text.find("\n" + std::string(target) + ":") != std::string::npos) {
        out.push_back({std::string("make ") + target, 2,
                       std::string(makefile) + " has the target " + target});
        return;
      }
  }
}

bool is_below(std::string_view path, const std::string& folder) {
  return folder.empty() ||
         (path.starts_with(folder) && path.size() > folder.size() && path[folder.size()] == '/');
}

bool is_source_of(std::string_view path, Framework framework) {
  const std::string_view ends = row_of(framework).sources;
  const size_t dot = path.rfind('.');
  if (dot == std::string_view::npos || ends.empty()) return false;
  return ends.find(std::string(path.substr(dot)) + " ") != std::string_view::npos;
}

}  // namespace

std::vector<DetectedTests> detect_all_tests(const fs::path& root, const DetectOptions& options) {
  struct Scored {
    DetectedTests tests;
    double score = 0;
    size_t order = 0;
  };
  std::vector<Scored> all;
  for (const ProjectFolder& folder : folders_of(root)) {
    const auto depth =
        static_cast<double>(folder.relative.empty() ? 0
                                                    : 1 + std::count(folder.relative.begin(),
                                                                     folder.relative.end(), '/'));
    std::vector<Proposal> proposals;
    for (const Framework framework : all_frameworks()) {
      const FrameworkRow& row = row_of(framework);
      const size_t before = proposals.size();
      if (row.propose != nullptr) row.propose(folder, proposals);
      for (size_t i = before; i < proposals.size(); ++i) proposals[i].framework = framework;
    }
    propose_make(folder, proposals);
    for (const Proposal& proposal : proposals) {
      Scored scored;
      scored.order = all.size();
      scored.tests.folder = folder.relative;
      scored.tests.sure = proposal.sure;
      scored.tests.command = read_test_command(proposal.text, folder.path);
      if (scored.tests.command.framework == Framework::unknown)
        scored.tests.command.framework = proposal.framework;
      if (!folder.relative.empty()) {
        scored.tests.command.text =
            "cd " + shell_quoted(folder.relative) + " && " + scored.tests.command.text;
        scored.tests.command.pytest.reset();
      }
      scored.tests.command.why =
          proposal.why + (folder.relative.empty() ? "" : " in " + folder.relative);
      scored.score = proposal.sure;
      if (options.touched.empty()) {
        scored.score -= 4 * depth;  // the whole project, not a part of it
      } else {
        double held = 0, spoken = 0;
        for (const std::string& path : options.touched) {
          held += is_below(path, folder.relative);
          spoken += is_source_of(path, scored.tests.command.framework);
        }
        const auto n = static_cast<double>(options.touched.size());
        // All of them first, in the right language, then the nearest.
        scored.score += 40 * held / n + 10 * spoken / n + 0.5 * depth;
      }
      all.push_back(std::move(scored));
    }
  }
  std::stable_sort(all.begin(), all.end(), [](const Scored& a, const Scored& b) {
    return a.score != b.score ? a.score > b.score : a.order < b.order;
  });
  std::vector<DetectedTests> tests;
  for (Scored& scored : all) {
    const bool known = std::any_of(tests.begin(), tests.end(), [&](const DetectedTests& other) {
      return other.command.text == scored.tests.command.text;
    });
    if (!known && tests.size() < 50) tests.push_back(std::move(scored.tests));
  }
  return tests;
}

std::optional<TestCommand> detect_test_command(const fs::path& root, const DetectOptions& options) {
  std::vector<DetectedTests> found = detect_all_tests(root, options);
  if (found.empty()) return std::nullopt;
  TestCommand command = std::move(found[0].command);
  std::string others;
  for (size_t i = 1; i < found.size() && i <= 3; ++i)
    others += (others.empty() ? "" : ", ") + found[i].command.text;
  if (!others.empty())
    command.why += "; not chosen: " + others + (found.size() > 4 ? " and others" : "");
  return command;
}

Status check_report_glob(std::string_view glob) {
  bool leaves = glob.starts_with('/');
  for (size_t begin = 0; begin <= glob.size();) {
    const size_t end = std::min(glob.find('/', begin), glob.size());
    leaves = leaves || glob.substr(begin, end - begin) == "..";
    begin = end + 1;
  }
  if (!leaves) return {};
  return fail(ErrorCode::invalid_input, "the pattern of test reports is \"" + std::string(glob) +
                                            "\", expected one that is relative to the project "
                                            "and stays inside, as in \"build/**/TEST-*.xml\"");
}

std::optional<TestCommand> choose_test_command(const TestSetup& setup, const fs::path& root) {
  std::optional<TestCommand> command =
      setup.command ? read_test_command(*setup.command, root) : detect_test_command(root);
  if (!command || command->text.empty()) return std::nullopt;
  if (!setup.wrapper.empty()) command->wrapper = setup.wrapper;
  if (!setup.report_glob.empty()) command->report_glob = setup.report_glob;
  return command;
}

}  // namespace engramd::agent
