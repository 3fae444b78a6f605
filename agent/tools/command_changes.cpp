#include "agent/tools/command_changes.h"

#include "agent/tools/edit_rules.h"
#include "agent/tools/workbench.h"
#include "base/file.h"
#include "base/text.h"

namespace engramd::agent {
namespace {

constexpr size_t kMaxRuleFile = 1u << 20;
constexpr const char* kAlwaysIgnored =
    "__pycache__/\n*.pyc\n.pytest_cache/\n.mypy_cache/\n.ruff_cache/\n.hypothesis/\n.coverage\n"
    "*.o\n*.class\n";

}  // namespace

IgnoredPaths::IgnoredPaths(std::filesystem::path root) : root_(std::move(root)) {
  rules_.add(kAlwaysIgnored, "");
}

void IgnoredPaths::read(const std::string& folder) {
  if (!known_.insert(folder).second) return;
  const std::string name = folder.empty() ? ".gitignore" : folder + "/.gitignore";
  if (const auto text = read_file(root_ / name, kMaxRuleFile)) rules_.add(*text, folder);
}

bool IgnoredPaths::contains(const std::string& path, bool is_folder) {
  read("");
  for (size_t slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1))
    read(path.substr(0, slash));
  return rules_.ignored_with_parents(path, is_folder);
}

std::string why_left_out(const FileChange& change) {
  for (const auto* text : {&change.before, &change.after}) {
    if (!*text) continue;
    if (is_binary_text(**text)) return "binary";
    if ((*text)->size() > Workbench::kMaxFileBytes) return "over 1 MB";
    if (!utf8_valid(**text) && text == &change.after) return "not UTF-8";
  }
  return {};
}

}  // namespace engramd::agent
