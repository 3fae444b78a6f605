// repoindex/store/blob_bytes.h - an EncodedBlob as bytes, for the way from a parse host to us.
//
// Never on disk, so it has no version: both ends are the same build. Whoever sends may have been
// taken over by the file it parsed: reading checks every number, and that the records decode.
// Pure functions: any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "repoindex/store/encoded_blob.h"

namespace engramd::repoindex {

// Without blob id and language: those are the receiver's to say.
std::string bytes_of_blob(const EncodedBlob& blob);
// corrupt when something is out of bounds or says another size than the text has.
Result<EncodedBlob> blob_of_bytes(std::string_view bytes, std::string blob_id, std::string language,
                                  size_t n_bytes);

// The facts that were encoded.
Result<FileFactsPtr> facts_of_blob(const EncodedBlob& blob);

}  // namespace engramd::repoindex
