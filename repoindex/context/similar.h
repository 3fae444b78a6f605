// repoindex/context/similar.h - lines of other places that use the same words. Any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "repoindex/context/collector.h"

namespace engramd::repoindex {

struct SimilarLines {
  std::string path;
  ByteRange range;  // whole lines
  double similarity = 0;
};

// The best lines of each file, most similar first. lines: what is written before the cursor.
// Ranges that the collector shows already are passed over; so are files that may not be shown.
std::vector<SimilarLines> find_similar_lines(std::string_view lines,
                                             const std::vector<std::string>& paths,
                                             Collector& collector, const CancelToken& cancel);

}  // namespace engramd::repoindex
