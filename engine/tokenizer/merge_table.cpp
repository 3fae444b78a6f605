#include "engine/tokenizer/merge_table.h"

#include <algorithm>
#include <bit>
#include <queue>
#include <tuple>

namespace engramd::engine::tokenizer {
namespace {

constexpr size_t kShortWord = 48;  // bytes; a heap pays above that
constexpr uint64_t kGoldenRatio = 0x9E3779B97F4A7C15u;

}  // namespace

MergeTable::MergeTable(size_t n_merges)
    : byte_pairs_(256 * 256), entries_(std::bit_ceil(std::max<size_t>(2 * n_merges, 2))) {
  shift_ = 64 - std::countr_zero(entries_.size());
}

bool MergeTable::add(TokenId left, TokenId right, TokenId joined, uint32_t rank) {
  const uint64_t pair = pair_of(left, right);
  for (size_t i = (pair * kGoldenRatio) >> shift_;; i = (i + 1) & (entries_.size() - 1)) {
    if (entries_[i].pair == pair) return false;
    if (entries_[i].pair != kEmpty) continue;
    const auto a = byte_of_token_.find(left), b = byte_of_token_.find(right);
    if (a != byte_of_token_.end() && b != byte_of_token_.end())
      byte_pairs_[static_cast<size_t>(a->second) << 8 | b->second] = {rank, joined};
    entries_[i] = {pair, rank, joined};
    return true;
  }
}

MergeTable::Merge MergeTable::find(TokenId left, TokenId right) const {
  const uint64_t pair = pair_of(left, right);
  for (size_t i = (pair * kGoldenRatio) >> shift_;; i = (i + 1) & (entries_.size() - 1)) {
    if (entries_[i].pair == pair) return {entries_[i].rank, entries_[i].joined};
    if (entries_[i].pair == kEmpty) return {};
  }
}

void MergeTable::merge(std::string_view word, std::vector<TokenId>& out) const {
  if (word.size() <= kShortWord)
    merge_short(word, out);
  else
    merge_long(word, out);
}

void MergeTable::merge_short(std::string_view word, std::vector<TokenId>& out) const {
  std::array<TokenId, kShortWord> token;
  std::array<uint32_t, kShortWord> rank;  // of the merge of i with i + 1
  std::array<TokenId, kShortWord> joined;
  size_t n = word.size();
  for (size_t i = 0; i < n; ++i) token[i] = byte_token_[static_cast<unsigned char>(word[i])];
  const auto set = [&](size_t i, Merge merge) {
    rank[i] = merge.rank;
    joined[i] = merge.joined;
  };
  const auto look_up = [&](size_t i) { set(i, find(token[i], token[i + 1])); };
  for (size_t i = 0; i + 1 < n; ++i) set(i, find_bytes(word[i], word[i + 1]));
  while (n > 1) {
    size_t best = 0;
    for (size_t i = 1; i + 1 < n; ++i)
      if (rank[i] < rank[best]) best = i;
    if (rank[best] == kNoRank) break;
    token[best] = joined[best];
    for (size_t i = best + 1; i + 1 < n; ++i) {
      token[i] = token[i + 1];
      rank[i] = rank[i + 1];
      joined[i] = joined[i + 1];
    }
    --n;
    if (best + 1 < n) look_up(best);
    if (best > 0) look_up(best - 1);
  }
  out.insert(out.end(), token.begin(), token.begin() + static_cast<std::ptrdiff_t>(n));
}

void MergeTable::merge_long(std::string_view word, std::vector<TokenId>& out) const {
  struct Part {
    TokenId token;
    size_t previous, next;  // indices of living neighbours; npos at the ends
  };
  constexpr size_t kEnd = static_cast<size_t>(-1);
  // A heap entry is stale when one of its two tokens has changed since.
  struct Waiting {
    uint32_t rank;
    size_t left;
    TokenId left_token, right_token, joined;
    bool operator>(const Waiting& other) const {
      return std::tie(rank, left) > std::tie(other.rank, other.left);
    }
  };
  std::vector<Part> parts(word.size());
  for (size_t i = 0; i < word.size(); ++i)
    parts[i] = {byte_token_[static_cast<unsigned char>(word[i])], i == 0 ? kEnd : i - 1,
                i + 1 == word.size() ? kEnd : i + 1};
  std::priority_queue<Waiting, std::vector<Waiting>, std::greater<>> waiting;
  const auto look_up = [&](size_t left) {
    if (left == kEnd || parts[left].next == kEnd) return;
    const TokenId a = parts[left].token, b = parts[parts[left].next].token;
    const Merge entry = find(a, b);
    if (entry.rank != kNoRank) waiting.push({entry.rank, left, a, b, entry.joined});
  };
  for (size_t i = 0; i + 1 < parts.size(); ++i)
    if (const Merge merge = find_bytes(word[i], word[i + 1]); merge.rank != kNoRank)
      waiting.push({merge.rank, i, parts[i].token, parts[i + 1].token, merge.joined});
  while (!waiting.empty()) {
    const Waiting merge = waiting.top();
    waiting.pop();
    Part& left = parts[merge.left];
    if (left.token != merge.left_token || left.next == kEnd) continue;
    Part& right = parts[left.next];
    if (right.token != merge.right_token) continue;
    left.token = merge.joined;
    right.token = -1;
    left.next = right.next;
    if (left.next != kEnd) parts[left.next].previous = merge.left;
    look_up(merge.left);
    look_up(left.previous);
  }
  for (size_t i = 0; i != kEnd; i = parts[i].next) out.push_back(parts[i].token);
}

}  // namespace engramd::engine::tokenizer
