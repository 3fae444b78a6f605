// repoindex/blob_maker.h - from the text of a file to its encoded facts: in a parse host when there
// are any, else by a parser of this process. Use one per thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/cancel.h"
#include "repoindex/parse/extract.h"
#include "repoindex/store/encoded_blob.h"

namespace engramd::repoindex {

class ParseHosts;

class BlobMaker {
 public:
  explicit BlobMaker(ParseHosts* hosts) : hosts_(hosts) {}
  // language may be null. Nothing only when cancelled.
  std::optional<EncodedBlob> make(const std::string& blob_id, const Language* language,
                                  std::string_view text, const ExtractLimits& limits,
                                  const CancelToken& cancel);

 private:
  ParseHosts* const hosts_;
  Extractor extractor_;
};

}  // namespace engramd::repoindex
