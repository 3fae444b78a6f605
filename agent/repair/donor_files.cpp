#include "agent/repair/donor_files.h"

#include <algorithm>
#include <set>

#include "agent/repair/localise.h"
#include "agent/repair/mutate.h"
#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "repoindex/languages/language.h"

namespace engramd::agent {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxFiles = 40, kMaxFileBytes = 300'000, kMaxBytes = 2'000'000;
constexpr size_t kMaxOldLines = 200, kMaxTestLines = 50, kMaxRedTests = 4;

std::vector<std::string> neighbours(const WorkTree& tree,
                                    const std::vector<std::string>& suspects) {
  std::vector<std::string> files = suspects;
  std::set<std::string> seen(suspects.begin(), suspects.end());
  for (const std::string& suspect : suspects) {
    const fs::path folder = fs::path(suspect).parent_path();
    std::error_code error;
    std::vector<std::string> here;
    for (const auto& entry : fs::directory_iterator(tree.root() / folder, error)) {
      const std::string name = (folder / entry.path().filename()).string();
      if (entry.is_regular_file(error) && is_editable_source(name) && seen.insert(name).second)
        here.push_back(name);
      if (here.size() > 4 * kMaxFiles) break;
    }
    std::sort(here.begin(), here.end());
    for (std::string& name : here)
      if (files.size() < kMaxFiles) files.push_back(std::move(name));
  }
  return files;
}

// Lines that the last commits took out of the file: a mistake made lately is undone by them.
std::vector<std::string> old_lines(const fs::path& repository, const std::string& path,
                                   const CancelToken& cancel) {
  ProcessOptions git;
  // A partial clone must not fetch what it lacks.
  git.argv = {"env",
              "GIT_NO_LAZY_FETCH=1",
              "GIT_TERMINAL_PROMPT=0",
              "git",
              "-c",
              "core.fsmonitor=false",
              "-c",
              "core.hooksPath=/dev/null",
              "--no-optional-locks",
              "log",
              "-p",
              "-U0",
              "--no-ext-diff",
              "--no-textconv",
              "--no-color",
              "--format=",
              "-n",
              "20",
              "--",
              path};
  git.cwd = repository;
  git.wall_ms = 3000;
  const auto ran = run_process(git, cancel);
  std::vector<std::string> lines;
  if (!ran || !ran->ok()) return lines;
  for (const std::string_view line : split_lines(ran->stdout_text)) {
    if (line.empty() || line[0] != '-' || line.substr(0, 4) == "--- ") continue;
    const std::string text(trim(line.substr(1)));
    if (text.size() < 4 || text.size() > 160 || lines.size() >= kMaxOldLines) continue;
    if (std::find(lines.begin(), lines.end(), text) == lines.end()) lines.push_back(text);
  }
  return lines;
}

// The lines of a test, from where its name stands.
std::string source_of(const WorkTree& tree, const std::string& id) {
  const size_t file_end = id.find("::");
  if (file_end == std::string::npos) return "";
  const auto text = tree.read(id.substr(0, file_end));
  if (!text || text->size() > kMaxBytes) return "";
  std::string name = id.substr(id.rfind("::") + 2);
  name = name.substr(0, name.find('['));
  size_t at = text->find("def " + name + "(");
  if (at == std::string::npos) at = text->find(name);
  if (at == std::string::npos) return "";
  size_t end = at;
  for (size_t lines = 0; lines < kMaxTestLines && end != std::string::npos; ++lines) {
    end = text->find('\n', end + 1);
    // The next test begins.
    if (end != std::string::npos && lines > 0) {
      const std::string_view rest = std::string_view(*text).substr(end + 1, 200);
      const std::string_view line = trim(rest.substr(0, rest.find('\n')));
      if (line.rfind("def test", 0) == 0 || line.rfind("@pytest", 0) == 0 ||
          line.rfind("class ", 0) == 0)
        break;
    }
  }
  return text->substr(at, end == std::string::npos ? end : end - at);
}

}  // namespace

Donors gather_donors(const WorkTree& tree, const std::vector<std::string>& suspects,
                     const CancelToken& cancel) {
  Donors donors;
  size_t n_bytes = 0;
  for (const std::string& path : neighbours(tree, suspects)) {
    if (cancel.cancelled() || n_bytes > kMaxBytes) break;
    const auto text = tree.read(path);
    if (!text || text->size() > kMaxFileBytes || !utf8_valid(*text)) continue;
    n_bytes += text->size();
    add_donors(path, *text, donors);
  }
  for (size_t i = 0; i < std::min<size_t>(suspects.size(), 4) && !cancel.cancelled(); ++i)
    donors.old_lines[suspects[i]] = old_lines(tree.original(), suspects[i], cancel);
  return donors;
}

std::string failure_text(const WorkTree& tree, const TestRun& before, const std::string& task) {
  std::string text;
  size_t n = 0;
  for (const TestCase& test : before.tests) {
    if (!test.red() || ++n > kMaxRedTests) continue;
    text += test.message.substr(0, 4000) + "\n" + source_of(tree, test.id) + "\n";
  }
  if (text.size() < 500) {
    const std::string& output = before.output;
    text += output.substr(output.size() - std::min<size_t>(output.size(), 6000));
  }
  text += task.substr(0, 4000);
  return text;
}

Hints gather_hints(const WorkTree& tree, const TestRun& before, const std::string& task) {
  return read_hints(failure_text(tree, before, task));
}

}  // namespace engramd::agent
