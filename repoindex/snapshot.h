// repoindex/snapshot.h - all files of one moment with their facts, and who defines or uses a name.
//
// A Snapshot is a big base segment and a small patch over it: a saved file costs the patch, not
// the repository. The patch is folded into a new base when it grows. Immutable: any thread.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "repoindex/view.h"

namespace engramd::repoindex {

class Segment;

struct DefinitionRef {
  const FileEntry* file = nullptr;
  uint32_t symbol = 0;  // index into file->facts->symbols
};

class Snapshot {
 public:
  static SnapshotPtr build(std::filesystem::path root, std::vector<FileEntry> files);
  // The same snapshot with these files replaced or added, and those paths gone.
  SnapshotPtr with_changes(std::vector<FileEntry> changed, std::vector<std::string> removed) const;

  const std::filesystem::path& root() const { return root_; }
  size_t n_files() const { return n_files_; }
  const FileEntry* find(std::string_view path) const;
  void for_each_file(const std::function<void(const FileEntry&)>& visit) const;  // by path

  // Definitions of that name that are not locals. The visitor returns whether to go on.
  void definitions(std::string_view name, const std::function<bool(DefinitionRef)>& visit) const;
  // Files in which the name occurs at all.
  void files_with_name(std::string_view name,
                       const std::function<bool(const FileEntry&)>& visit) const;
  // Files whose last path component is this.
  void files_called(std::string_view base_name,
                    const std::function<bool(const FileEntry&)>& visit) const;
  // Every distinct name of a definition, with a bit set of the letters in it (see letter_bits);
  // a name may come twice.
  void for_each_defined_name(
      const std::function<bool(std::string_view name, uint64_t letters)>& visit) const;

 private:
  std::filesystem::path root_;
  std::shared_ptr<const Segment> base_, patch_;
  std::vector<uint32_t> hidden_;  // base files that the patch replaces or that are gone; sorted
  size_t n_files_ = 0;
};

// Bits of the letters and digits of a name, case folded.
uint64_t letter_bits(std::string_view name);

}  // namespace engramd::repoindex
