// Which texts of a view a memory learns, and in what order.
#include <algorithm>

#include "repoindex/memory/memory.h"
#include "repoindex/query/imported.h"
#include "repoindex/query/project/paths.h"
#include "repoindex/search/secrets.h"

namespace engramd::repoindex {
namespace {

constexpr size_t kMaxTextBytes = 1u << 20;
constexpr size_t kMinTextBytesForLineCheck = 4096;
constexpr size_t kMaxMeanLineBytes = 250;  // minified or generated

// Nearest first: 0 the file itself and unsaved buffers, 1 what it imports, 2 its folder, 3 its
// language, 4 other code, 5 plain text.
struct Ranked {
  int tier = 0;
  size_t shared = 0;  // leading folders in common with the file
  const std::string* path = nullptr;
};

std::vector<Ranked> nearest_first(const View& view, const std::string& near,
                                  const std::vector<std::string>& paths) {
  const FileFactsPtr near_facts = view.facts(near);
  std::vector<std::string> imported;
  if (near_facts) imported = imported_files(view, near, *near_facts);
  std::vector<Ranked> ranked;
  ranked.reserve(paths.size());
  for (const std::string& path : paths) {
    if (is_secret_path(path)) continue;
    const FileFactsPtr facts = view.facts(path);
    if (!facts || facts->n_bytes == 0 || facts->n_bytes > kMaxTextBytes) continue;
    Ranked item;
    item.path = &path;
    item.shared = shared_folders(path, near);
    const bool open = view.overlay && view.overlay->count(path) > 0;
    if (path == near || open)
      item.tier = 0;
    else if (std::find(imported.begin(), imported.end(), path) != imported.end())
      item.tier = 1;
    else if (!near.empty() && parent_path(path) == parent_path(near) && !facts->language.empty())
      item.tier = 2;
    else if (near_facts && facts->language == near_facts->language && !facts->language.empty())
      item.tier = 3;
    else
      item.tier = facts->language.empty() || facts->language == "json" ? 5 : 4;
    ranked.push_back(item);
  }
  // The paths came sorted, so equal keys keep a fixed order.
  std::stable_sort(ranked.begin(), ranked.end(), [](const Ranked& a, const Ranked& b) {
    return a.tier != b.tier ? a.tier < b.tier : a.shared > b.shared;
  });
  return ranked;
}

bool worth_learning(std::string_view text) {
  if (text.size() > kMaxTextBytes) return false;
  if (text.size() < kMinTextBytesForLineCheck) return true;
  const size_t lines = 1 + static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
  return text.size() / lines <= kMaxMeanLineBytes;
}

// A secret line ends one run of tokens and begins another: nothing is learnt across it.
std::vector<TokenId> encode_without_secrets(std::string_view text, const TokenEncoder& encoder) {
  const std::vector<ByteRange> secrets = secret_lines(text);
  if (secrets.empty()) return encoder(text);
  std::vector<TokenId> tokens;
  size_t from = 0;
  auto take = [&](size_t end) {
    if (end > from) {
      const std::vector<TokenId> piece = encoder(text.substr(from, end - from));
      tokens.insert(tokens.end(), piece.begin(), piece.end());
    }
    tokens.push_back(-1);  // a separator
  };
  for (const ByteRange& secret : secrets) {
    take(secret.begin);
    from = secret.end;
  }
  take(text.size());
  return tokens;
}

}  // namespace

Result<std::shared_ptr<const RepositoryMemory>> RepositoryMemory::build(
    const View& view, const std::string& near, const TokenEncoder& encoder,
    const MemoryOptions& options, const CancelToken& cancel, TokenCache* cache) {
  const std::vector<std::string> paths = view.paths();
  const TokenEncoder encode = [&](std::string_view text) {
    return encode_without_secrets(text, encoder);
  };
  std::vector<std::pair<std::string, std::vector<TokenId>>> documents;
  size_t n = 0;
  for (const Ranked& item : nearest_first(view, near, paths)) {
    ENGRAMD_CHECK(cancel.check());
    if (n >= options.max_tokens) break;
    const std::optional<std::string> text = view.text(*item.path);
    if (!text || !worth_learning(*text)) continue;
    std::vector<TokenId> tokens = cache ? *cache->get(*text, encode) : encode(*text);
    n += tokens.size();
    documents.emplace_back(*item.path, std::move(tokens));
  }
  return from_documents(documents, options, cancel);
}

}  // namespace engramd::repoindex
