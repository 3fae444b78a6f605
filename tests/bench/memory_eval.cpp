// tests/bench/memory_eval.cpp - what the repository memory completes by itself.
//
//   memory_eval [--holes N] [--seed S] [--recent-weight W] [--escape E] [--context N] FOLDER...
//
// Each folder is one repository of Python files. Half of the holes are whole lines, half run from
// a token inside a line to its end; comments, docstrings and blank lines are left out. The
// memory's copy of the file is hidden and the rest of the file is given as recent text, once both
// sides of the hole and once only what is before it. Greedy decoding to the line end; a hit is the
// exact text. Tokens are words, numbers, single marks and line end with indentation, so figures
// compare with other tokenizers only roughly.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <random>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/file.h"
#include "repoindex/memory/memory.h"

using namespace engramd;
using namespace engramd::repoindex;

namespace {

double seconds_now() {
  return std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
}

// Words to ids. A line end with the blank lines and the indentation after it is one token.
class WordTokenizer {
 public:
  struct Token {
    TokenId id;
    uint32_t begin, end;
  };
  std::vector<Token> split(std::string_view text) {
    std::vector<Token> tokens;
    auto word = [](char c) {
      return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || (c & 0x80);
    };
    for (size_t i = 0; i < text.size();) {
      size_t end = i;
      if (text[i] == '\n') {
        while (end < text.size() && text[end] == '\n') ++end;
        while (end < text.size() && text[end] == ' ') ++end;
      } else {
        if (text[end] == ' ' && end + 1 < text.size() && text[end + 1] != '\n') ++end;
        if (word(text[end])) {
          while (end < text.size() && word(text[end])) ++end;
        } else {
          ++end;
        }
      }
      tokens.push_back(
          {intern(text.substr(i, end - i)), static_cast<uint32_t>(i), static_cast<uint32_t>(end)});
      i = end;
    }
    return tokens;
  }
  const std::string& text(TokenId id) const { return *texts_[static_cast<size_t>(id)]; }
  bool is_line_end(TokenId id) const { return text(id).front() == '\n'; }
  size_t size() const { return texts_.size(); }

 private:
  TokenId intern(std::string_view text) {
    auto [at, fresh] = ids_.try_emplace(std::string(text), static_cast<TokenId>(ids_.size()));
    if (fresh) texts_.push_back(&at->first);
    return at->second;
  }
  std::unordered_map<std::string, TokenId> ids_;
  std::vector<const std::string*> texts_;
};

struct File {
  std::string path;
  std::vector<TokenId> tokens;
  struct Line {
    size_t begin, end;  // tokens, without the line ends around them
  };
  std::vector<Line> lines;  // that may be hidden
};

std::vector<File> read_folder(const std::filesystem::path& folder, WordTokenizer& tokenizer) {
  std::vector<File> files;
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file() && entry.path().extension() == ".py") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  for (const auto& path : paths) {
    auto text = read_file(path, 1u << 20);
    if (!text || text->size() < 200) continue;
    File file;
    file.path = path.string();
    const auto tokens = tokenizer.split(*text);
    bool in_string = false;
    size_t line_begin = 0;
    for (size_t i = 0; i <= tokens.size(); ++i) {
      if (i < tokens.size()) file.tokens.push_back(tokens[i].id);
      if (i < tokens.size() && !tokenizer.is_line_end(tokens[i].id)) continue;
      if (line_begin < i) {
        const std::string line =
            text->substr(tokens[line_begin].begin, tokens[i - 1].end - tokens[line_begin].begin);
        size_t quotes = 0;
        for (size_t at = 0; (at = line.find("\"\"\"", at)) != std::string::npos; at += 3) ++quotes;
        for (size_t at = 0; (at = line.find("'''", at)) != std::string::npos; at += 3) ++quotes;
        const bool was_in_string = in_string;
        if (quotes % 2) in_string = !in_string;
        const bool code = !was_in_string && quotes == 0 && line[0] != '#';
        if (code && i - line_begin >= 2 && i - line_begin <= 60 && line_begin > 0) {
          file.lines.push_back({line_begin, i});
        }
      }
      line_begin = i + 1;
    }
    files.push_back(std::move(file));
  }
  return files;
}

struct Tally {
  size_t n = 0, hits = 0, line_n = 0, line_hits = 0;
  size_t shown[3] = {0, 0, 0}, shown_hits[3] = {0, 0, 0};
  double bits = 0, bytes = 0;
  void print(const char* name) const {
    const double em = static_cast<double>(hits) / static_cast<double>(n);
    std::printf("%-22s n=%zu  EM line %.3f  EM mid %.3f  EM all %.3f (s.e. %.3f)  bits/byte %.3f",
                name, n, static_cast<double>(line_hits) / static_cast<double>(line_n),
                static_cast<double>(hits - line_hits) / static_cast<double>(n - line_n), em,
                std::sqrt(em * (1 - em) / static_cast<double>(n)), bits / bytes);
    for (int i = 0; i < 3; ++i) {
      std::printf(
          "  conf>=.%d shown %.0f%% prec %.2f", 3 + 2 * i,
          100.0 * static_cast<double>(shown[i]) / static_cast<double>(n),
          shown[i] ? static_cast<double>(shown_hits[i]) / static_cast<double>(shown[i]) : 0.0);
    }
    std::printf("\n");
  }
};

}  // namespace

int main(int argc, char** argv) {
  MemoryOptions options;
  size_t n_holes = 50;
  unsigned seed = 1;
  std::vector<std::string> folders;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    auto value = [&] { return i + 1 < argc ? argv[++i] : "0"; };
    if (argument == "--holes")
      n_holes = std::strtoul(value(), nullptr, 10);
    else if (argument == "--seed")
      seed = static_cast<unsigned>(std::strtoul(value(), nullptr, 10));
    else if (argument == "--recent-weight")
      options.recent_weight = std::strtod(value(), nullptr);
    else if (argument == "--escape")
      options.escape = std::strtod(value(), nullptr);
    else if (argument == "--context")
      options.max_context = std::strtoul(value(), nullptr, 10);
    else
      folders.push_back(argument);
  }
  if (folders.empty()) {
    std::fprintf(stderr, "usage: memory_eval [--holes N] [--seed S] FOLDER...\n");
    return 2;
  }

  WordTokenizer tokenizer;
  Tally both, before;
  double build_s = 0, recent_s = 0, next_s = 0, slowest_next_s = 0;
  size_t build_tokens = 0, n_recent = 0, n_next = 0;
  for (const std::string& folder : folders) {
    const std::vector<File> files = read_folder(folder, tokenizer);
    std::vector<std::pair<std::string, std::vector<TokenId>>> documents;
    std::vector<std::pair<size_t, size_t>> all_lines;
    for (size_t f = 0; f < files.size(); ++f) {
      documents.emplace_back(files[f].path, files[f].tokens);
      for (size_t l = 0; l < files[f].lines.size(); ++l) all_lines.emplace_back(f, l);
    }
    if (all_lines.empty()) continue;
    const double build_start = seconds_now();
    auto built = RepositoryMemory::from_documents(documents, options);
    build_s += seconds_now() - build_start;
    if (!built) {
      std::fprintf(stderr, "%s: %s\n", folder.c_str(), built.error().message.c_str());
      return 1;
    }
    build_tokens += (*built)->n_tokens();

    std::mt19937 random(seed);
    std::shuffle(all_lines.begin(), all_lines.end(), random);
    for (size_t h = 0; h < std::min(n_holes, all_lines.size()); ++h) {
      const File& file = files[all_lines[h].first];
      const File::Line line = file.lines[all_lines[h].second];
      const bool whole_line = h % 2 == 0;
      size_t begin = line.begin;
      if (!whole_line) begin += 1 + random() % (line.end - line.begin - 1);
      std::string wanted;
      for (size_t i = begin; i < line.end; ++i) wanted += tokenizer.text(file.tokens[i]);

      for (Tally* tally : {&both, &before}) {
        auto at = [&](size_t i) { return file.tokens.begin() + static_cast<ptrdiff_t>(i); };
        std::vector<std::vector<TokenId>> recent{{file.tokens.begin(), at(begin)}};
        if (tally == &both) recent.emplace_back(at(line.end), file.tokens.end());
        std::vector<TokenId> context = recent[0];
        const double recent_start = seconds_now();
        const auto memory = (*built)->with_recent(std::move(recent), file.path);
        recent_s += seconds_now() - recent_start;
        ++n_recent;

        const std::vector<TokenId> gold(at(begin), at(line.end));
        tally->bits -= memory->log2_likelihood(context, gold, tokenizer.size()) *
                       static_cast<double>(gold.size());
        tally->bytes += static_cast<double>(wanted.size());
        std::string written;
        double confidence = 1;
        for (size_t step = 0; step < 64 && written.size() < 400; ++step) {
          const double next_start = seconds_now();
          const MemoryAnswer answer = memory->next(context);
          const double took = seconds_now() - next_start;
          next_s += took;
          slowest_next_s = std::max(slowest_next_s, took);
          ++n_next;
          // All line ends are one end, whatever the indentation after them.
          double end_probability = 0, best_probability = 0;
          TokenId best = -1;
          for (const MemoryCandidate& candidate : answer.candidates) {
            if (tokenizer.is_line_end(candidate.token)) {
              end_probability += candidate.probability;
            } else if (candidate.probability > best_probability) {
              best = candidate.token;
              best_probability = candidate.probability;
            }
          }
          if (step == 0) end_probability = 0;  // an empty completion is none
          confidence *= std::max(end_probability, best_probability);
          if (best < 0 || end_probability >= best_probability) break;
          written += tokenizer.text(best);
          context.push_back(best);
        }
        const bool hit = written == wanted;
        ++tally->n;
        tally->hits += hit;
        tally->line_n += whole_line;
        tally->line_hits += whole_line && hit;
        for (int i = 0; i < 3; ++i) {
          const bool shown = confidence >= 0.3 + 0.2 * i;
          tally->shown[i] += shown;
          tally->shown_hits[i] += shown && hit;
        }
      }
    }
  }
  both.print("both sides visible");
  before.print("only before the cursor");
  std::printf(
      "build %zu tokens in %.2f s (%.2f M tokens/s)  with_recent %.2f ms  next %.1f us mean, %.0f "
      "us slowest, %zu calls\n",
      build_tokens, build_s, static_cast<double>(build_tokens) / build_s / 1e6,
      1e3 * recent_s / static_cast<double>(n_recent), 1e6 * next_s / static_cast<double>(n_next),
      1e6 * slowest_next_s, n_next);
  return 0;
}
