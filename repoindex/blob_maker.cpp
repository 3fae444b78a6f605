#include "repoindex/blob_maker.h"

#include "repoindex/parse_hosts.h"

namespace engramd::repoindex {

std::optional<EncodedBlob> BlobMaker::make(const std::string& blob_id, const Language* language,
                                           std::string_view text, const ExtractLimits& limits,
                                           const CancelToken& cancel) {
  ExtractLimits here = limits;
  // What no grammar gets to see needs no host.
  if (hosts_ != nullptr && language != nullptr && text.size() <= limits.max_bytes) {
    auto blob = hosts_->parse(*language, text, blob_id, limits.max_bytes, cancel);
    if (blob) return std::move(*blob);
    if (cancel.cancelled()) return std::nullopt;
    // No host at all is a stated fallback; any other error keeps the text from our parser.
    if (blob.error().code != ErrorCode::unavailable) here.max_bytes = 0;
  }
  FileFactsPtr facts = extractor_.extract(language, text, cancel, here);
  if (facts == nullptr) return std::nullopt;
  return encode_blob(blob_id, *facts);
}

}  // namespace engramd::repoindex
