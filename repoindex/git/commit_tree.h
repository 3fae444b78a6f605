// repoindex/git/commit_tree.h - the files of one commit as if they were a work tree.
//
// What a bare repository has, and what `--rev` asks about. Regular files only; include, exclude and
// .engramdignore hold as in a work tree, attributes are not looked at. git lists and names (as for
// history, git/history.h); the blobs are read by libgit2 from the object database, whatever the
// form of the references and the index, and by git where the ids are SHA-256. Nothing is fetched: a
// blob that a partial clone has not got is an unreadable file.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "repoindex/git/work_tree.h"

namespace engramd::repoindex {

// list() resolves the revision (anything git understands) anew, so a branch may move between two
// calls; it fails with not_found when git does not know it, and unavailable without git.
std::unique_ptr<WorkTree> open_commit_tree(const std::filesystem::path& root,
                                           const std::vector<std::string>& include,
                                           const std::vector<std::string>& exclude,
                                           std::string revision);

}  // namespace engramd::repoindex
