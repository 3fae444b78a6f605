// A short run of what tests/fuzz/facts_fuzz.cpp does for minutes: damaged texts of every language
// give facts that keep their rules, and edits lead to the same facts as a fresh parse.
#include <catch2/catch.hpp>

#include "base/file.h"
#include "repoindex/index.h"
#include "repoindex/languages/language.h"
#include "repoindex/parse/extract.h"
#include "tests/fuzz/mutate.h"
#include "tests/support/workspace.h"

using namespace engramd;
using namespace engramd::repoindex;

namespace {

struct Sound {
  const Language* language;
  std::string file, text;
};

std::vector<Sound> corpora() {
  std::vector<Sound> out;
  for (const Language* language : languages()) {
    std::string file = language->name + "." + std::string(language->extensions[0]);
    auto text = read_file(test::fixtures() / "languages" / file);
    REQUIRE(text);
    out.push_back({language, file, *text});
  }
  return out;
}

}  // namespace

TEST_CASE("property: facts of damaged texts keep their rules, in every language") {
  std::vector<Sound> sounds = corpora();
  test::Mutator mutator(20261125);
  Extractor extractor;
  for (const Sound& sound : sounds) {
    INFO(sound.language->name);
    for (int i = 0; i < 30; ++i) {
      const Sound& other = sounds[mutator.below(sounds.size())];
      std::string text = mutator.mutated(sound.text, other.text);
      FileFactsPtr facts = extractor.extract(sound.language, text);
      INFO("text " << i);
      REQUIRE(test::broken_rule(*facts, text) == "");
      if (i % 6 != 0) continue;
      auto document = Document::open(sound.file, sound.text, 1, sound.language->name);
      document->publish();
      document->edit({0, sound.text.size()}, text);
      size_t at = mutator.below(text.size() + 1);
      document->edit({at, at}, "{ (");
      document->publish();
      document->edit({at, at + 3}, "");
      REQUIRE(encode_facts(*document->publish().facts) == encode_facts(*facts));
    }
  }
}

TEST_CASE("the rules are able to fail") {
  FileFacts facts;
  facts.n_bytes = 4;
  facts.names = {"a"};
  CHECK(test::broken_rule(facts, "a bc").empty());
  facts.occurrences = {{0, 2, 3}, {0, 0, 1}};
  CHECK(test::broken_rule(facts, "a bc") == "unsorted occurrences at 1");
  facts.occurrences = {{0, 2, 9}};
  CHECK(test::broken_rule(facts, "a bc") == "an occurrence's range at 0");
}
