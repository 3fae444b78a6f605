// tests/bench/completion_eval.cpp - exact matches of memory, network and both, on hidden lines.
//
//   completion_eval --model F.gguf [--holes N] [--seed S] [--systems a,b,...] [--weights A,B,C,D]
//                   FOLDER...
//
// Each folder is one repository of Python files the network was not trained on. Half of the holes
// are whole lines (from the indentation on), half run from inside a line to its end;
// comments, docstrings and short lines are left out. A hit is the exact text up to the line end,
// trailing blanks aside. The memory knows the other files and the rest of this one. Everything is
// decoded greedily on the real path, with the completer's own healing, prompts and stop rules;
// only the window is plain (this file around the cursor). Each hole is asked twice: with both sides
// visible, and with everything after the cursor hidden.
//
// Systems: memory (memory-raw: without healing), ltr and spm (network left to right or in
// fill-in-the-middle order), mix-ltr and mix-spm (with the memory). --weights: the memory's share
// by context length 1, 2, 3, 4+. Figures are of the text's probability: shown share and precision
// at thresholds.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <random>

#include "base/file.h"
#include "base/text.h"
#include "daemon/completion/calibration.h"
#include "daemon/completion/memory_decode.h"
#include "daemon/completion/prompt.h"
#include "daemon/completion/stop_rules.h"
#include "engine/api/session.h"
#include "repoindex/memory/memory.h"

using namespace engramd;

namespace {

constexpr double kThresholds[] = {0.1, 0.2, 0.3, 0.5, 0.7};

struct Hole {
  size_t file, begin, end;
  bool whole_line;
};
struct Repository {
  std::vector<std::string> paths, texts;
  std::vector<std::pair<std::string, std::vector<engine::TokenId>>> documents;
  std::vector<Hole> holes;
};

Repository read_repository(const std::filesystem::path& folder, const engine::Tokenizer& tokenizer,
                           size_t n_holes, unsigned seed) {
  Repository repository;
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    if (entry.is_regular_file() && entry.path().extension() == ".py") paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  std::mt19937 random(seed);
  for (const auto& path : paths) {
    auto text = read_file(path, 1u << 20);
    if (!text || text->size() < 200) continue;
    const size_t file = repository.texts.size();
    bool in_string = false;
    size_t begin = 0;
    for (const std::string_view whole : split_lines(*text)) {
      const size_t line_begin = begin;
      begin = static_cast<size_t>(whole.data() - text->data()) + whole.size() + 1;
      size_t quotes = 0;
      for (const auto* quote : {"\"\"\"", "'''"})
        for (size_t at = 0; (at = whole.find(quote, at)) != std::string::npos; at += 3) ++quotes;
      const bool was_in_string = in_string;
      if (quotes % 2 == 1) in_string = !in_string;
      const std::string_view line = trim(whole);
      if (was_in_string || quotes > 0 || line.size() < 6 || line.size() > 120 || line[0] == '#')
        continue;
      const size_t end = line_begin + static_cast<size_t>(line.data() - whole.data()) + line.size();
      Hole hole{file, end - line.size(), end, random() % 2 == 0};
      if (!hole.whole_line) {
        // Completion is asked for after any key: half of these begin at any character, half at
        // one of the line's inner tokens.
        const auto tokens = tokenizer.encode(line);
        if (tokens.size() < 3) continue;
        if (random() % 2 == 0) {
          hole.begin += 1 + random() % (line.size() - 2);
        } else {
          const size_t skip = 1 + random() % (tokens.size() - 2);
          for (size_t i = 0; i < skip; ++i) hole.begin += tokenizer.bytes(tokens[i]).size();
        }
        if (hole.end - hole.begin < 2) continue;
      }
      repository.holes.push_back(hole);
    }
    repository.documents.emplace_back(path.string(), tokenizer.encode(*text));
    repository.paths.push_back(path.string());
    repository.texts.push_back(*std::move(text));
  }
  std::shuffle(repository.holes.begin(), repository.holes.end(), random);
  if (repository.holes.size() > n_holes) repository.holes.resize(n_holes);
  return repository;
}

struct Tally {
  size_t n = 0, hits = 0, line_n = 0, line_hits = 0;
  std::vector<bool> hit;  // by hole, for paired comparison
  std::vector<double> confidence;
  double seconds = 0;
  size_t n_tokens = 0;

  void add(bool is_hit, bool whole_line, double sure) {
    ++n;
    hits += is_hit;
    line_n += whole_line;
    line_hits += whole_line && is_hit;
    hit.push_back(is_hit);
    confidence.push_back(sure);
  }
  void print(const std::string& name, const Tally* base) const {
    const double em = static_cast<double>(hits) / static_cast<double>(n);
    std::printf("%-22s n=%zu EM line %.3f mid %.3f all %.3f (s.e. %.3f)", name.c_str(), n,
                static_cast<double>(line_hits) / static_cast<double>(std::max<size_t>(line_n, 1)),
                static_cast<double>(hits - line_hits) /
                    static_cast<double>(std::max<size_t>(n - line_n, 1)),
                em, std::sqrt(em * (1 - em) / static_cast<double>(n)));
    if (base != nullptr) {
      size_t won = 0, lost = 0;
      for (size_t i = 0; i < hit.size(); ++i) {
        won += hit[i] && !base->hit[i];
        lost += !hit[i] && base->hit[i];
      }
      std::printf(" vs memory +%zu/-%zu", won, lost);
    }
    for (const double threshold : kThresholds) {
      size_t shown = 0, right = 0;
      for (size_t i = 0; i < hit.size(); ++i) {
        if (confidence[i] < threshold) continue;
        ++shown;
        right += hit[i];
      }
      std::printf(" | >=%.1f %.0f%% %.2f", threshold,
                  100.0 * static_cast<double>(shown) / static_cast<double>(n),
                  shown > 0 ? static_cast<double>(right) / static_cast<double>(shown) : 0.0);
    }
    std::printf(" | %.1f ms/hole, %.0f tok/s\n", 1000 * seconds / static_cast<double>(n),
                static_cast<double>(n_tokens) / seconds);
  }
};

struct Answer {
  std::string text;
  double confidence = 0;
  size_t n_tokens = 0;
};

class Evaluation {
 public:
  Evaluation(std::shared_ptr<const engine::Model> model, std::unique_ptr<engine::Session> session,
             daemon::MemoryWeight weight)
      : model_(std::move(model)), session_(std::move(session)), weight_(std::move(weight)) {}

  Result<Answer> ask(const std::string& system, std::string_view before, std::string_view after,
                     const std::shared_ptr<const repoindex::RepositoryMemory>& memory) {
    const engine::Tokenizer& tokenizer = model_->tokenizer();
    const size_t healed = system == "memory-raw"
                              ? before.size()
                              : daemon::heal_with_memory(tokenizer, *memory, before);
    const daemon::StopRules rules(before, after, {});
    const std::string forced(before.substr(healed));
    engine::GenerateOptions options;
    options.max_tokens = 48;
    options.forced_prefix = forced;
    options.stop_when = [&](std::string_view text) {
      return text.size() > forced.size() && rules.done(text.substr(forced.size()));
    };
    const std::string_view prefix = before.substr(0, healed);
    const auto tail = daemon::memory_context(tokenizer, prefix);
    engine::GenerateResult generated;
    if (system.starts_with("memory")) {
      generated = daemon::generate_from_memory(tokenizer, *memory, tail, options, {});
    } else {
      daemon::PromptStyle style = daemon::prompt_style(model_->info(), tokenizer.specials());
      if (system.ends_with("ltr")) style.order = daemon::PromptOrder::none;
      repoindex::Window window;
      const size_t n_suffix = system.ends_with("ltr") ? 0 : style.max_tokens / 4;
      const auto cut_before = last_tokens(prefix, style.max_tokens - n_suffix);
      const auto cut_after = first_tokens(after, n_suffix);
      const auto prompt = daemon::build_prompt(tokenizer, style, window, cut_before, cut_after);
      daemon::MemoryProposer proposer(tokenizer, memory, tail, prompt.size(), weight_);
      if (system.starts_with("mix")) options.proposer = &proposer;
      ENGRAMD_TRY(generated, session_->generate(prompt, options));
    }
    Answer answer;
    answer.n_tokens = generated.tokens.size();
    if (generated.text.size() > forced.size())
      answer.text = rules.trimmed(std::string_view(generated.text).substr(forced.size()));
    answer.confidence = answer.text.empty() ? 0 : 1;
    for (const float p : generated.probabilities) answer.confidence *= p;
    return answer;
  }

 private:
  // Whole lines from the end, or the start, of the text within so many tokens.
  std::string last_tokens(std::string_view text, size_t n) const {
    const auto tokens =
        model_->tokenizer().encode(text.substr(text.size() - std::min(text.size(), 8 * n)));
    if (tokens.size() <= n) return model_->tokenizer().decode(tokens);
    std::string cut = model_->tokenizer().decode(std::span(tokens).subspan(tokens.size() - n));
    const size_t line = cut.find('\n');
    return line == std::string::npos ? cut : cut.substr(line + 1);
  }
  std::string first_tokens(std::string_view text, size_t n) const {
    auto tokens = model_->tokenizer().encode(text.substr(0, 8 * n));
    if (tokens.size() > n) tokens.resize(n);
    return model_->tokenizer().decode(tokens);
  }

  std::shared_ptr<const engine::Model> model_;
  std::unique_ptr<engine::Session> session_;
  daemon::MemoryWeight weight_;
};

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == ',')
      parts.emplace_back();
    else
      parts.back() += c;
  }
  return parts;
}

}  // namespace

int main(int argc, char** argv) {
  std::string model_path, systems = "memory,ltr,spm,mix-ltr,mix-spm";
  std::vector<float> weights;
  std::vector<std::string> folders;
  size_t n_holes = 50, n_threads = 1;
  unsigned seed = 1;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const auto value = [&] { return std::string(i + 1 < argc ? argv[++i] : ""); };
    if (argument == "--model")
      model_path = value();
    else if (argument == "--holes")
      n_holes = std::strtoul(value().c_str(), nullptr, 10);
    else if (argument == "--threads")
      n_threads = std::strtoul(value().c_str(), nullptr, 10);
    else if (argument == "--seed")
      seed = static_cast<unsigned>(std::strtoul(value().c_str(), nullptr, 10));
    else if (argument == "--systems")
      systems = value();
    else if (argument == "--weights")
      for (const std::string& weight : split(value()))
        weights.push_back(std::strtof(weight.c_str(), nullptr));
    else
      folders.push_back(argument);
  }
  if (model_path.empty() || folders.empty() || (!weights.empty() && weights.size() != 4)) {
    std::fprintf(stderr,
                 "usage: completion_eval --model F.gguf [--holes N] [--seed S] "
                 "[--systems a,b] [--weights A,B,C,D] FOLDER...\n");
    return 2;
  }
  engine::LoadOptions load;
  load.n_threads = n_threads;
  const auto model = engine::Model::load(model_path, load);
  if (!model) {
    std::fprintf(stderr, "%s\n", model.error().message.c_str());
    return 1;
  }
  auto session = (*model)->open_session(512);
  if (!session) {
    std::fprintf(stderr, "%s\n", session.error().message.c_str());
    return 1;
  }
  daemon::MemoryWeight weight = daemon::memory_weight;
  if (!weights.empty())
    weight = [&](size_t length, size_t n_seen) {
      return n_seen == 0 || length == 0 ? 0.0f : weights[std::min<size_t>(length, 4) - 1];
    };
  Evaluation evaluation(*model, *std::move(session), weight);
  const engine::Tokenizer& tokenizer = (*model)->tokenizer();

  std::map<std::string, Tally> tallies;
  const auto names = split(systems);
  for (const std::string& folder : folders) {
    const Repository repository = read_repository(folder, tokenizer, n_holes, seed);
    repoindex::MemoryOptions options;
    options.max_candidates = 256;  // as the completer asks for
    const auto built = repoindex::RepositoryMemory::from_documents(repository.documents, options);
    if (!built) {
      std::fprintf(stderr, "%s: %s\n", folder.c_str(), built.error().message.c_str());
      return 1;
    }
    std::fprintf(stderr, "%s: %zu files, %zu holes\n", folder.c_str(), repository.texts.size(),
                 repository.holes.size());
    for (const Hole& hole : repository.holes) {
      const std::string_view text = repository.texts[hole.file];
      const std::string_view before = text.substr(0, hole.begin);
      std::string_view truth = text.substr(hole.begin, hole.end - hole.begin);
      while (truth.ends_with(' ')) truth.remove_suffix(1);
      for (const bool both : {true, false}) {
        const std::string_view after = both ? text.substr(hole.end) : std::string_view();
        std::vector<std::vector<engine::TokenId>> recent;
        recent.push_back(tokenizer.encode(before.substr(0, before.rfind('\n') + 1)));
        if (both)
          recent.push_back(
              tokenizer.encode(after.substr(std::min(after.size(), after.find('\n') + 1))));
        const auto memory = (*built)->with_recent(std::move(recent), repository.paths[hole.file]);
        for (const std::string& name : names) {
          const auto start = Clock::now();
          const auto answer = evaluation.ask(name, before, after, memory);
          if (!answer) {
            std::fprintf(stderr, "%s: %s\n", name.c_str(), answer.error().message.c_str());
            return 1;
          }
          Tally& tally = tallies[(both ? "both sides, " : "before only, ") + name];
          tally.seconds += std::chrono::duration<double>(Clock::now() - start).count();
          tally.n_tokens += answer->n_tokens;
          tally.add(answer->text == truth, hole.whole_line, answer->confidence);
        }
      }
    }
  }
  for (const auto& [name, tally] : tallies) {
    const std::string base = name.substr(0, name.find(',') + 2) + "memory";
    const auto found = tallies.find(base);
    tally.print(name, found == tallies.end() || base == name ? nullptr : &found->second);
  }
  return 0;
}
