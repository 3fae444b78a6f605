// tests/bench/commit_tree.h - a commit of a bare repository as a folder and as an indexed view.
#pragma once

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/process.h"
#include "repoindex/index.h"

namespace engramd::bench {

inline std::string git(const std::string& folder, std::vector<std::string> arguments,
                       std::string input = {}) {
  ProcessOptions options;
  options.argv = {"git", "--git-dir=" + folder};
  options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
  options.stdin_text = std::move(input);
  std::string output;
  options.on_stdout = [&](std::string_view piece) { output += piece; };
  const auto done = run_process(options);
  if (!done || !done->ok()) {
    std::fprintf(stderr, "git %s failed\n", arguments[0].c_str());
    std::exit(2);
  }
  return output;
}

// A line that was added, in the new text, from 0.
struct AddedLines {
  size_t old_begin = 0, n_old = 0;  // lines of the old text that go
  size_t new_begin = 0, n_new = 0;
};
inline std::vector<AddedLines> hunks_of(const std::string& git_folder,
                                        const std::string& old_commit, const std::string& commit,
                                        const std::string& path) {
  const std::string diff = git(git_folder, {"diff", "-U0", "--no-ext-diff", "--no-color",
                                            "--no-renames", old_commit, commit, "--", path});
  std::vector<AddedLines> hunks;
  for (size_t at = diff.find("\n@@ -"); at != std::string::npos; at = diff.find("\n@@ -", at + 1)) {
    AddedLines hunk;
    const std::string head = diff.substr(at + 5, 60);
    const size_t plus = head.find('+');
    if (plus == std::string::npos) continue;
    auto read = [](const std::string& text, size_t& begin, size_t& n) {
      unsigned first = 0, count = 1;
      std::sscanf(text.c_str(), "%u,%u", &first, &count);
      n = count;
      // "@@ -12,0": after line 12.
      begin = count == 0 ? first : first - (first > 0);
    };
    read(head, hunk.old_begin, hunk.n_old);
    read(head.substr(plus + 1), hunk.new_begin, hunk.n_new);
    hunks.push_back(hunk);
  }
  return hunks;
}

// The files of one commit at a time, in a temporary folder that is removed at the end. Facts are
// cached in it, so that the next commit costs what it changed.
class CommitTree {
 public:
  explicit CommitTree(std::string git_folder) : git_folder_(std::move(git_folder)) {
    std::string name = (std::filesystem::temp_directory_path() / "engramd-bench-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::exit(2);
    scratch_ = name;
  }
  ~CommitTree() {
    std::error_code ignored;
    std::filesystem::remove_all(scratch_, ignored);
  }
  CommitTree(const CommitTree&) = delete;

  repoindex::View at(const std::string& commit) {
    const std::filesystem::path root = scratch_ / "tree";
    std::filesystem::remove_all(root);
    std::filesystem::create_directories(root);
    ProcessOptions tar;
    tar.argv = {"tar", "-x", "-C", root.string()};
    tar.stdin_text = git(git_folder_, {"archive", commit});
    if (const auto done = run_process(tar); !done || !done->ok()) std::exit(2);
    repoindex::IndexOptions options;
    options.cache_folder = scratch_ / "cache";
    options.n_threads = 1;
    index_ = *repoindex::RepoIndex::open(root, options);
    if (!index_->refresh()) std::exit(2);
    return repoindex::View{index_->snapshot(), nullptr};
  }
  // The last at() with these texts saved over it.
  repoindex::View with_saved(const std::vector<std::pair<std::string, std::string>>& texts) {
    for (const auto& [path, text] : texts) {
      if (!write_file_atomic(scratch_ / "tree" / path, text)) std::exit(2);
    }
    if (!index_->refresh()) std::exit(2);
    return repoindex::View{index_->snapshot(), nullptr};
  }
  std::string text_of(const std::string& commit, const std::string& path) {
    return git(git_folder_, {"show", commit + ":" + path});
  }
  const std::string& git_folder() const { return git_folder_; }

 private:
  std::string git_folder_;
  std::filesystem::path scratch_;
  std::unique_ptr<repoindex::RepoIndex> index_;
};

}  // namespace engramd::bench
