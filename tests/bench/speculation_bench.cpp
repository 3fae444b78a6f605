// tests/bench/speculation_bench.cpp - what lossless speculation saves.
//
//   speculation_bench MODEL --repo FOLDER [--places 40] [--tokens 48]
//       the model goes on with files of the folder, cut at random lines, with and without guesses
//       of a memory of the other files and of the text before the cut
//   speculation_bench MODEL --price [--tokens 96]
//       any weights, also random ones: the text that came (drawn, so that experts change from
//       token to token) is guessed, wrongly by a share
//
// Both ways take turns, place by place; times are CPU seconds of the process and the clock. That
// the texts are equal is checked.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "agent/model/memory_drafts.h"
#include "engine/api/model.h"
#include "engine/api/session.h"
#include "engine/api/speculation.h"
#include "repoindex/memory/memory.h"

using namespace engramd;
using engine::TokenId;

namespace {

double cpu_s() {
  timespec t{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return double(t.tv_sec) + double(t.tv_nsec) * 1e-9;
}

struct Side {
  double clock = 0, cpu = 0;
  size_t n_tokens = 0, n_drafted = 0, n_accepted = 0;
};

engine::GenerateResult generate(engine::Session& session, std::span<const TokenId> prompt,
                                size_t n_tokens, engine::DraftSource* drafts, Side& side,
                                engine::DraftControl* control, float temperature) {
  engine::GenerateOptions options;
  options.max_tokens = n_tokens;
  options.drafts = drafts;
  options.draft_control = control;
  options.sample = {.temperature = temperature, .seed = 9};
  if (auto synced = session.sync(prompt); !synced) {
    std::fprintf(stderr, "%s\n", synced.error().message.c_str());
    std::exit(1);
  }
  const double begin = cpu_s();
  auto result = session.generate(prompt, options);
  if (!result) {
    std::fprintf(stderr, "%s\n", result.error().message.c_str());
    std::exit(1);
  }
  side.cpu += cpu_s() - begin;
  side.clock += result->generate_s;
  side.n_tokens += result->tokens.size();
  side.n_drafted += result->n_drafted;
  side.n_accepted += result->n_accepted;
  return *std::move(result);
}

void print(const char* name, const Side& plain, const Side& with) {
  std::printf(
      "%-22s %6zu tokens: %7.1f -> %7.1f tokens/s (%.2f), CPU %.2f -> %.2f s, %zu guesses "
      "computed, %zu came true (%.0f %%), %.2f tokens a step\n",
      name, plain.n_tokens, double(plain.n_tokens) / plain.clock,
      double(with.n_tokens) / with.clock, plain.clock / with.clock, plain.cpu, with.cpu,
      with.n_drafted, with.n_accepted,
      with.n_drafted == 0 ? 0.0 : 100.0 * double(with.n_accepted) / double(with.n_drafted),
      double(with.n_tokens) / double(std::max<size_t>(1, with.n_tokens - with.n_accepted)));
  std::fflush(stdout);
}

// The text that came, wrong by a share.
class KnowingDrafts final : public engine::DraftSource {
 public:
  KnowingDrafts(std::vector<TokenId> text, double wrong) : text_(std::move(text)), wrong_(wrong) {}
  std::vector<engine::DraftToken> draft(std::span<const TokenId> timeline, size_t most) override {
    std::vector<engine::DraftToken> out;
    for (size_t i = timeline.size(); i < text_.size() && out.size() < std::min<size_t>(most, 12);
         ++i) {
      const bool wrong = std::uniform_real_distribution<>()(random_) < wrong_;
      out.push_back({wrong ? text_[i] / 2 : text_[i], float(1 - wrong_)});
    }
    return out;
  }

 private:
  std::vector<TokenId> text_;
  double wrong_;
  std::mt19937 random_{7};
};

bool is_code(const std::filesystem::path& path) {
  static const std::vector<std::string> kEnds = {".py", ".c",  ".h",  ".cpp", ".cc",
                                                 ".js", ".ts", ".go", ".rs",  ".java"};
  return std::find(kEnds.begin(), kEnds.end(), path.extension()) != kEnds.end();
}

int of_repository(const engine::Model& model, const std::filesystem::path& folder, size_t n_places,
                  size_t n_tokens) {
  const auto& tokenizer = model.tokenizer();
  std::vector<std::pair<std::string, std::vector<TokenId>>> documents;
  size_t total = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file() || !is_code(entry.path()) || entry.file_size() > (256u << 10))
      continue;
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    documents.emplace_back(entry.path().string(), tokenizer.encode(text));
    total += documents.back().second.size();
    if (total > (4u << 20)) break;
  }
  std::sort(documents.begin(), documents.end());
  const auto memory = repoindex::RepositoryMemory::from_documents(documents);
  if (!memory) {
    std::fprintf(stderr, "%s\n", memory.error().message.c_str());
    return 1;
  }
  auto session = *model.open_session(0);
  std::mt19937 random(5);
  Side plain, with, text_only;
  engine::DraftControl control_all, control_text;
  for (size_t place = 0; place < n_places;) {
    const auto& [path, tokens] = documents[random() % documents.size()];
    if (tokens.size() < 400) continue;
    const size_t cut = 300 + random() % (tokens.size() - 399);
    const size_t begin = cut > 500 ? cut - 500 : 0;
    const std::vector<TokenId> prompt(tokens.begin() + std::ptrdiff_t(begin),
                                      tokens.begin() + std::ptrdiff_t(cut));
    const auto known = (*memory)->with_recent({prompt}, path);
    agent::MemoryDrafts of_all(*known), of_text;
    const auto a = generate(*session, prompt, n_tokens, nullptr, plain, nullptr, 0);
    const auto b = generate(*session, prompt, n_tokens, &of_all, with, &control_all, 0);
    const auto c = generate(*session, prompt, n_tokens, &of_text, text_only, &control_text, 0);
    if (a.tokens != b.tokens || a.tokens != c.tokens || a.probabilities != b.probabilities) {
      std::fprintf(stderr, "%s at token %zu: another text with guesses\n", path.c_str(), cut);
      return 1;
    }
    ++place;
  }
  std::printf("%zu files, %zu tokens; cost %.2f and %.2f, trust %.2f and %.2f\n", documents.size(),
              total, control_all.cost(), control_text.cost(), control_all.trust(),
              control_text.trust());
  print("memory and text", plain, with);
  print("text alone", plain, text_only);
  return 0;
}

int price(const engine::Model& model, size_t n_tokens) {
  auto session = *model.open_session(0);
  std::mt19937 random(3);
  std::vector<TokenId> prompt(256);
  for (TokenId& token : prompt)
    token = TokenId(random() % std::min<size_t>(model.info().n_vocab, 5000));
  Side warm;
  const auto text = generate(*session, prompt, n_tokens, nullptr, warm, nullptr, 1);
  std::vector<TokenId> all = prompt;
  all.insert(all.end(), text.tokens.begin(), text.tokens.end());
  for (const double wrong : {0.0, 0.1, 0.25, 0.5, 0.95}) {
    Side plain, with;
    engine::DraftControl control;
    for (int round = 0; round < 3; ++round) {
      generate(*session, prompt, n_tokens, nullptr, plain, nullptr, 1);
      KnowingDrafts drafts(all, wrong);
      if (generate(*session, prompt, n_tokens, &drafts, with, &control, 1).tokens != text.tokens) {
        std::fprintf(stderr, "another text with guesses\n");
        return 1;
      }
    }
    print(("wrong: " + std::to_string(int(wrong * 100)) + " %").c_str(), plain, with);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::string file, repository;
  size_t n_places = 40, n_tokens = 0;
  bool prices = false;
  for (int i = 1; i < argc; ++i) {
    const auto value = [&] { return i + 1 < argc ? argv[++i] : ""; };
    if (!std::strcmp(argv[i], "--repo"))
      repository = value();
    else if (!std::strcmp(argv[i], "--places"))
      n_places = size_t(std::atoi(value()));
    else if (!std::strcmp(argv[i], "--tokens"))
      n_tokens = size_t(std::atoi(value()));
    else if (!std::strcmp(argv[i], "--price"))
      prices = true;
    else
      file = argv[i];
  }
  if (file.empty() || prices != repository.empty()) {
    std::fprintf(stderr,
                 "usage: speculation_bench MODEL (--repo FOLDER | --price) "
                 "[--places N] [--tokens N]\n");
    return 2;
  }
  engine::LoadOptions load;
  load.n_threads = 2;
  const auto model = engine::Model::load(file, load);
  if (!model) {
    std::fprintf(stderr, "%s\n", model.error().message.c_str());
    return 1;
  }
  return prices ? price(**model, n_tokens == 0 ? 96 : n_tokens)
                : of_repository(**model, repository, n_places, n_tokens == 0 ? 48 : n_tokens);
}
