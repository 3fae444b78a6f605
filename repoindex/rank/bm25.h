// repoindex/rank/bm25.h - the two factors of BM25, with the usual constants. Any thread.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace engramd::repoindex {

constexpr double kBm25Saturation = 1.2, kBm25LengthNormalisation = 0.75;  // k1 and b

inline double inverse_document_frequency(size_t n_documents, size_t n_with_term) {
  const double n = static_cast<double>(n_documents), with = static_cast<double>(n_with_term);
  return std::log(1 + (n - with + 0.5) / (with + 0.5));
}

inline double saturated(double count, double length, double mean_length,
                        double length_normalisation = kBm25LengthNormalisation) {
  return count * (kBm25Saturation + 1) /
         (count + kBm25Saturation *
                      (1 - length_normalisation + length_normalisation * length / mean_length));
}

inline double mean_of(double total, size_t n) {
  return std::max(1.0, total / static_cast<double>(std::max<size_t>(n, 1)));
}

inline void scale_to_one(std::vector<double>& scores) {
  double largest = 0;
  for (double score : scores) largest = std::max(largest, score);
  if (largest <= 0) return;
  for (double& score : scores) score /= largest;
}

}  // namespace engramd::repoindex
