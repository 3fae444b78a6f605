// agent/loop/repetition.h - notices a model that goes round in circles.
//
// A step that repeats call, answer and state of the tree is no progress, however the calls between
// vary: A, B, A, B … is found as well as A, A, A. Times in an answer ("in 0.12s") do not make it
// another. One thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace engramd::agent {

class Repetition {
 public:
  explicit Repetition(int threshold) : threshold_(threshold) {}

  enum class Finding {
    none,
    nudge,  // the threshold was reached for the first time
    stuck,  // and once more after the nudge
  };
  Finding step(const std::string& tool, const std::string& arguments, const std::string& answer,
               const std::string& patch);

 private:
  const int threshold_;
  bool nudged_ = false;
  std::map<uint64_t, int> counts_;  // bounded by the number of steps
};

}  // namespace engramd::agent
