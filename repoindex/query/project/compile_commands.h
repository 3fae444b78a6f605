// repoindex/query/project/compile_commands.h - the include folders that a compiler was given.
//
// Read from a compile_commands.json in the root or a build folder. Paths are kept relative to the
// root; a database that was written elsewhere (a container, another checkout) is understood by the
// files it names. Immutable once read: any thread.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace engramd::repoindex {

struct IncludeFolders {
  std::vector<std::string> quoted;  // -iquote: for #include "x" only, before the others
  std::vector<std::string> all;     // -I, then -isystem, then -idirafter
  bool operator==(const IncludeFolders&) const = default;
};

class CompileCommands {
 public:
  // is_file says whether a path is a file of the repository.
  static CompileCommands read(std::string_view text, const std::filesystem::path& root,
                              const std::function<bool(std::string_view)>& is_file);
  // Where such a file usually is, best first; relative to the root.
  static const std::vector<std::string>& usual_places();

  bool empty() const { return lists_.empty(); }
  // For a source file its own; for a header those of the source beside it, of another file of its
  // folder or one above, else the most common ones. Null when empty.
  const IncludeFolders* of(std::string_view path) const;

 private:
  std::vector<IncludeFolders> lists_;
  std::unordered_map<std::string, size_t> by_file_, by_stem_, by_folder_;
  size_t most_common_ = 0;
};

// The words of a command line, as a POSIX shell splits them (no expansion).
std::vector<std::string> command_words(std::string_view command);

}  // namespace engramd::repoindex
