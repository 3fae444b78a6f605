#include "daemon/cli/chat_flags.h"

#include <CLI/CLI.hpp>

namespace engramd::daemon::cli {

void add_chat_flags(CLI::App& app, ChatModelOptions& options) {
  app.add_option("--temperature", options.temperature,
                 "0: always the likeliest; default: the endpoint's, 0.6 for a local file")
      ->check(CLI::Range(0.0, 2.0));
  app.add_option("--seed", options.seed, "of what is drawn at random; default 0 for a local file");
  app.add_option("--max-completion-tokens", options.max_completion_tokens,
                 "of one reply; default: the endpoint's, 4096 for a local file")
      ->check(CLI::Range(int64_t{1}, int64_t{1'000'000}));
  app.add_option("--context", options.context,
                 "a local file: tokens of the conversation; default: the model's")
      ->check(CLI::Range(size_t{64}, size_t{100'000'000}));
}

}  // namespace engramd::daemon::cli
