#include "agent/tools/edit_rules.h"

#include <sys/stat.h>

#include "agent/sandbox/work_tree.h"
#include "agent/tools/workbench.h"
#include "base/text.h"
#include "repoindex/origin.h"

namespace engramd::agent {
namespace {

std::string megabytes(size_t n) {
  return std::to_string((n + (1u << 19)) >> 20) + " MB";
}

}  // namespace

bool is_binary_text(std::string_view text) {
  return text.substr(0, 8000).find('\0') != std::string_view::npos;
}

Status check_may_edit(const std::filesystem::path& original, const FileChange& change,
                      bool allow_protected) {
  const std::string& path = change.path;
  if (!is_safe_relative_path(path))
    return fail(ErrorCode::invalid_input, path + " is not a path inside the repository");
  struct stat info {};
  if (::lstat((original / path).c_str(), &info) == 0) {
    if (S_ISDIR(info.st_mode)) return fail(ErrorCode::invalid_input, path + " is a folder");
    if (S_ISLNK(info.st_mode))
      return fail(ErrorCode::invalid_input,
                  path + " is a symbolic link, which edits do not follow; edit the file it names");
    if (!S_ISREG(info.st_mode)) return fail(ErrorCode::invalid_input, path + " is no regular file");
    if ((info.st_mode & 0222) == 0)
      return fail(ErrorCode::invalid_input,
                  path + " is read-only in the user's tree (chmod u+w would allow the edit)");
  }
  if (change.before) {
    if (is_binary_text(*change.before))
      return fail(ErrorCode::unsupported, path + " is a binary file, expected text");
    if (change.after && change.before->size() > Workbench::kMaxFileBytes)
      return fail(ErrorCode::exhausted, path + " has " + megabytes(change.before->size()) +
                                            "; files of more than 1 MB are not edited");
    if (!allow_protected && change.after && repoindex::says_generated(*change.before))
      return fail(ErrorCode::invalid_input,
                  path +
                      " says in its first lines that a program writes it; change what it is "
                      "generated from instead");
  }
  if (change.after) {
    if (is_binary_text(*change.after))
      return fail(ErrorCode::invalid_input, "the new text of " + path + " holds a zero byte");
    if (change.after->size() > Workbench::kMaxFileBytes)
      return fail(ErrorCode::exhausted, "the new text of " + path + " has " +
                                            megabytes(change.after->size()) +
                                            ", expected at most 1 MB");
  }
  return {};
}

}  // namespace engramd::agent
