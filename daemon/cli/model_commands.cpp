// The engine by itself: tokenize, generate, logits, bench.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "daemon/cli/command.h"
#include "engine/api/model.h"
#include "engine/api/session.h"
#include "engine/api/tokenizer_file.h"

namespace engramd::daemon::cli {
namespace {

using nlohmann::json;

void print_json(const json& value) {
  std::cout << value.dump(2, ' ', false, json::error_handler_t::replace) << '\n';
}

Result<std::shared_ptr<const engine::Model>> load_model(const CommonOptions& common) {
  ENGRAMD_TRY(const Settings settings, settings_for(common));
  ENGRAMD_TRY(const ModelReference reference, model_for(settings, "complete"));
  if (reference.is_endpoint())
    return fail(
        ErrorCode::invalid_input,
        "this command runs the resident engine, expected a .gguf file and found an endpoint");
  engine::LoadOptions options;
  options.n_threads = static_cast<size_t>(settings.number("engine.threads"));
  return engine::Model::load(reference.file, options);
}

Result<std::string> text_of(const std::string& text, const std::string& file) {
  if (!text.empty() && !file.empty())
    return fail(ErrorCode::invalid_input, "give a text or --file, not both");
  if (file == "-") return std::string(std::istreambuf_iterator<char>(std::cin), {});
  if (!file.empty()) return read_file(file, 64u << 20);
  if (text.empty()) return fail(ErrorCode::invalid_input, "no text: give one, or --file FILE");
  return text;
}

struct GenerateCommand : CommonOptions {
  std::string text, file;
  size_t max_tokens = 64;
  float temperature = 0, top_p = 1;
  int top_k = 0;
  uint64_t seed = 0;
};

Result<int> run_generate(const GenerateCommand& options) {
  ENGRAMD_TRY(const std::string text, text_of(options.text, options.file));
  ENGRAMD_TRY(const auto model, load_model(options));
  const std::vector<engine::TokenId> prompt = model->tokenizer().encode(text);
  ENGRAMD_TRY(const auto session, model->open_session(prompt.size() + options.max_tokens + 1));
  engine::GenerateOptions generate;
  generate.max_tokens = options.max_tokens;
  generate.sample = {options.temperature, options.top_k, options.top_p, options.seed};
  if (!options.json)
    generate.on_text = [](std::string_view piece) {
      std::fwrite(piece.data(), 1, piece.size(), stdout);
      std::fflush(stdout);
    };
  ENGRAMD_TRY(const engine::GenerateResult result,
              session->generate(prompt, generate, interrupt_token()));
  const double speed =
      result.generate_s > 0 ? static_cast<double>(result.tokens.size()) / result.generate_s : 0;
  if (options.json)
    print_json({{"text", result.text},
                {"tokens", result.tokens},
                {"stop_reason", result.stop_reason},
                {"prompt_tokens", prompt.size()},
                {"prompt_s", result.prompt_s},
                {"generate_s", result.generate_s},
                {"tokens_per_s", speed}});
  else
    std::fprintf(stderr, "\n[%zu tokens, %.1f tokens/s, stopped by %s]\n", result.tokens.size(),
                 speed, result.stop_reason.c_str());
  return 0;
}

Result<int> run_logits(const CommonOptions& common, const std::string& tokens_file,
                       const std::string& out) {
  ENGRAMD_TRY(const std::string text, read_file(tokens_file, 64u << 20));
  const json parsed = json::parse(text, nullptr, false);
  std::vector<engine::TokenId> tokens;
  if (!parsed.is_array())
    return fail(ErrorCode::invalid_input, tokens_file + " is not a JSON list of token ids");
  ENGRAMD_TRY(const auto model, load_model(common));
  for (const json& item : parsed) {
    const int64_t id = item.is_number_integer() ? item.get<int64_t>() : -1;
    if (id < 0 || id >= static_cast<int64_t>(model->info().n_vocab))
      return fail(ErrorCode::invalid_input, tokens_file + ": " + item.dump() +
                                                " is not a token id below " +
                                                std::to_string(model->info().n_vocab));
    tokens.push_back(static_cast<engine::TokenId>(id));
  }
  ENGRAMD_TRY(const auto session, model->open_session(tokens.size() + 1));
  ENGRAMD_TRY(const std::vector<float> rows, session->all_logits(tokens, interrupt_token()));
  ENGRAMD_CHECK(write_file_atomic(
      out, {reinterpret_cast<const char*>(rows.data()), rows.size() * sizeof(float)}));
  std::fprintf(stderr, "%zu rows of %zu float32 in %s\n", tokens.size(), model->info().n_vocab,
               out.c_str());
  return 0;
}

struct BenchCommand : CommonOptions {
  size_t n_prompt = 256, n_gen = 64, repeat = 3;
};

struct BenchRun {
  double prompt_tokens_per_s = 0, generation_tokens_per_s = 0;
};

Result<BenchRun> bench_once(const engine::Model& model, const BenchCommand& options) {
  ENGRAMD_TRY(const auto session, model.open_session(options.n_prompt + options.n_gen + 1));
  std::vector<engine::TokenId> tokens(options.n_prompt);
  // A fixed walk over the vocabulary: different experts, the same in every run.
  const size_t n_vocab = model.info().n_vocab;
  for (size_t i = 0; i < tokens.size(); ++i)
    tokens[i] = static_cast<engine::TokenId>((i * 7919 + 13) % n_vocab);
  const CancelToken cancel = interrupt_token();
  Clock::time_point start = Clock::now();
  ENGRAMD_CHECK(session->sync(tokens, cancel));
  BenchRun run;
  const auto seconds = [&] { return std::chrono::duration<double>(Clock::now() - start).count(); };
  run.prompt_tokens_per_s = static_cast<double>(options.n_prompt) / seconds();
  start = Clock::now();
  for (size_t i = 0; i < options.n_gen; ++i)
    ENGRAMD_CHECK(
        session->append(static_cast<engine::TokenId>((i * 104729 + 7) % n_vocab), cancel));
  run.generation_tokens_per_s = static_cast<double>(options.n_gen) / seconds();
  return run;
}

Result<int> run_bench(const BenchCommand& options) {
  if (options.n_prompt == 0 || options.n_gen == 0 || options.repeat == 0)
    return fail(ErrorCode::invalid_input, "--prompt, --gen and --repeat must be at least 1");
  ENGRAMD_TRY(const auto model, load_model(options));
  std::vector<BenchRun> runs;
  for (size_t i = 0; i < options.repeat; ++i) {
    ENGRAMD_TRY(const BenchRun run, bench_once(*model, options));
    runs.push_back(run);
  }
  const auto median = [&](double BenchRun::*field) {
    std::vector<double> values;
    for (const BenchRun& run : runs) values.push_back(run.*field);
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
  };
  const engine::ModelInfo& info = model->info();
  const double prompt = median(&BenchRun::prompt_tokens_per_s);
  const double generation = median(&BenchRun::generation_tokens_per_s);
  if (options.json)
    print_json({{"architecture", info.architecture},
                {"file_bytes", info.file_bytes},
                {"parameters", info.n_parameters},
                {"active_parameters", info.n_active_parameters},
                {"kernels", info.kernels},
                {"load_s", info.load_s},
                {"n_prompt", options.n_prompt},
                {"n_gen", options.n_gen},
                {"repeat", options.repeat},
                {"prompt_tokens_per_s", prompt},
                {"generation_tokens_per_s", generation}});
  else
    std::printf(
        "%s, %s, %s kernels, loaded in %.2f s\nprompt %zu: %.1f tokens/s\n"
        "generation %zu: %.1f tokens/s (medians of %zu)\n",
        info.architecture.c_str(), human_bytes(info.file_bytes).c_str(), info.kernels.c_str(),
        info.load_s, options.n_prompt, prompt, options.n_gen, generation, options.repeat);
  return 0;
}

}  // namespace

Action define_tokenize(CLI::App& app) {
  struct Options : CommonOptions {
    std::string text, file;
    bool specials = false;
  };
  auto options = std::make_shared<Options>();
  app.add_option("text", options->text, "the text");
  app.add_option("--file", options->file, "read it from a file; - for standard input");
  app.add_flag("--specials", options->specials, "recognise the spelling of special tokens");
  add_model_option(app, *options);
  return [options]() -> Result<int> {
    ENGRAMD_TRY(const std::string text, text_of(options->text, options->file));
    ENGRAMD_TRY(const Settings settings, settings_for(*options));
    ENGRAMD_TRY(const ModelReference reference, model_for(settings, "complete"));
    if (reference.is_endpoint())
      return fail(ErrorCode::invalid_input,
                  "tokens need a file, a .gguf or a tokenizer.json, and this is an endpoint");
    ENGRAMD_TRY(const auto tokenizer, engine::load_tokenizer(reference.file));
    std::cout << json(options->specials ? tokenizer->encode_with_specials(text)
                                        : tokenizer->encode(text))
                     .dump()
              << '\n';
    return 0;
  };
}

Action define_generate(CLI::App& app) {
  auto options = std::make_shared<GenerateCommand>();
  app.add_option("text", options->text, "the prompt");
  app.add_option("--file", options->file, "read it from a file; - for standard input");
  app.add_option("--max-tokens", options->max_tokens)->capture_default_str();
  app.add_option("--temperature", options->temperature, "0: greedy")->capture_default_str();
  app.add_option("--top-k", options->top_k, "0: off")->capture_default_str();
  app.add_option("--top-p", options->top_p)->capture_default_str();
  app.add_option("--seed", options->seed)->capture_default_str();
  add_model_option(app, *options);
  add_json_option(app, *options);
  return [options] { return run_generate(*options); };
}

Action define_logits(CLI::App& app) {
  struct Options : CommonOptions {
    std::string tokens, out;
  };
  auto options = std::make_shared<Options>();
  app.add_option("--tokens", options->tokens, "file with a JSON list of token ids")->required();
  app.add_option("--out", options->out, "float32 rows, one per token")->required();
  add_model_option(app, *options);
  return [options] { return run_logits(*options, options->tokens, options->out); };
}

Action define_bench(CLI::App& app) {
  auto options = std::make_shared<BenchCommand>();
  app.add_option("--prompt", options->n_prompt, "prompt tokens")->capture_default_str();
  app.add_option("--gen", options->n_gen, "generated tokens")->capture_default_str();
  app.add_option("--repeat", options->repeat, "runs; medians are printed")->capture_default_str();
  add_model_option(app, *options);
  add_json_option(app, *options);
  return [options] { return run_bench(*options); };
}

}  // namespace engramd::daemon::cli
