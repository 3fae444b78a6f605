// tests/bench/draft_eval.cpp - how many tokens of real edits the guesses of a conversation's text
// get right, with a memory of the repository and without.
//
//   draft_eval TOKENIZER EDITS.jsonl      (tests/bench/draft_edits.py makes it)
//
// No model runs: what a model would have to write is known (the lines a commit replaced and those
// it put there), and is read on token by token as if a model that never errs wrote it. A step takes
// the guesses that come true and one token more. Prints tokens, guesses, and tokens a step.
#include <cstdio>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "agent/model/memory_drafts.h"
#include "engine/api/tokenizer_file.h"
#include "tests/bench/bench_tokenizer.h"

using namespace engramd;
using nlohmann::json;

namespace {

constexpr size_t kMost = 8;  // guesses in one step

struct Sums {
  size_t tokens = 0, drafted = 0, accepted = 0, steps = 0;
};

void read_on(agent::MemoryDrafts drafts, std::vector<engine::TokenId> timeline,
             const std::vector<engine::TokenId>& target, Sums& sums) {
  size_t i = 0;
  while (i < target.size()) {
    const auto guesses = drafts.draft(timeline, kMost);
    size_t n = 0;
    while (n < guesses.size() && i + n < target.size() && guesses[n].token == target[i + n]) ++n;
    sums.drafted += guesses.size();
    sums.accepted += n;
    ++sums.steps;
    for (size_t k = 0; k <= n && i < target.size(); ++k) timeline.push_back(target[i++]);
  }
  sums.tokens += target.size();
}

void print(const char* name, const Sums& sums) {
  std::printf(
      "%-36s %8zu tokens, %5.1f %% of them guessed, %5.1f %% of guesses right, %.2f tokens a "
      "step\n",
      name, sums.tokens,
      100.0 * static_cast<double>(sums.accepted) /
          static_cast<double>(std::max<size_t>(1, sums.tokens)),
      100.0 * static_cast<double>(sums.accepted) /
          static_cast<double>(std::max<size_t>(1, sums.drafted)),
      static_cast<double>(sums.tokens) / static_cast<double>(std::max<size_t>(1, sums.steps)));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: draft_eval TOKENIZER EDITS.jsonl\n");
    return 2;
  }
  auto loaded = bench::load_tokenizer(argv[1]);
  if (!loaded) {
    std::fprintf(stderr, "%s\n", loaded.error().message.c_str());
    return 1;
  }
  const auto& tokenizer = *loaded;
  std::ifstream lines(argv[2]);
  std::shared_ptr<const repoindex::RepositoryMemory> repository;
  std::map<std::string, Sums> sums;
  std::string line;
  while (std::getline(lines, line)) {
    const json row = json::parse(line);
    if (row.contains("documents")) {  // the repository of the edits behind it
      std::vector<std::pair<std::string, std::vector<engine::TokenId>>> documents;
      for (const json& document : row["documents"])
        documents.push_back({document[0], tokenizer->encode(document[1].get<std::string>())});
      auto built = repoindex::RepositoryMemory::from_documents(documents);
      if (!built) {
        std::fprintf(stderr, "%s\n", built.error().message.c_str());
        return 1;
      }
      repository = *built;
      continue;
    }
    const auto context = tokenizer->encode(row["context"].get<std::string>());
    for (const char* part : {"old", "new"}) {
      // What is written anew follows what is quoted, as in an edit by search and replace.
      auto before = context;
      if (part == std::string("new")) {
        const auto old = tokenizer->encode(row["old"].get<std::string>());
        before.insert(before.end(), old.begin(), old.end());
      }
      const auto target = tokenizer->encode(row[part].get<std::string>());
      if (target.empty()) continue;
      read_on(agent::MemoryDrafts(), before, target,
              sums[std::string(part) + " lines, conversation"]);
      read_on(agent::MemoryDrafts(repository), before, target,
              sums[std::string(part) + " lines, and repository"]);
    }
  }
  for (const auto& [name, one] : sums) print(name.c_str(), one);
}
