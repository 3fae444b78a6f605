// agent/swebench/repository.h - the repository of an instance as an agent may see it: the base
// commit and what led to it, nothing that came later.
//
//   sources   --repos DIR: DIR/owner/name, DIR/owner__name, DIR/owner+name, DIR/name, each with or
//             without ".git", bare or not. They are only read.
//   cache     <cache>/<owner>__<name>-<commit>/  a git directory with one branch, "main", at the
//             base commit: fetched, so it holds the objects that this commit reaches and no other;
//             no tags, remotes, reflogs, alternates. Bounded, the least recently used goes first.
//   checkout  a work tree made from the cache in a moment (packs are linked, not copied).
//
// Any thread, any number of processes: each entry of the cache has a lock.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "agent/swebench/instance.h"
#include "base/cancel.h"
#include "base/result.h"

namespace engramd::agent::swebench {

struct RepositoryOptions {
  std::filesystem::path sources, cache;
  uint64_t max_cache_bytes = 20ull << 30;
  size_t history = 2000;  // commits before the base that are kept, the deepest way; 0: all
};

class RepositoryStore {
 public:
  explicit RepositoryStore(RepositoryOptions options) : options_(std::move(options)) {}

  // Where the source of owner/name is; not_found with the places looked at.
  Result<std::filesystem::path> source_of(const std::string& repo) const;

  // Makes `folder` (which must not exist) a work tree at the base commit. not_found when the source
  // has no such commit.
  Status check_out(const Instance& instance, const std::filesystem::path& folder,
                   const CancelToken& cancel = {}) const;

  // What a slim instance leaves to its commits: patch, test patch, statement, test files. Others
  // are returned as they are.
  Result<Instance> completed(Instance instance, const CancelToken& cancel = {}) const;

 private:
  Status prepare(const Instance& instance, const std::filesystem::path& entry,
                 const CancelToken& cancel) const;
  void make_room(const std::filesystem::path& keep) const;
  RepositoryOptions options_;
};

// That HEAD, and only it, is reachable and is the base commit; that nothing of later history can be
// read. An error that says what is left otherwise.
Status check_only_base(const std::filesystem::path& work_tree, const Instance& instance,
                       const CancelToken& cancel = {});

}  // namespace engramd::agent::swebench
