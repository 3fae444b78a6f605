// repoindex/store/exchange.h - facts as one compressed file that another machine can start from.
//
// The file holds facts keyed by blob and nothing of this machine: no paths, no times. Import trusts
// none of it: every payload is decoded with all its bounds checked and the postings are made anew
// from it, and a file that is damaged anywhere is refused whole. What cannot be checked without the
// sources is whether facts are true of their blob, so take them from those you take sources from.
// Any thread.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "repoindex/store/segment_store.h"

namespace engramd::repoindex {

// Writes the facts of these blobs, each once; returns how many.
Result<size_t> export_blobs(const std::vector<BlobPlace>& blobs, const std::filesystem::path& file,
                            const CancelToken& cancel);

struct ImportedBlobs {
  std::vector<std::string> segments;  // bytes of finished segments
  size_t n_blobs = 0;
};
Result<ImportedBlobs> import_blobs(const std::filesystem::path& file, size_t n_threads,
                                   const CancelToken& cancel);

}  // namespace engramd::repoindex
