// repoindex/git/place.h - where the git repository around a folder keeps its things.
//
// Found by looking at the disk as git does (upwards, .git folders and .git files, commondir), so
// that it also works for repositories that libgit2 cannot open. Nothing is run. Any thread.
#pragma once

#include <filesystem>
#include <string>

namespace engramd::repoindex {

struct GitPlace {
  enum class Kind {
    none,       // no repository around the folder
    work_tree,  // the folder is the top of a work tree, or lies in one
    bare,       // the folder itself is a bare repository, or git's own folder of one
  };
  Kind kind = Kind::none;
  std::filesystem::path top;            // of the work tree
  std::filesystem::path git_folder;     // HEAD and index are here
  std::filesystem::path common_folder;  // config, info and objects are here; differs in worktrees
  std::string prefix;                   // of the folder below top: "" or "a/b/"
};

GitPlace find_git_place(const std::filesystem::path& folder);

// A folder with a repository of its own in it: git leaves it to that repository.
bool is_nested_repository(const std::filesystem::path& folder);

// What the configuration files say about listing. Read by libgit2's parser, which understands
// includes, whatever the format of the repository.
struct GitSettings {
  std::filesystem::path excludes_file, attributes_file;  // the defaults when not configured
  // Some filter writes other bytes into the work tree than the blob has, and not LFS, whose files
  // have another size than their blobs.
  bool has_filters = false;
};
GitSettings read_git_settings(const GitPlace& place);

}  // namespace engramd::repoindex
