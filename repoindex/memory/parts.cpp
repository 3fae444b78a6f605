#include "repoindex/memory/parts.h"

#include <algorithm>

namespace engramd::repoindex {

constexpr TokenId kMaxSmallToken = 1 << 20;

void UnigramCounts::add(const SuffixTable& table) {
  for (const TokenId token : table.distinct()) {
    const uint32_t count = table.count(token);
    if (token < kMaxSmallToken) {
      if (small_.size() <= static_cast<size_t>(token))
        small_.resize(static_cast<size_t>(token) + 1);
      small_[static_cast<size_t>(token)] += count;
    } else {
      large_[token] += count;
    }
  }
  total_ += table.size();
}

void UnigramCounts::finish(size_t n_top) {
  std::vector<std::pair<uint64_t, TokenId>> all;
  for (size_t token = 0; token < small_.size(); ++token)
    if (small_[token] > 0) all.emplace_back(small_[token], static_cast<TokenId>(token));
  for (const auto& [token, count] : large_) all.emplace_back(count, token);
  n_distinct_ = all.size();
  n_top = std::min(n_top, all.size());
  std::partial_sort(all.begin(), all.begin() + static_cast<ptrdiff_t>(n_top), all.end(),
                    [](const auto& a, const auto& b) {
                      return a.first != b.first ? a.first > b.first : a.second < b.second;
                    });
  for (size_t i = 0; i < n_top; ++i) top_.push_back(all[i].second);
}

uint64_t UnigramCounts::count(TokenId token) const {
  if (token < 0) return 0;
  if (token < kMaxSmallToken)
    return static_cast<size_t>(token) < small_.size() ? small_[static_cast<size_t>(token)] : 0;
  const auto found = large_.find(token);
  return found == large_.end() ? 0 : found->second;
}

void MemoryParts::add(MemoryPiecePtr piece) {
  Part part;
  part.paths.resize(piece->documents().size());
  n_paths.emplace_back(piece->documents().size());
  unigrams.add(piece->table());
  part.piece = std::move(piece);
  parts.push_back(std::move(part));
}

void MemoryParts::set_path(uint32_t part, uint32_t document, const std::string& path) {
  std::string& first = parts[part].paths[document];
  if (n_paths[part][document]++ == 0) first = path;
  places[path] = {part, document};
}

void MemoryParts::seal() {
  constexpr size_t kTopUnigrams = 64;
  for (size_t p = 0; p < parts.size(); ++p) {
    Part& part = parts[p];
    const auto& documents = part.piece->documents();
    for (size_t d = 0; d < documents.size(); ++d) {
      if (n_paths[p][d] > 0) {
        part.n_live += documents[d].n_tokens();
      } else if (!part.hidden.empty() && part.hidden.back().second + 1 == documents[d].begin) {
        part.hidden.back().second = documents[d].end;  // the separator between is no token
      } else {
        part.hidden.emplace_back(documents[d].begin, documents[d].end);
      }
    }
  }
  unigrams.finish(kTopUnigrams);
}

size_t MemoryParts::n_tokens() const {
  size_t n = 0;
  for (const Part& part : parts) n += part.n_live;
  return n;
}

size_t MemoryParts::n_bytes() const {
  size_t n = 0;
  for (const Part& part : parts) {
    n += part.piece->n_bytes() + part.hidden.capacity() * sizeof(part.hidden[0]);
    for (const std::string& path : part.paths) n += sizeof path + path.capacity();
  }
  for (const auto& [path, place] : places) n += path.capacity() + 64;
  return n;
}

const MemoryPiece::Document* MemoryParts::only_copy(const std::string& path, uint32_t& part) const {
  const auto found = places.find(path);
  if (found == places.end() || n_paths[found->second.part][found->second.document] > 1)
    return nullptr;
  part = found->second.part;
  return &parts[part].piece->documents()[found->second.document];
}

}  // namespace engramd::repoindex
