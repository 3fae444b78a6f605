// How fast text becomes tokens: MB a CPU second of one core, and what loading a tokenizer costs.
//
//   tokenizer_bench TOKENIZER FILE_OR_FOLDER... [--rounds N] [--max-mb N]
//   TOKENIZER: a .gguf, a tokenizer.json or a checkpoint folder
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <string>
#include <vector>

#include "base/file.h"
#include "engine/api/tokenizer_file.h"

using namespace engramd;

namespace {

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: tokenizer_bench TOKENIZER FILE... [--rounds N] [--max-mb N]\n");
    return 2;
  }
  int rounds = 5;
  double max_bytes = 20e6;
  std::vector<std::string> texts;
  std::vector<std::filesystem::path> files;
  for (int i = 2; i < argc; ++i) {
    if (std::strcmp(argv[i], "--rounds") == 0 && i + 1 < argc) {
      rounds = std::stoi(argv[++i]);
    } else if (std::strcmp(argv[i], "--max-mb") == 0 && i + 1 < argc) {
      max_bytes = std::stod(argv[++i]) * 1e6;
    } else if (std::filesystem::is_directory(argv[i])) {
      for (const auto& entry : std::filesystem::recursive_directory_iterator(argv[i]))
        if (entry.is_regular_file()) files.push_back(entry.path());
    } else {
      files.emplace_back(argv[i]);
    }
  }
  std::sort(files.begin(), files.end());
  double n_bytes = 0;
  for (const auto& file : files) {
    auto text = read_file(file, 4u << 20);
    // Binary files are no text.
    if (!text || text->find('\0') != std::string::npos || n_bytes >= max_bytes) continue;
    n_bytes += static_cast<double>(text->size());
    texts.push_back(*std::move(text));
  }

  const double load_start = cpu_seconds();
  const auto tokenizer = engine::load_tokenizer(argv[1]);
  if (!tokenizer) {
    std::fprintf(stderr, "tokenizer_bench: %s\n", tokenizer.error().message.c_str());
    return 1;
  }
  const double load_s = cpu_seconds() - load_start;
  double best = 0;
  size_t n_tokens = 0;
  for (int round = 0; round < rounds; ++round) {
    n_tokens = 0;
    const double start = cpu_seconds();
    for (const std::string& text : texts) n_tokens += (*tokenizer)->encode(text).size();
    const double s = cpu_seconds() - start;
    best = std::max(best, n_bytes / 1e6 / s);
  }
  std::printf(
      "%zu texts, %.2f MB, %zu tokens: %.1f MB/s (best of %d, CPU time), loaded in %.2f s\n",
      texts.size(), n_bytes / 1e6, n_tokens, best, rounds, load_s);
  return 0;
}
