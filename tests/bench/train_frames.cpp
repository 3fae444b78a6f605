// tests/bench/train_frames.cpp - makes the dictionaries that records are compressed with.
//
//   train_frames OUT_FOLDER FOLDER...   writes numbers.dict, texts.dict, places.dict, scopes.dict
//                                       from the files of these folders, the same for the same
//                                       files
//
// repoindex/store/dictionaries holds what the format uses: a change there is a change of the
// format. Train on repositories of many languages that no figure is reported for.
#define ZDICT_STATIC_LINKING_ONLY
#include <zdict.h>

#include <algorithm>
#include <cstdio>
#include <random>
#include <vector>

#include "base/file.h"
#include "repoindex/git/work_tree.h"
#include "repoindex/index.h"
#include "repoindex/store/record.h"

using namespace engramd;
using namespace engramd::repoindex;

namespace {

struct Kind {
  const char* name;
  std::string FactsParts::*bytes;
  size_t size;  // of the dictionary: bigger ones were tried and gained nothing
};
constexpr Kind kKinds[] = {{"numbers", &FactsParts::numbers, 4096},
                           {"texts", &FactsParts::prose, 65536},
                           {"places", &FactsParts::places, 4096},
                           {"scopes", &FactsParts::scopes, 4096}};
constexpr size_t kMaxSample = 16 << 10, kMaxAll = 24 << 20;

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: train_frames OUT_FOLDER FOLDER...\n");
    return 2;
  }
  std::vector<FactsParts> files;
  for (int i = 2; i < argc; ++i) {
    auto listing = WorkTree::open(argv[i], {}, {})->list({});
    if (!listing) {
      std::fprintf(stderr, "train_frames: %s\n", listing.error().message.c_str());
      return exit_status(listing.error().code);
    }
    for (const ListedFile& file : listing->files) {
      auto text = read_file(std::filesystem::path(argv[i]) / file.path, 1u << 20);
      if (!text || text->find('\0') < 8000 || language_of(file.path, *text).empty()) continue;
      FactsParts parts = split_facts(*extract_facts(file.path, *text));
      parts.names.clear();  // views into the facts
      files.push_back(std::move(parts));
    }
  }
  std::shuffle(files.begin(), files.end(), std::mt19937(3));
  for (const Kind& kind : kKinds) {
    std::string all;
    std::vector<size_t> sizes;
    for (const FactsParts& parts : files) {
      const std::string& bytes = parts.*kind.bytes;
      size_t n = std::min(bytes.size(), kMaxSample);
      if (n < 8) continue;
      if (all.size() + n > kMaxAll) break;
      all.append(bytes, 0, n);
      sizes.push_back(n);
    }
    std::string dictionary(kind.size, '\0');
    ZDICT_fastCover_params_t how{};
    how.k = 64;
    how.d = 6;
    how.f = 18;
    how.steps = 4;
    how.accel = 2;
    how.zParams.compressionLevel = 6;
    how.zParams.dictID = 1;
    size_t n =
        ZDICT_trainFromBuffer_fastCover(dictionary.data(), dictionary.size(), all.data(),
                                        sizes.data(), static_cast<unsigned>(sizes.size()), how);
    if (ZDICT_isError(n)) {
      std::fprintf(stderr, "train_frames: %s: %s\n", kind.name, ZDICT_getErrorName(n));
      return 1;
    }
    dictionary.resize(n);
    std::filesystem::path out = std::filesystem::path(argv[1]) / (std::string(kind.name) + ".dict");
    if (Status good = write_file_atomic(out, dictionary); !good) {
      std::fprintf(stderr, "train_frames: %s\n", good.error().message.c_str());
      return exit_status(good.error().code);
    }
    std::printf("%s: %zu samples, %zu bytes, dictionary %zu bytes\n", kind.name, sizes.size(),
                all.size(), n);
  }
  return 0;
}
