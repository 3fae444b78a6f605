// language_bench FOLDER: facts per second of every language, over FOLDER/<language>.<extension>
// (tests/fixtures/languages), in MB of text per second of CPU time on one core.
#include <cstdio>
#include <ctime>

#include "base/file.h"
#include "repoindex/parse/extract.h"

using namespace engramd;
using namespace engramd::repoindex;

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: language_bench tests/fixtures/languages\n");
    return 2;
  }
  for (const Language* language : languages()) {
    std::string file = language->name + "." + std::string(language->extensions[0]);
    auto text = read_file(std::string(argv[1]) + "/" + file);
    if (!text) {
      std::fprintf(stderr, "language_bench: no corpus %s in %s\n", file.c_str(), argv[1]);
      return 1;
    }
    Extractor extractor;
    extractor.extract(language, *text);  // builds the row's tables
    const std::clock_t begin = std::clock();
    double n_bytes = 0, seconds = 0;
    while (seconds < 0.2) {
      extractor.extract(language, *text);
      n_bytes += static_cast<double>(text->size());
      seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
    }
    std::printf("%-12s %6.2f MB/s\n", language->name.c_str(), n_bytes / seconds / 1e6);
  }
  return 0;
}
