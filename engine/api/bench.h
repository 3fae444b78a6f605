// engine/api/bench.h - how fast a model runs here: what `engramd bench` prints.
//
// Runs on the calling thread and the session's workers. Figures are worth something only on an
// otherwise idle machine; the caller repeats and takes the best or the median.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>

#include "base/cancel.h"
#include "base/result.h"
#include "engine/api/model.h"

namespace engramd::engine {

struct BenchOptions {
  LoadOptions load;
  size_t n_prompt = 512;  // 0: no prompt run
  size_t n_gen = 64;      // 0: no generation run
  size_t n_depth = 0;     // tokens already in the timeline before each run
};

struct BenchResult {
  ModelInfo model;
  size_t n_threads = 0;
  double first_token_s = 0;  // opening a session and one token through a cold model
  double prompt_s = 0, generate_s = 0;
  double prompt_cpu_s = 0, generate_cpu_s = 0;  // of all threads: tells a busy machine's share
  double prompt_tokens_per_s = 0, generate_tokens_per_s = 0;
  uint64_t session_bytes = 0;        // key-value cache and scratch
  uint64_t peak_resident_bytes = 0;  // of the process; mapped weights that were read count
};

Result<BenchResult> bench(const std::filesystem::path& model, const BenchOptions& options,
                          const CancelToken& cancel = {});

}  // namespace engramd::engine
