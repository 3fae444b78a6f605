// repoindex/context/collector.h - takes parts of a window while they fit. One thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "repoindex/context/pieces.h"

namespace engramd::repoindex {

constexpr size_t kMinPartTokens = 4;

// Remembers which bytes of which file are in already, so that nothing is shown twice.
class Collector {
 public:
  Collector(const View& view, const TokenCounter& count, size_t budget)
      : view_(view), count_(count), left_(budget) {}

  size_t left() const { return left_; }
  const TokenCounter& count() const { return count_; }
  const SourceText* source(const std::string& path);  // null: may not be shown
  const std::vector<ByteRange>& shown(const std::string& path) { return taken_[path]; }
  void mark(const std::string& path, ByteRange range) { taken_[path].push_back(range); }
  bool covered(const std::string& path, ByteRange range) const;
  // Whether any byte of the range is shown.
  bool touched(const std::string& path, ByteRange range) const;
  // whole: the text is all of the range, so parts that lie in it are dropped. False when it does
  // not fit or says nothing.
  bool add(WindowPart part, bool whole = false);
  // By kind, then by place: the same in the same order whatever was looked up first.
  std::vector<WindowPart> take_sorted();

 private:
  const View& view_;
  const TokenCounter& count_;
  size_t left_;
  std::map<std::string, std::optional<SourceText>> sources_;
  std::map<std::string, std::vector<ByteRange>> taken_;
  std::vector<WindowPart> parts_;
};

}  // namespace engramd::repoindex
