#include "repoindex/context/collector.h"

#include <algorithm>
#include <tuple>

namespace engramd::repoindex {

const SourceText* Collector::source(const std::string& path) {
  auto [at, fresh] = sources_.try_emplace(path);
  if (fresh) at->second = read_source(view_, path);
  return at->second ? &*at->second : nullptr;
}

bool Collector::covered(const std::string& path, ByteRange range) const {
  const auto found = taken_.find(path);
  if (found == taken_.end()) return false;
  return std::any_of(found->second.begin(), found->second.end(), [&](ByteRange have) {
    return have.begin <= range.begin && range.end <= have.end;
  });
}

bool Collector::touched(const std::string& path, ByteRange range) const {
  const auto found = taken_.find(path);
  if (found == taken_.end()) return false;
  return std::any_of(found->second.begin(), found->second.end(), [&](ByteRange have) {
    return have.begin < range.end && range.begin < have.end;
  });
}

bool Collector::add(WindowPart part, bool whole) {
  if (trim(part.text).empty()) return false;
  part.n_tokens = count_(part.text);
  if (part.n_tokens == 0 || part.n_tokens > left_) return false;
  left_ -= part.n_tokens;
  mark(part.path, part.range);
  if (whole) {
    std::erase_if(parts_, [&](const WindowPart& old) {
      const bool inside = old.path == part.path && part.range.begin <= old.range.begin &&
                          old.range.end <= part.range.end && old.range.size() > 0;
      if (inside) left_ += old.n_tokens;
      return inside;
    });
  }
  parts_.push_back(std::move(part));
  return true;
}

std::vector<WindowPart> Collector::take_sorted() {
  std::stable_sort(parts_.begin(), parts_.end(), [](const WindowPart& a, const WindowPart& b) {
    return std::tie(a.kind, a.path, a.range.begin, a.range.end) <
           std::tie(b.kind, b.path, b.range.begin, b.range.end);
  });
  return std::move(parts_);
}

}  // namespace engramd::repoindex
