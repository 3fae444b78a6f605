// daemon/cli/finding.h - what `engramd doctor` says of one part of this machine. Plain data.
#pragma once

#include <string>

namespace engramd::daemon::cli {

enum class Verdict { good, weak, bad };  // weak: works with less; bad: something does not work

struct Finding {
  std::string part;
  Verdict verdict = Verdict::good;
  std::string text, remedy;
};

}  // namespace engramd::daemon::cli
