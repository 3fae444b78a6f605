// tests/bench/engine_bench.cpp - one line of JSON per run, with the field names that the usual
// open benches print, so that one driver runs both side by side.
//
//   engine_bench MODEL [-p 512] [-n 64] [-d 0] [-t 0] [-r 3] [--kernels NAME]
//   engine_bench --kernel-table [REPEATS]      the matmul kernels over the shapes of the tests
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "engine/api/bench.h"
#include "tests/engine/kernel_cases.h"

namespace {

void print_line(const engramd::engine::BenchResult& r, size_t n_prompt, size_t n_gen, size_t depth,
                double tokens_per_s, double cpu_s) {
  std::printf(
      "{\"n_prompt\": %zu, \"n_gen\": %zu, \"n_depth\": %zu, \"avg_ts\": %.2f, \"cpu_s\": %.3f, "
      "\"n_threads\": %zu, "
      "\"kernels\": \"%s\", \"model_type\": \"%s\", \"model_size\": %llu, \"load_s\": %.3f, "
      "\"first_token_s\": %.3f, \"session_bytes\": %llu, \"peak_resident_bytes\": %llu}\n",
      n_prompt, n_gen, depth, tokens_per_s, cpu_s, r.n_threads, r.model.kernels.c_str(),
      r.model.architecture.c_str(), static_cast<unsigned long long>(r.model.file_bytes),
      r.model.load_s, r.first_token_s, static_cast<unsigned long long>(r.session_bytes),
      static_cast<unsigned long long>(r.peak_resident_bytes));
  std::fflush(stdout);
}

int kernel_table(int repeats) {
  using namespace engramd::engine;
  for (const test::MatmulCase& c : test::matmul_cases()) {
    const test::MatmulData data(c);
    for (const cpu::Kernels* kernels : cpu::usable_kernels()) {
      const bool slow = kernels->name == "reference";
      double best = 1e9;
      for (int i = 0; i < (slow ? 1 : repeats); ++i) {
        const auto begin = std::chrono::steady_clock::now();
        data.run(*kernels, data.activations(*kernels), c.n_columns);
        best = std::min(
            best, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
      }
      std::printf("%-5s %5zu x %5zu x %3zu %-10s %8.2f GMAC/s\n",
                  std::string(quant::info(c.type).name).c_str(), c.rows, c.n, c.n_columns,
                  std::string(kernels->name).c_str(),
                  double(c.rows) * double(c.n) * double(c.n_columns) / best / 1e9);
    }
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::string(argv[1]) == "--kernel-table")
    return kernel_table(argc > 2 ? std::atoi(argv[2]) : 20);
  engramd::engine::BenchOptions options;
  std::string model;
  size_t repeats = 3;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name[0] != '-') {
      model = name;
      continue;
    }
    if (++i >= argc) break;
    const auto number = size_t(std::atoll(argv[i]));
    if (name == "-p") options.n_prompt = number;
    if (name == "-n") options.n_gen = number;
    if (name == "-d") options.n_depth = number;
    if (name == "-t") options.load.n_threads = number;
    if (name == "-r") repeats = number;
    if (name == "--kernels") options.load.kernels = argv[i];
  }
  if (model.empty()) {
    std::fprintf(stderr, "usage: engine_bench MODEL [-p N] [-n N] [-d N] [-t N] [-r N]\n");
    return 2;
  }
  for (size_t i = 0; i < repeats; ++i) {
    const auto result = engramd::engine::bench(model, options);
    if (!result) {
      std::fprintf(stderr, "engine_bench: %s\n", result.error().message.c_str());
      return engramd::exit_status(result.error().code);
    }
    if (options.n_prompt > 0)
      print_line(*result, options.n_prompt, 0, options.n_depth, result->prompt_tokens_per_s,
                 result->prompt_cpu_s);
    if (options.n_gen > 0)
      print_line(*result, 0, options.n_gen, options.n_depth, result->generate_tokens_per_s,
                 result->generate_cpu_s);
  }
  return 0;
}
