#include "daemon/completion/completion_totals.h"

#include <nlohmann/json.hpp>

namespace engramd::daemon {

void CompletionTotals::Sums::add(const Completion& completion) {
  ++n;
  n_prompt += completion.n_prompt_tokens;
  n_reused += completion.n_prompt_reused;
  n_generated += completion.n_tokens;
  n_from_network += completion.from_network;
  learn_s += completion.learn_s;
  memory_s += completion.memory_s;
  window_s += completion.window_s;
  prompt_s += completion.prompt_s;
  decode_s += completion.decode_s;
  total_s += completion.total_s;
}

void CompletionTotals::add(const Completion& completion) {
  std::lock_guard lock(mutex_);
  all_.add(completion);
  last_ = {};
  last_.add(completion);
}

std::string CompletionTotals::json() const {
  const auto fields = [](const Sums& sums) {
    return nlohmann::json{{"requests", sums.n},
                          {"from_network", sums.n_from_network},
                          {"prompt_tokens", sums.n_prompt},
                          {"prompt_reused", sums.n_reused},
                          {"generated_tokens", sums.n_generated},
                          {"ms",
                           {{"learn", sums.learn_s * 1e3},
                            {"memory", sums.memory_s * 1e3},
                            {"window", sums.window_s * 1e3},
                            {"prompt", sums.prompt_s * 1e3},
                            {"decode", sums.decode_s * 1e3},
                            {"total", sums.total_s * 1e3}}}};
  };
  std::lock_guard lock(mutex_);
  nlohmann::json all = fields(all_);
  all["last"] = fields(last_);
  return all.dump();
}

}  // namespace engramd::daemon
