// repoindex/store/segment_writer.h - the bytes of a new segment: from fresh blobs, or from older
// segments without decoding what is in them. Pure functions: any thread.
#pragma once

#include <string>
#include <vector>

#include "repoindex/store/encoded_blob.h"
#include "repoindex/store/segment.h"

namespace engramd::repoindex {

// The first of several blobs with the same id and language counts.
Result<std::string> build_segment(const std::vector<EncodedBlob>& blobs);

struct MergeSource {
  SegmentPtr segment;
  std::vector<bool> keep;        // by doc
  std::vector<bool> used_today;  // by doc; the others keep their day of last use
};
// Docs come in the order of the sources. The same blob in two sources is kept once.
Result<std::string> merge_segments(const std::vector<MergeSource>& sources);

}  // namespace engramd::repoindex
