// tests/bench/memory_bench.cpp - what the repository memory costs: first build, restart, a save,
// an answer.
//
//   memory_bench TOKENIZER FOLDER [--saves N] [--max-tokens N]
//
// FOLDER is written to: a line is appended to N of its files (20), one after the other, and taken
// away again. The index is made first and not measured.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "base/file.h"
#include "engine/api/tokenizer_file.h"
#include "repoindex/index.h"
#include "repoindex/memory/store.h"
#include "repoindex/snapshot.h"
#include "tests/bench/bench_tokenizer.h"

using namespace engramd;
using namespace engramd::repoindex;

namespace {

double milliseconds_now() {
  return std::chrono::duration<double, std::milli>(Clock::now().time_since_epoch()).count();
}

class Times {
 public:
  template <class Work>
  auto measure(Work work) {
    const double start = milliseconds_now();
    auto result = work();
    values_.push_back(milliseconds_now() - start);
    return result;
  }
  void print(const char* name, double scale, const char* unit) {
    std::sort(values_.begin(), values_.end());
    auto at = [&](double share) {
      return values_.empty()
                 ? 0.0
                 : scale * values_[std::min(
                               values_.size() - 1,
                               static_cast<size_t>(share * static_cast<double>(values_.size())))];
    };
    std::printf("%-22s p50 %8.2f  p95 %8.2f  max %8.2f %s  (n=%zu)\n", name, at(0.5), at(0.95),
                at(1), unit, values_.size());
  }

 private:
  std::vector<double> values_;
};

void print_stats(const char* name, const MemoryStore& store, double ms) {
  const MemoryStoreStats stats = store.stats();
  const double n = static_cast<double>(std::max<size_t>(stats.n_tokens, 1));
  std::printf(
      "%-22s %8.0f ms: %zu tokens in %zu pieces, %zu dead, %zu blobs encoded, %.1f bytes/token in "
      "memory, %.1f on disk\n",
      name, ms, stats.n_tokens, stats.n_pieces, stats.n_dead_tokens, stats.n_encoded,
      static_cast<double>(store.memory()->n_bytes()) / n,
      static_cast<double>(stats.bytes_on_disk) / n);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: memory_bench TOKENIZER FOLDER [--saves N] [--max-tokens N]\n");
    return 2;
  }
  size_t n_saves = 20;
  MemoryStoreOptions options;
  for (int i = 3; i + 1 < argc; i += 2) {
    const std::string argument = argv[i];
    if (argument == "--saves") n_saves = std::strtoul(argv[i + 1], nullptr, 10);
    if (argument == "--max-tokens")
      options.memory.max_tokens = std::strtoul(argv[i + 1], nullptr, 10);
  }
  const auto tokenizer = bench::load_tokenizer(argv[1]);
  const auto folder = TemporaryFolder::make("memory-bench");
  if (!tokenizer || !folder) {
    std::fprintf(stderr, "%s\n", (!tokenizer ? tokenizer.error() : folder.error()).message.c_str());
    return 1;
  }
  options.folder = folder->path();
  options.tokenizer = "bench";
  const TokenEncoder encode = [&](std::string_view text) { return (*tokenizer)->encode(text); };
  const std::filesystem::path root = std::filesystem::canonical(argv[2]);
  IndexOptions index_options;
  index_options.cache_folder = folder->path();
  auto index = RepoIndex::open(root, index_options);
  if (!index || !(*index)->refresh()) {
    std::fprintf(stderr, "%s: cannot be indexed\n", argv[2]);
    return 1;
  }
  auto view = [&] { return View{(*index)->snapshot(), nullptr, nullptr}; };
  std::vector<FileEntry> files;
  (*index)->snapshot()->for_each_file([&](const FileEntry& file) {
    if (file.indexed && !(*index)->snapshot()->summary(file).language.empty() &&
        file.n_bytes > 2000 && file.n_bytes < 60000)
      files.push_back(file);
  });
  if (files.empty()) return 1;
  std::mt19937 random(1);
  std::shuffle(files.begin(), files.end(), random);
  const std::string near = files[0].path;

  {
    MemoryStore store(root, encode, options);
    const double start = milliseconds_now();
    if (!store.update(view(), near)) return 1;
    print_stats("first update", store, milliseconds_now() - start);
    const double tidy_start = milliseconds_now();
    while (*store.tidy()) {
    }
    print_stats("tidied", store, milliseconds_now() - tidy_start);
  }
  MemoryStore store(root, encode, options);
  const double start = milliseconds_now();
  if (!store.update(view(), near)) return 1;
  print_stats("restart", store, milliseconds_now() - start);

  Times updates, unchanged, merges;
  for (size_t s = 0; s < std::min(n_saves, files.size()); ++s) {
    const auto path = root / files[s].path;
    const std::string text = *read_file(path);
    if (!write_file_atomic(path, text + "\n# one line more\n")) return 1;
    const Status seen = (*index)->refresh_paths({files[s].path});
    if (seen) updates.measure([&] { return store.update(view(), near).has_value(); });
    unchanged.measure([&] { return store.update(view(), near).has_value(); });
    if (!write_file_atomic(path, text) || !(*index)->refresh_paths({files[s].path})) return 1;
    while (merges.measure([&] { return *store.tidy(); })) {
    }
  }
  print_stats("after the saves", store, 0);
  updates.print("update after a save", 1, "ms");
  unchanged.print("update, nothing new", 1, "ms");
  merges.print("one step of tidy", 1, "ms");

  Times recent_times, next_times, similar_times;
  const EndsLine ends_line = [&](TokenId token) {
    return (*tokenizer)->bytes(token).find('\n') != std::string_view::npos;
  };
  for (size_t f = 0; f < std::min<size_t>(files.size(), 100); ++f) {
    const std::vector<TokenId> tokens = encode(*read_file(root / files[f].path));
    for (int hole = 0; hole < 4; ++hole) {
      const size_t at = random() % tokens.size();
      const std::vector<TokenId> before(tokens.begin(),
                                        tokens.begin() + static_cast<ptrdiff_t>(at));
      const std::vector<TokenId> after(tokens.begin() + static_cast<ptrdiff_t>(at), tokens.end());
      const auto memory = recent_times.measure([&] {
        return store.memory()->with_recent({before, after}, files[f].path);
      });
      for (size_t i = 0; i < std::min<size_t>(8, after.size()); ++i) {
        const auto context = std::span(tokens).first(at + i);
        next_times.measure([&] { return memory->next(context); });
      }
      ExcerptQuestion question;
      const size_t n_before = std::min<size_t>(before.size(), 320),
                   n_after = std::min<size_t>(after.size(), 96);
      question.before = std::span(before).last(n_before);
      question.after = std::span(after).first(n_after);
      question.shown = {{"", 0, before.size() - n_before, before.size()}, {"", 1, 0, n_after}};
      question.ends_line = ends_line;
      similar_times.measure([&] { return memory->similar(question); });
    }
  }
  recent_times.print("with_recent", 1, "ms");
  next_times.print("next", 1000, "us");
  similar_times.print("similar", 1000, "us");
  return 0;
}
