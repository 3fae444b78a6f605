// daemon/server/method_stats.h - how often each method was asked and how long it took.
//
// Latencies go into buckets a quarter of a power of two wide (so a percentile is right to 19 %),
// a fixed 640 bytes a method; at most kMaxMethods methods, the rest are counted as "other".
// Any thread.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace engramd::daemon {

class MethodStats {
 public:
  struct Row {
    std::string method;
    uint64_t n = 0, n_failed = 0;
    double p50_ms = 0, p99_ms = 0, max_ms = 0;
  };
  void add(std::string_view method, std::chrono::nanoseconds took, bool ok);
  std::vector<Row> rows() const;  // by name

 private:
  static constexpr size_t kMaxMethods = 200;
  static constexpr size_t kBuckets = 140;  // from 1 us to 2^35 us
  struct Counts {
    uint64_t n = 0, n_failed = 0;
    std::chrono::nanoseconds longest{0};
    std::array<uint32_t, kBuckets> buckets{};
  };
  static double percentile_ms(const Counts& counts, double fraction);

  mutable std::mutex mutex_;  // guards counts_; replies come from every worker
  std::map<std::string, Counts, std::less<>> counts_;
};

}  // namespace engramd::daemon
