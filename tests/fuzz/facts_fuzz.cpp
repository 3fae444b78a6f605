// tests/fuzz/facts_fuzz.cpp - the extractors of all languages over damaged texts, for minutes.
//
//   facts_fuzz [--seed N] [--cpu-seconds N] [--language NAME] [--save FILE] FILES...
//
// FILES are sound texts to damage (tests/fixtures/languages/*); a file's language is its name's.
// Built with -DENGRAMD_BUILD_FUZZ=ON, best with the dev preset (ASan and UBSan). Every text is
// checked for the rules of mutate.h, and every fourth is also reached by edits of an open document,
// which must give the same facts. The text in work is in FILE before it is tried, so that a crash
// leaves it behind. Exit status 1 at the first broken rule or at a text that takes too long.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <map>

#include "base/file.h"
#include "repoindex/index.h"
#include "repoindex/languages/language.h"
#include "repoindex/parse/extract.h"
#include "tests/fuzz/mutate.h"

using namespace engramd;
using namespace engramd::repoindex;

namespace {

// 64 KB at most are tried; a sanitizer slows the walk tenfold.
constexpr double kTooLong_s = 20;

double cpu_s() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

struct Sound {
  std::string path, text;
  const Language* language;
};

// Reaches the text from a sound one by edits, publishing on the way.
FileFactsPtr by_edits(const Sound& from, const std::string& text, test::Mutator& mutator) {
  auto document = Document::open(from.path, from.text, 1, from.language->name);
  document->publish();
  size_t same = 0;
  while (same < std::min(from.text.size(), text.size()) && from.text[same] == text[same]) ++same;
  document->edit({same, from.text.size()}, std::string_view(text).substr(same));
  document->publish();
  // And a detour that leaves the text as it was.
  size_t at = mutator.below(text.size() + 1);
  document->edit({at, at}, "{ (");
  document->publish();
  document->edit({at, at + 3}, "");
  return document->publish().facts;
}

}  // namespace

int main(int argc, char** argv) {
  uint32_t seed = 1;
  double budget_s = 60;
  std::string only, save;
  std::vector<Sound> sounds;
  for (int i = 1; i < argc; ++i) {
    bool has_value = i + 1 < argc;
    if (std::strcmp(argv[i], "--seed") == 0 && has_value) {
      seed = static_cast<uint32_t>(std::strtoul(argv[++i], nullptr, 10));
    } else if (std::strcmp(argv[i], "--cpu-seconds") == 0 && has_value) {
      budget_s = std::strtod(argv[++i], nullptr);
    } else if (std::strcmp(argv[i], "--language") == 0 && has_value) {
      only = argv[++i];
    } else if (std::strcmp(argv[i], "--save") == 0 && has_value) {
      save = argv[++i];
    } else {
      auto text = read_file(argv[i]);
      if (!text) {
        std::fprintf(stderr, "facts_fuzz: %s\n", text.error().message.c_str());
        return exit_status(text.error().code);
      }
      const Language* language = language_for_path(argv[i], *text);
      if (language == nullptr || (!only.empty() && language->name != only)) continue;
      sounds.push_back({argv[i], std::move(*text), language});
    }
  }
  if (sounds.empty()) {
    std::fprintf(stderr,
                 "usage: facts_fuzz [--seed N] [--cpu-seconds N] [--language NAME] "
                 "[--save FILE] FILES...\n");
    return 2;
  }

  test::Mutator mutator(seed);
  Extractor extractor;
  std::map<std::string, size_t> n_texts;
  double longest_s = 0, end = cpu_s() + budget_s;
  size_t n = 0;
  while (cpu_s() < end) {
    const Sound& sound = sounds[n++ % sounds.size()];
    const Sound& other = sounds[mutator.below(sounds.size())];
    std::string text = mutator.mutated(sound.text, other.text);
    if (!save.empty()) (void)write_file_atomic(save, text);
    double begin = cpu_s();
    FileFactsPtr facts = extractor.extract(sound.language, text);
    std::string broken = test::broken_rule(*facts, text);
    if (broken.empty() && n % 4 == 0) {
      auto edited = by_edits(sound, text, mutator);
      if (encode_facts(*edited) != encode_facts(*facts)) broken = "edits give other facts";
    }
    double took = cpu_s() - begin;
    if (broken.empty() && took > kTooLong_s) broken = "it took " + std::to_string(took) + " s";
    longest_s = std::max(longest_s, took);
    ++n_texts[sound.language->name];
    if (!broken.empty()) {
      std::string file = save.empty() ? "facts-fuzz-failure" : save;
      (void)write_file_atomic(file, text);
      std::printf("%s, text %zu of seed %u, kept in %s: %s\n", sound.language->name.c_str(), n,
                  seed, file.c_str(), broken.c_str());
      return 1;
    }
  }
  for (const auto& [language, count] : n_texts) std::printf("%-12s %zu\n", language.c_str(), count);
  std::printf("%zu texts, none broke a rule, the longest took %.2f s of CPU\n", n, longest_s);
  return 0;
}
