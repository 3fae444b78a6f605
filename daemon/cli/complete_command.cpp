// complete: one inline completion at a place, with its speed and its sources.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>

#include "daemon/cli/command.h"
#include "daemon/completion/completer.h"

namespace engramd::daemon::cli {
namespace {

using nlohmann::json;

struct CompleteCommand : CommonOptions {
  std::string at;
  size_t max_tokens = 48, max_lines = 6;
  bool memory_only = false, network_only = false;
};

Result<int> run_complete(const CompleteCommand& command) {
  if (command.memory_only && command.network_only)
    return fail(ErrorCode::invalid_input, "give one of --memory-only and --network-only");
  ENGRAMD_TRY(const Settings settings, settings_for(command));
  ENGRAMD_TRY(const ModelReference reference, model_for(settings, "complete"));
  if (reference.is_endpoint())
    return fail(ErrorCode::unsupported, "completions need a local .gguf file");
  ENGRAMD_TRY(const OpenedIndex opened, open_index(command, settings));
  ENGRAMD_TRY(const FilePosition where, parse_position(command.at, opened.view));
  engine::LoadOptions load;
  load.n_threads = static_cast<size_t>(settings.number("engine.threads"));
  ENGRAMD_TRY(const auto model, engine::Model::load(reference.file, load));
  CompleterOptions completer_options;
  completer_options.use_network = !command.memory_only;
  completer_options.use_memory = !command.network_only;
  if (settings.number("engine.speculation") == 0) completer_options.speculation = false;
  ENGRAMD_TRY(const auto completer, Completer::make(model, nullptr, completer_options));
  CompleteOptions options;
  options.max_tokens = command.max_tokens;
  options.max_lines = command.max_lines;
  options.trigger = CompletionTrigger::invoked;
  ENGRAMD_TRY(
      const Completion completion,
      completer->complete(opened.view, where.path, where.offset, options, interrupt_token()));
  if (command.json) {
    std::cout << json{{"text", completion.text},
                      {"replaced",
                       {{"begin", completion.replaced.begin}, {"end", completion.replaced.end}}},
                      {"confidence", completion.confidence},
                      {"withheld", completion.withheld},
                      {"tokens", completion.n_tokens},
                      {"tokens_per_s", completion.tokens_per_s},
                      {"from_memory", completion.from_memory},
                      {"prompt_tokens", completion.n_prompt_tokens},
                      {"prompt_s", completion.prompt_s},
                      {"total_s", completion.total_s},
                      {"stop_reason", completion.stop_reason}}
                     .dump(2, ' ', false, json::error_handler_t::replace)
              << '\n';
  } else {
    const std::string text = opened.view.text(where.path).value_or("");
    const size_t line = text.rfind('\n', where.offset == 0 ? 0 : where.offset - 1);
    const size_t begin = line == std::string::npos ? 0 : line + 1;
    const std::string left = begin < where.offset ? text.substr(begin, where.offset - begin) : "";
    const bool colour = ::isatty(STDOUT_FILENO) == 1;
    std::printf("%s%s%s%s\n", left.c_str(), colour ? "\033[36m" : "[", completion.text.c_str(),
                colour ? "\033[0m" : "]");
    std::fprintf(stderr,
                 "%zu tokens, %.0f tokens/s, confidence %.2f, %.0f %% first choices of the "
                 "repository memory, %zu prompt tokens, %.0f ms in all\n",
                 completion.n_tokens, completion.tokens_per_s, completion.confidence,
                 completion.from_memory * 100, completion.n_prompt_tokens,
                 completion.total_s * 1000);
  }
  return completion.text.empty() ? 1 : 0;
}

}  // namespace

Action define_complete(CLI::App& app) {
  auto options = std::make_shared<CompleteCommand>();
  add_repo_option(app, *options);
  add_model_option(app, *options);
  add_json_option(app, *options);
  app.add_option("--at", options->at, "FILE:LINE:COL of the cursor, counted from 1")->required();
  app.add_option("--max-tokens", options->max_tokens)->capture_default_str();
  app.add_option("--max-lines", options->max_lines)->capture_default_str();
  app.add_flag("--memory-only", options->memory_only, "without the network");
  app.add_flag("--network-only", options->network_only, "without the repository memory");
  return [options] { return run_complete(*options); };
}

}  // namespace engramd::daemon::cli
