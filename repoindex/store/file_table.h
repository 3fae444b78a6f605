// repoindex/store/file_table.h - which files there are and where in which segment their facts lie.
//
// Several paths may share a doc (copies, empty files). Immutable: any thread.
#pragma once

#include <roaring/roaring.hh>
#include <string_view>
#include <vector>

#include "repoindex/store/segment.h"
#include "repoindex/view.h"

namespace engramd::repoindex {

// A file and its doc; no segment: the file is only listed.
struct PlacedFile {
  FileEntry entry;
  SegmentPtr segment;
  uint32_t doc = 0;
};

// Which docs of each part of a table some file has.
struct LiveSets {
  std::vector<Roaring> parts;
};

class FileTable {
 public:
  explicit FileTable(std::vector<PlacedFile> files);

  const std::vector<FileEntry>& files() const { return files_; }  // by path
  uint32_t find(std::string_view path) const;                     // kNone when absent
  bool owns(const FileEntry& file) const {
    return !files_.empty() && &file >= files_.data() && &file < files_.data() + files_.size();
  }
  PlacedFile placed(uint32_t file) const;
  // visit(file number) -> go on?  Files whose last path component is this.
  template <class Visit>
  bool called(std::string_view base_name, Visit visit) const {
    for (size_t i = first_called(base_name); i < by_base_name_.size(); ++i) {
      if (base_name_of(by_base_name_[i]) != base_name) break;
      if (!visit(by_base_name_[i])) return false;
    }
    return true;
  }

  // A segment as this table uses it.
  struct Part {
    SegmentPtr segment;
    Roaring live;                       // docs that some file has
    std::vector<uint32_t> begin, file;  // files of doc d: file[begin[d]] ... file[begin[d + 1] - 1]
  };
  const std::vector<Part>& parts() const { return parts_; }
  // Where a file's facts lie; part kNone: only listed.
  struct Address {
    uint32_t part = kNone, doc = 0;
  };
  Address address(uint32_t file) const { return addresses_[file]; }

 private:
  std::string_view base_name_of(uint32_t file) const;
  size_t first_called(std::string_view base_name) const;

  std::vector<FileEntry> files_;
  std::vector<Address> addresses_;
  std::vector<uint32_t> by_base_name_;
  std::vector<Part> parts_;
};

}  // namespace engramd::repoindex
