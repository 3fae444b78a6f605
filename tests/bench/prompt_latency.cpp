// tests/bench/prompt_latency.cpp - what one completion costs the engine: a prompt of which some
// tokens are reused, then a few generated ones, through the session API. Random tokens.
//
//   prompt_latency MODEL [-p 600] [-n 10] [-t 2] [-r 30]
//
// One line of JSON for each share that is reused (0: a new cursor; 0.9: typing on; and the whole
// prompt but its last token): wall time and CPU time of the process, both in milliseconds, p50 and
// p95 of the repetitions. On a busy machine the CPU time is what can be compared.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <random>
#include <string>
#include <vector>

#include "engine/api/session.h"

namespace {

using engramd::engine::TokenId;

double cpu_ms() {
  timespec t{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return double(t.tv_sec) * 1e3 + double(t.tv_nsec) * 1e-6;
}
double wall_ms() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double, std::milli>(now).count();
}
double percentile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1, size_t(share * double(values.size())))];
}

template <class T>
T take(engramd::Result<T> result) {
  if (result) return *std::move(result);
  std::fprintf(stderr, "prompt_latency: %s\n", result.error().message.c_str());
  std::exit(engramd::exit_status(result.error().code));
}

size_t resident_peak_kib() {
  size_t kib = 0;
  if (std::FILE* status = std::fopen("/proc/self/status", "r")) {
    char line[256];
    while (std::fgets(line, sizeof line, status) != nullptr)
      if (std::sscanf(line, "VmHWM: %zu", &kib) == 1) break;
    std::fclose(status);
  }
  return kib;
}

}  // namespace

int main(int argc, char** argv) {
  std::string path;
  size_t n_prompt = 600, n_gen = 10, repeats = 30;
  engramd::engine::LoadOptions load;
  load.n_threads = 2;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name[0] != '-') {
      path = name;
      continue;
    }
    if (++i >= argc) break;
    const auto number = size_t(std::atoll(argv[i]));
    if (name == "-p") n_prompt = number;
    if (name == "-n") n_gen = number;
    if (name == "-t") load.n_threads = number;
    if (name == "-r") repeats = number;
  }
  if (path.empty() || n_prompt < 20 || repeats == 0) {
    std::fprintf(stderr, "usage: prompt_latency MODEL [-p N] [-n N] [-t N] [-r N]\n");
    return 2;
  }
  const auto model = take(engramd::engine::Model::load(path, load));
  const auto session = take(model->open_session(n_prompt + n_gen + 1));
  std::mt19937 random(1);
  const auto draw = [&] { return TokenId(random() % (model->info().n_vocab - 16)); };
  std::vector<TokenId> prompt(n_prompt);
  for (TokenId& token : prompt) token = draw();
  for (const size_t kept : {size_t(0), n_prompt * 9 / 10, n_prompt - 1}) {
    std::vector<double> wall, cpu;
    size_t n_reused = 0;
    for (size_t r = 0; r < repeats + 2; ++r) {
      for (size_t i = kept; i < n_prompt; ++i) prompt[i] = draw();
      const double wall_before = wall_ms(), cpu_before = cpu_ms();
      n_reused = take(session->sync(prompt)).n_reused;
      for (size_t i = 0; i < n_gen; ++i) {
        const auto logits = session->logits();
        const auto best = std::max_element(logits.begin(), logits.end()) - logits.begin();
        if (const auto done = session->append(TokenId(best)); !done) {
          std::fprintf(stderr, "prompt_latency: %s\n", done.error().message.c_str());
          return 1;
        }
      }
      if (r < 2) continue;  // threads start, memory is taken
      wall.push_back(wall_ms() - wall_before);
      cpu.push_back(cpu_ms() - cpu_before);
    }
    std::printf(
        "{\"n_prompt\": %zu, \"n_reused\": %zu, \"n_gen\": %zu, \"n_threads\": %zu, "
        "\"wall_p50_ms\": %.1f, \"wall_p95_ms\": %.1f, \"cpu_p50_ms\": %.1f, \"cpu_p95_ms\": %.1f, "
        "\"session_bytes\": %zu, \"peak_resident_kib\": %zu}\n",
        n_prompt, n_reused, n_gen, load.n_threads, percentile(wall, 0.5), percentile(wall, 0.95),
        percentile(cpu, 0.5), percentile(cpu, 0.95), session->memory_bytes(), resident_peak_kib());
    std::fflush(stdout);
  }
  return 0;
}
