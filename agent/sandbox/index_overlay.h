// agent/sandbox/index_overlay.h - what a task has changed, as an overlay over the index of the
// user's own tree.
//
// An overlaid work tree has no folder of its own that an index could open, and needs none: the
// index of the original, which is often in the cache already, serves with the changed texts on top.
// Removed files are empty texts. Any thread.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "agent/sandbox/work_tree.h"
#include "repoindex/view.h"

namespace engramd::agent {

std::shared_ptr<const repoindex::Overlay> index_overlay(
    const std::map<std::string, std::string>& texts);
// All of the tree's changes in languages that the index knows. Null when there are none, and of a
// copy, whose folder can be indexed itself.
std::shared_ptr<const repoindex::Overlay> index_overlay(const WorkTree& tree);

// What an index of the tree is to be opened on.
const std::filesystem::path& index_root(const WorkTree& tree);

}  // namespace engramd::agent
