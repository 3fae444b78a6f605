#include "repoindex/memory/suffix_table.h"

#include <algorithm>
#include <map>
#include <string>

namespace engramd::repoindex {
namespace {

constexpr uint8_t kLongLength = 255;
constexpr size_t kMaxTokens = 1u << 31;
constexpr TokenId kMaxCountedToken = 1 << 22;  // vocabularies are smaller

// Indexes of tokens sorted by token id, separators first: a byte-pair radix sort, because ids can
// be anything an encoder returns.
std::vector<uint32_t> sorted_by_token(const std::vector<TokenId>& tokens) {
  const size_t n = tokens.size();
  std::vector<uint32_t> from(n), to(n);
  for (size_t i = 0; i < n; ++i) from[i] = static_cast<uint32_t>(i);
  const TokenId largest = *std::max_element(tokens.begin(), tokens.end());
  const uint64_t key_end = static_cast<uint64_t>(largest) + 2;
  constexpr int kDigitBits = 11;
  constexpr uint32_t kMask = (1u << kDigitBits) - 1;
  std::vector<uint32_t> heads(kMask + 2);
  for (int shift = 0; (key_end >> shift) != 0; shift += kDigitBits) {
    std::fill(heads.begin(), heads.end(), 0);
    auto digit = [&](uint32_t i) {
      return ((static_cast<uint32_t>(tokens[i]) + 1) >> shift) & kMask;
    };
    for (uint32_t i : from) ++heads[digit(i) + 1];
    for (size_t d = 1; d < heads.size(); ++d) heads[d] += heads[d - 1];
    for (uint32_t i : from) to[heads[digit(i)]++] = i;
    from.swap(to);
  }
  return from;
}

}  // namespace

PackedTokens::PackedTokens(const std::vector<TokenId>& tokens) {
  const bool fits = std::all_of(tokens.begin(), tokens.end(),
                                [](TokenId token) { return token < kNarrowSeparator; });
  if (fits) {
    narrow_.reserve(tokens.size());
    for (const TokenId token : tokens)
      narrow_.push_back(token < 0 ? kNarrowSeparator : static_cast<uint16_t>(token));
  } else {
    wide_ = tokens;
  }
}

// Prefix doubling on the reversed documents: after the round with step h the indexes are sorted by
// their last 2h tokens. Sorting by the second key is free (the last order, shifted by h), the
// first is one counting pass, so each round is linear and five of them give 32 tokens.
Result<SuffixTable> SuffixTable::build(std::vector<TokenId> tokens, size_t depth,
                                       const CancelToken& cancel) {
  SuffixTable table;
  if (tokens.empty()) return table;
  if (tokens.size() >= kMaxTokens) {
    return fail(ErrorCode::invalid_input, "a suffix table holds fewer than 2^31 tokens, got " +
                                              std::to_string(tokens.size()));
  }
  for (TokenId& token : tokens) token = std::max(token, kSeparator);
  if (tokens.front() != kSeparator) {
    return fail(ErrorCode::invalid_input, "a suffix table's tokens must begin with a separator");
  }
  ENGRAMD_CHECK(cancel.check());
  const size_t n = tokens.size();

  std::vector<uint32_t> sorted = sorted_by_token(tokens);
  // rank: where the group of equal keys starts in sorted. length: tokens since the separator.
  std::vector<uint32_t> rank(n), head(n);
  std::vector<uint8_t> length(n, 0);
  for (size_t i = 1; i < n; ++i) {
    if (tokens[i] != kSeparator) {
      length[i] =
          length[i - 1] == kLongLength ? kLongLength : static_cast<uint8_t>(length[i - 1] + 1);
    }
  }
  for (size_t s = 0, group = 0; s < n; ++s) {
    if (s > 0 && tokens[sorted[s]] != tokens[sorted[s - 1]]) group = s;
    rank[sorted[s]] = static_cast<uint32_t>(group);
  }

  std::vector<uint32_t> refined(n), new_rank(n);
  for (size_t step = 1; step < depth; step *= 2) {
    ENGRAMD_CHECK(cancel.check());
    for (size_t s = 0; s < n; ++s) head[s] = static_cast<uint32_t>(s);
    auto put = [&](uint32_t i) { refined[head[rank[i]]++] = i; };
    // Those whose document ends within step tokens come first in their group.
    for (uint32_t i = 0; i < n; ++i) {
      if (length[i] <= step) put(i);
    }
    for (uint32_t s : sorted) {
      const size_t i = s + step;
      if (i < n && length[i] > step) put(static_cast<uint32_t>(i));
    }
    auto second = [&](uint32_t i) { return length[i] > step ? rank[i - step] : 0; };
    uint32_t group = 0;
    uint32_t last_first = 0, last_second = 0;
    for (uint32_t s = 0; s < n; ++s) {
      const uint32_t i = refined[s];
      const uint32_t first = rank[i], tail = second(i);
      if (s > 0 && (first != last_first || tail != last_second)) group = s;
      new_rank[i] = group;
      last_first = first;
      last_second = tail;
    }
    sorted.swap(refined);
    rank.swap(new_rank);
  }
  ENGRAMD_CHECK(cancel.check());

  const size_t n_separators =
      static_cast<size_t>(std::count(tokens.begin(), tokens.end(), kSeparator));
  table.order_.reserve(n - n_separators);
  for (uint32_t i : sorted) {
    if (i + 1 < n && tokens[i + 1] != kSeparator) table.order_.push_back(i + 1);
  }
  table.index(tokens);
  return table;
}

Result<SuffixTable> SuffixTable::restore(std::vector<TokenId> tokens, std::vector<uint32_t> order) {
  SuffixTable table;
  if (tokens.empty() && order.empty()) return table;
  for (TokenId& token : tokens) token = std::max(token, kSeparator);
  const bool whole = !tokens.empty() && tokens.front() == kSeparator &&
                     order.size() == tokens.size() - static_cast<size_t>(std::count(
                                                         tokens.begin(), tokens.end(), kSeparator));
  if (!whole) return fail(ErrorCode::corrupt, "a suffix table's order does not fit its tokens");
  TokenId last = kSeparator;
  for (const uint32_t position : order) {
    if (position == 0 || position >= tokens.size() || tokens[position] == kSeparator ||
        tokens[position - 1] < last) {
      return fail(ErrorCode::corrupt, "a suffix table's order is not one of its tokens");
    }
    last = tokens[position - 1];
  }
  table.order_ = std::move(order);
  table.index(tokens);
  return table;
}

void SuffixTable::index(const std::vector<TokenId>& tokens) {
  const TokenId largest = tokens.empty() ? -1 : *std::max_element(tokens.begin(), tokens.end());
  auto take = [&](TokenId token, uint32_t count) {
    distinct_.push_back(token);
    count_.push_back(count);
  };
  if (largest < kMaxCountedToken) {
    std::vector<uint32_t> counts(static_cast<size_t>(largest) + 1);
    for (const TokenId token : tokens)
      if (token != kSeparator) ++counts[static_cast<size_t>(token)];
    for (TokenId token = 0; token <= largest; ++token) {
      if (const uint32_t count = counts[static_cast<size_t>(token)]) take(token, count);
    }
  } else {
    std::map<TokenId, uint32_t> counts;
    for (const TokenId token : tokens)
      if (token != kSeparator) ++counts[token];
    for (const auto& [token, count] : counts) take(token, count);
  }
  std::vector<TokenId> next;
  next.reserve(order_.size());
  size_t next_distinct = 0;
  for (uint32_t i = 0; i < order_.size(); ++i) {
    const TokenId before = tokens[order_[i] - 1];
    while (next_distinct < distinct_.size() && before >= distinct_[next_distinct]) {
      context_begin_.push_back(i);
      ++next_distinct;
    }
    next.push_back(tokens[order_[i]]);
  }
  context_begin_.resize(distinct_.size() + 1, static_cast<uint32_t>(order_.size()));
  next_ = PackedTokens(next);
  tokens_ = PackedTokens(tokens);
}

void SuffixTable::match(std::span<const TokenId> context, size_t max_length,
                        std::vector<Range>& ranges) const {
  ranges.clear();
  if (order_.empty()) return;
  ranges.push_back({0, static_cast<uint32_t>(order_.size())});
  max_length = std::min(max_length, context.size());
  if (max_length == 0) return;

  const auto found = std::lower_bound(distinct_.begin(), distinct_.end(), context.back());
  if (found == distinct_.end() || *found != context.back()) return;
  const size_t d = static_cast<size_t>(found - distinct_.begin());
  Range range{context_begin_[d], context_begin_[d + 1]};
  for (size_t k = 1; range.size() > 0; ++k) {
    ranges.push_back(range);
    if (k == max_length) return;
    // All of the range share k tokens, so order_[i] - 1 - k is in the array, because a separator
    // is before every document; only a damaged order has less.
    const TokenId wanted = context[context.size() - 1 - k];
    if (wanted < 0) return;
    auto token_at = [&](uint32_t position) {
      return position > k ? tokens_[position - 1 - k] : kSeparator;
    };
    const auto begin = order_.begin() + range.begin, end = order_.begin() + range.end;
    const auto lower = std::partition_point(
        begin, end, [&](uint32_t position) { return token_at(position) < wanted; });
    const auto upper = std::partition_point(
        lower, end, [&](uint32_t position) { return token_at(position) <= wanted; });
    range = {static_cast<uint32_t>(lower - order_.begin()),
             static_cast<uint32_t>(upper - order_.begin())};
  }
}

uint32_t SuffixTable::count(TokenId token) const {
  const auto found = std::lower_bound(distinct_.begin(), distinct_.end(), token);
  if (found == distinct_.end() || *found != token) return 0;
  return count_[static_cast<size_t>(found - distinct_.begin())];
}

size_t SuffixTable::n_bytes() const {
  return sizeof(*this) + tokens_.n_bytes() + order_.capacity() * 4 + next_.n_bytes() +
         distinct_.capacity() * sizeof(TokenId) + count_.capacity() * 4 +
         context_begin_.capacity() * 4;
}

}  // namespace engramd::repoindex
