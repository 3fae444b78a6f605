// tests/bench/engine_bench.cpp - one line of JSON per run, with the field names that the usual
// open benches print, so that one driver runs both side by side.
//
//   engine_bench MODEL [-p 512] [-n 64] [-d 0] [-t 0] [-r 3] [--kernels NAME]
//   engine_bench --kernel-table [REPEATS [TYPE]]   the matmul kernels, CPU time of one thread
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <iterator>
#include <string>
#include <vector>

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

// Of this thread: other programs on the machine do not count, though they cost cache.
double thread_cpu_s() {
  timespec t{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return double(t.tv_sec) + double(t.tv_nsec) * 1e-9;
}

// The matmul kernels of every type, fewer columns as in decoding and more as in reading a prompt.
int kernel_table(int repeats, const std::string& only) {
  using namespace engramd::engine;
  std::vector<quant::Type> types(std::begin(test::kFloatTypes), std::end(test::kFloatTypes));
  types.insert(types.end(), std::begin(test::kTypesOf32), std::end(test::kTypesOf32));
  types.insert(types.end(), std::begin(test::kTypesOf256), std::end(test::kTypesOf256));
  for (const quant::Type type : types)
    for (const size_t columns : {0, 1, 2, 3, 8, 32, 256}) {
      if (!only.empty() && quant::info(type).name != only) continue;
      // 0 columns stand for one column and weights that no cache holds.
      const test::MatmulCase c{type, size_t(columns == 0 ? 65536 : 768), 2048,
                               std::max<size_t>(columns, 1), 0};
      const test::MatmulData data(c);
      for (const cpu::Kernels* kernels : cpu::usable_kernels()) {
        if (kernels->name == "reference") continue;
        const auto activations = data.activations(*kernels);
        double best = 1e9;
        for (int i = 0; i < repeats; ++i) {
          const double begin = thread_cpu_s();
          data.run(*kernels, activations, c.n_columns);
          best = std::min(best, thread_cpu_s() - begin);
        }
        std::printf("%-6s %5zu x %zu x %3zu %-7s %7.1f GMAC/s %6.1f GB/s\n",
                    std::string(quant::info(c.type).name).c_str(), c.rows, c.n, c.n_columns,
                    std::string(kernels->name).c_str(),
                    double(c.rows) * double(c.n) * double(c.n_columns) / best / 1e9,
                    double(c.rows) * double(data.row_bytes()) / best / 1e9);
      }
    }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::string(argv[1]) == "--kernel-table")
    return kernel_table(argc > 2 ? std::atoi(argv[2]) : 20, argc > 3 ? argv[3] : "");
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
