#include "repoindex/store/file_table.h"

#include <algorithm>

namespace engramd::repoindex {

FileTable::FileTable(std::vector<PlacedFile> files) {
  auto by_path = [](const PlacedFile& a, const PlacedFile& b) {
    return a.entry.path < b.entry.path;
  };
  if (!std::is_sorted(files.begin(), files.end(), by_path)) {
    std::sort(files.begin(), files.end(), by_path);
  }
  files_.reserve(files.size());
  addresses_.reserve(files.size());
  for (PlacedFile& file : files) {
    file.entry.indexed = file.segment != nullptr;
    Address address;
    if (file.segment != nullptr) {
      auto it = std::find_if(parts_.begin(), parts_.end(),
                             [&](const Part& part) { return part.segment == file.segment; });
      address = {static_cast<uint32_t>(it - parts_.begin()), file.doc};
      if (it == parts_.end()) {
        parts_.emplace_back();
        parts_.back().segment = std::move(file.segment);
      }
    }
    addresses_.push_back(address);
    files_.push_back(std::move(file.entry));
  }
  for (Part& part : parts_) part.begin.assign(size_t{part.segment->n_docs()} + 1, 0);
  for (Address a : addresses_) {
    if (a.part != kNone) ++parts_[a.part].begin[a.doc + 1];
  }
  std::vector<std::vector<uint32_t>> next(parts_.size());
  for (size_t p = 0; p < parts_.size(); ++p) {
    Part& part = parts_[p];
    for (uint32_t d = 0; d < part.segment->n_docs(); ++d) {
      if (part.begin[d + 1] != 0) part.live.add(d);
      part.begin[d + 1] += part.begin[d];
    }
    part.live.runOptimize();
    part.file.resize(part.begin.back());
    next[p].assign(part.begin.begin(), part.begin.end() - 1);
  }
  for (uint32_t f = 0; f < addresses_.size(); ++f) {
    Address a = addresses_[f];
    if (a.part != kNone) parts_[a.part].file[next[a.part][a.doc]++] = f;
  }
  by_base_name_.resize(files_.size());
  for (uint32_t f = 0; f < files_.size(); ++f) by_base_name_[f] = f;
  std::sort(by_base_name_.begin(), by_base_name_.end(), [this](uint32_t a, uint32_t b) {
    int order = base_name_of(a).compare(base_name_of(b));
    return order != 0 ? order < 0 : a < b;
  });
}

std::string_view FileTable::base_name_of(uint32_t file) const {
  std::string_view path = files_[file].path;
  size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

uint32_t FileTable::find(std::string_view path) const {
  auto it = std::lower_bound(files_.begin(), files_.end(), path,
                             [](const FileEntry& f, std::string_view p) { return f.path < p; });
  if (it == files_.end() || it->path != path) return kNone;
  return static_cast<uint32_t>(it - files_.begin());
}

size_t FileTable::first_called(std::string_view base_name) const {
  auto it = std::lower_bound(
      by_base_name_.begin(), by_base_name_.end(), base_name,
      [this](uint32_t file, std::string_view wanted) { return base_name_of(file) < wanted; });
  return static_cast<size_t>(it - by_base_name_.begin());
}

PlacedFile FileTable::placed(uint32_t file) const {
  Address a = addresses_[file];
  return {files_[file], a.part == kNone ? nullptr : parts_[a.part].segment, a.doc};
}

}  // namespace engramd::repoindex
