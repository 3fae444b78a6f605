// What the git tests share: the same story told to both backends, and other people's folders.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "repoindex/git/work_tree.h"
#include "repoindex/index.h"
#include "tests/support/workspace.h"

namespace engramd::repoindex::stories {

struct Listed {
  std::vector<std::string> paths;
  std::vector<std::string> notes;
  std::string backend;
  size_t n_unreadable = 0;
  bool says(std::string_view part) const;
};
// The listing of a folder, through the backend that the probe chooses or a given one.
Listed listed(const std::filesystem::path& root,
              GitBackend::Wanted wanted = GitBackend::Wanted::best,
              const std::vector<std::string>& exclude = {});

// One file of the listing; throws when it is not there.
ListedFile listed_file(WorkTree& tree, const std::string& path);

// Runs in a child process as user nobody and says whether it returned true; throws unless we are
// root.
bool as_nobody(const std::function<bool()>& body);
void give_to_nobody(const std::filesystem::path& folder);

// Sets a file's time back, so that nothing about it is racy.
void make_old(const std::filesystem::path& file, int seconds = 100);

}  // namespace engramd::repoindex::stories
