// A memory of a view, made from nothing.
#include "repoindex/memory/memory.h"
#include "repoindex/memory/nearest.h"

namespace engramd::repoindex {

Result<std::shared_ptr<const RepositoryMemory>> RepositoryMemory::build(
    const View& view, const std::string& near, const TokenEncoder& encoder,
    const MemoryOptions& options, const CancelToken& cancel, TokenCache* cache) {
  const TokenEncoder encode = [&](std::string_view text) {
    return encode_without_secrets(text, encoder);
  };
  std::vector<std::pair<std::string, std::vector<TokenId>>> documents;
  size_t n = 0;
  for (const NearFile& file : nearest_first(view, near)) {
    ENGRAMD_CHECK(cancel.check());
    if (n >= options.max_tokens) break;
    const std::optional<std::string> text = view.text(file.path);
    if (!text || !worth_learning(*text)) continue;
    std::vector<TokenId> tokens = cache ? *cache->get(*text, encode) : encode(*text);
    n += tokens.size();
    documents.emplace_back(file.path, std::move(tokens));
  }
  return from_documents(documents, options, cancel);
}

}  // namespace engramd::repoindex
