#include "agent/repair/proposals.h"

#include <algorithm>

#include "base/hash.h"

namespace engramd::agent {

void Proposals::replace_range(ByteRange range, std::string replacement, double cost,
                              std::string_view kind) {
  const std::string_view before = std::string_view(code_.text).substr(range.begin, range.size());
  const std::string_view after = replacement;
  // What a suspicious line costs less than an innocent one: about as much as a rare template.
  const double order = cost + 1.6 * (1 - suspicion_);
  if (before == after || order >= worst_) return;
  size_t head = 0;
  while (head < before.size() && head < after.size() && before[head] == after[head]) ++head;
  size_t tail = 0;
  while (tail < before.size() - head && tail < after.size() - head &&
         before[before.size() - 1 - tail] == after[after.size() - 1 - tail])
    ++tail;
  const std::string key = std::to_string(range.begin + head) + ":" +
                          std::to_string(range.end - tail) + ":" +
                          std::string(after.substr(head, after.size() - head - tail));
  const uint64_t hash = hash64(key);
  const auto [place, added] = seen_.try_emplace(hash, out_.size());
  if (!added) {
    Candidate& known = out_[place->second];
    if (order < known.order) {
      known.order = order;
      known.cost = cost;
      known.kind = kind;
    }
    return;
  }
  Candidate candidate;
  candidate.path = path_;
  candidate.line = code_.lines.position(range.begin).line;
  candidate.edit = {range, std::move(replacement)};
  candidate.kind = kind;
  candidate.cost = cost;
  candidate.suspicion = suspicion_;
  candidate.order = order;
  candidate.likelihood = -1;
  out_.push_back(std::move(candidate));
  keys_.push_back(hash);
  if (out_.size() >= cap_) drop_worse_half();
}

void Proposals::drop_worse_half() {
  std::vector<double> orders;
  orders.reserve(out_.size());
  for (const Candidate& candidate : out_) orders.push_back(candidate.order);
  const auto middle = orders.begin() + static_cast<long>(orders.size() / 2);
  std::nth_element(orders.begin(), middle, orders.end());
  worst_ = *middle;
  // Many cost the same: as many of those as there is room for.
  long n_alike =
      static_cast<long>(orders.size() / 2) -
      std::count_if(orders.begin(), middle, [&](double order) { return order < worst_; });
  std::vector<Candidate> kept;
  std::vector<uint64_t> kept_keys;
  seen_.clear();
  for (size_t i = 0; i < out_.size(); ++i) {
    if (out_[i].order > worst_ || (out_[i].order == worst_ && n_alike-- <= 0)) continue;
    seen_[keys_[i]] = kept.size();
    kept.push_back(std::move(out_[i]));
    kept_keys.push_back(keys_[i]);
  }
  out_ = std::move(kept);
  keys_ = std::move(kept_keys);
}

}  // namespace engramd::agent
