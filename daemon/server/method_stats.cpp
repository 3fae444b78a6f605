#include "daemon/server/method_stats.h"

#include <algorithm>
#include <cmath>

namespace engramd::daemon {

void MethodStats::add(std::string_view method, std::chrono::nanoseconds took, bool ok) {
  const double us = std::max(1.0, static_cast<double>(took.count()) / 1000.0);
  const size_t bucket = std::min(kBuckets - 1, static_cast<size_t>(std::log2(us) * 4));
  std::lock_guard lock(mutex_);
  auto at = counts_.find(method);
  if (at == counts_.end())
    at = counts_.try_emplace(counts_.size() < kMaxMethods ? std::string(method) : "other").first;
  Counts& counts = at->second;
  ++counts.n;
  if (!ok) ++counts.n_failed;
  ++counts.buckets[bucket];
  counts.longest = std::max(counts.longest, took);
}

double MethodStats::percentile_ms(const Counts& counts, double fraction) {
  const auto wanted = static_cast<uint64_t>(std::ceil(fraction * static_cast<double>(counts.n)));
  uint64_t seen = 0;
  for (size_t i = 0; i < kBuckets; ++i) {
    seen += counts.buckets[i];
    // The middle of the bucket, in the logarithm.
    if (seen >= wanted) return std::exp2((static_cast<double>(i) + 0.5) / 4) / 1000.0;
  }
  return 0;
}

std::vector<MethodStats::Row> MethodStats::rows() const {
  std::lock_guard lock(mutex_);
  std::vector<Row> rows;
  for (const auto& [method, counts] : counts_) {
    const double max_ms = static_cast<double>(counts.longest.count()) / 1e6;
    rows.push_back({method, counts.n, counts.n_failed, std::min(max_ms, percentile_ms(counts, 0.5)),
                    std::min(max_ms, percentile_ms(counts, 0.99)), max_ms});
  }
  return rows;
}

}  // namespace engramd::daemon
