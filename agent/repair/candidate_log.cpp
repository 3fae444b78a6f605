#include "agent/repair/candidate_log.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace engramd::agent {
namespace {

constexpr size_t kMaxLines = 20000;

}  // namespace

std::string candidate_log(const std::vector<Candidate>& candidates,
                          const std::vector<Trial>& trials) {
  using nlohmann::json;
  std::string out;
  for (size_t i = 0; i < std::min(candidates.size(), kMaxLines); ++i) {
    const Candidate& candidate = candidates[i];
    const json line = {
        {"path", candidate.path},
        {"begin", candidate.edit.range.begin},
        {"end", candidate.edit.range.end},
        {"text", candidate.edit.replacement},
        {"line", candidate.line + 1},
        {"kind", candidate.kind},
        {"cost", candidate.cost},
        {"suspicion", candidate.suspicion},
        {"order", candidate.order},
        {"likelihood", candidate.likelihood < 0 ? json() : json(candidate.likelihood)},
        {"trial", to_string(i < trials.size() ? trials[i] : Trial::untried)}};
    out += line.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
  }
  return out;
}

}  // namespace engramd::agent
