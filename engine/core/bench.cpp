#include "engine/api/bench.h"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>

#include "base/thread_pool.h"
#include "engine/api/session.h"

namespace engramd::engine {
namespace {

double process_cpu_s() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) { return double(t.tv_sec) + double(t.tv_usec) * 1e-6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

class Stopwatch {
 public:
  double cpu_seconds() const { return process_cpu_s() - cpu_begin_; }
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  double cpu_begin_ = process_cpu_s();
};

// The same tokens each time, spread over the vocabulary so that the routers see variety.
std::vector<TokenId> spread_tokens(size_t n, size_t n_vocab, uint64_t state) {
  std::vector<TokenId> out(n);
  for (TokenId& token : out) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    token = TokenId((state >> 33) % n_vocab);
  }
  return out;
}

}  // namespace

Result<BenchResult> bench(const std::filesystem::path& path, const BenchOptions& options,
                          const CancelToken& cancel) {
  ENGRAMD_TRY(const auto model, Model::load(path, options.load));
  BenchResult result;
  result.model = model->info();
  result.n_threads = options.load.n_threads == 0 ? hardware_threads() : options.load.n_threads;
  const size_t n_vocab = model->info().n_vocab;
  const Stopwatch first;
  ENGRAMD_TRY(auto session,
              model->open_session(options.n_depth + std::max(options.n_prompt, options.n_gen) + 1));
  ENGRAMD_CHECK(session->sync(spread_tokens(1, n_vocab, 1), cancel));
  result.first_token_s = first.seconds();

  const std::vector<TokenId> depth = spread_tokens(options.n_depth, n_vocab, 2);
  if (options.n_prompt > 0) {
    // Once for the caches, the scratch and the page tables, once for the clock.
    const size_t warm = std::min<size_t>(options.n_prompt, 64);
    ENGRAMD_CHECK(session->sync(spread_tokens(warm, n_vocab, 4), cancel));
    ENGRAMD_CHECK(session->sync(depth, cancel));
    std::vector<TokenId> tokens = depth;
    const auto prompt = spread_tokens(options.n_prompt, n_vocab, 3);
    tokens.insert(tokens.end(), prompt.begin(), prompt.end());
    const Stopwatch clock;
    ENGRAMD_CHECK(session->sync(tokens, cancel));
    result.prompt_s = clock.seconds();
    result.prompt_cpu_s = clock.cpu_seconds();
    result.prompt_tokens_per_s = double(options.n_prompt) / result.prompt_s;
  }
  if (options.n_gen > 0) {
    ENGRAMD_CHECK(session->sync(depth, cancel));
    const auto tokens = spread_tokens(options.n_gen, n_vocab, 5);
    ENGRAMD_CHECK(session->append(tokens[0], cancel));  // warm, not timed
    const Stopwatch clock;
    for (size_t i = 1; i < tokens.size(); ++i) ENGRAMD_CHECK(session->append(tokens[i], cancel));
    result.generate_s = clock.seconds();
    result.generate_cpu_s = clock.cpu_seconds();
    result.generate_tokens_per_s =
        result.generate_s > 0 ? double(tokens.size() - 1) / result.generate_s : 0;
  }
  result.session_bytes = session->memory_bytes();
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  result.peak_resident_bytes = uint64_t(usage.ru_maxrss) * 1024;
  return result;
}

}  // namespace engramd::engine
