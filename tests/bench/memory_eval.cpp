// tests/bench/memory_eval.cpp - what the repository memory completes by itself.
//
//   memory_eval TOKENIZER DOCUMENTS.jsonl|FOLDER... [--holes N] [--seed S] [--only PACKAGE,...]
//               [--recent-weight W] [--escape E] [--context N] [--beam N] [--packages]
//
// TOKENIZER: see bench_tokenizer.h. A .jsonl has {"language", "package", "path", "text"} a line;
// a folder is one package of Python files. Each package is one repository. N holes a package (240):
// half are whole lines behind their indentation, half run from a token inside a line to its end;
// comments, docstrings and blank lines are left out. The memory's copy of the file is hidden, and
// the rest of the file is given as recent text, once both sides of the hole and once only what is
// before it. Greedy decoding (or a beam) to the line break; a hit is the exact text.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "base/file.h"
#include "engine/api/tokenizer_file.h"
#include "repoindex/memory/memory.h"
#include "tests/bench/bench_tokenizer.h"
#include "tests/bench/code_lines.h"

using namespace engramd;
using namespace engramd::repoindex;

namespace {

constexpr size_t kMaxHoleTokens = 60, kMaxWritten = 400;

double seconds_now() {
  return std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
}

struct Line {
  size_t begin, code, end;  // tokens; the first of the line, the first not blank, behind the last
};
struct File {
  std::string package, language, path;
  std::vector<TokenId> tokens;
  std::vector<Line> lines;  // that may be hidden
};

std::string until_break(std::string_view text) {
  return std::string(text.substr(0, text.find_first_of("\r\n")));
}
bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

void add_file(const engine::Tokenizer& tokenizer, std::string package, std::string language,
              std::string path, const std::string& text, std::vector<File>& files) {
  File file{std::move(package), std::move(language), std::move(path), tokenizer.encode(text), {}};
  bench::CodeLines code(file.language);
  std::string line;
  for (size_t i = 0, begin = 0; i < file.tokens.size(); ++i) {
    line += tokenizer.bytes(file.tokens[i]);
    if (line.find('\n') == std::string::npos) continue;
    size_t first = begin;
    while (first < i && is_blank(tokenizer.bytes(file.tokens[first]))) ++first;
    const size_t n = i + 1 - first;
    if (code.is_code(line) && n >= 3 && n <= kMaxHoleTokens && begin > 0)
      file.lines.push_back({begin, first, i + 1});
    line.clear();
    begin = i + 1;
  }
  files.push_back(std::move(file));
}

Status read_documents(const engine::Tokenizer& tokenizer, const std::string& path,
                      const std::set<std::string>& only, std::vector<File>& files) {
  if (!std::filesystem::is_directory(path)) {
    std::ifstream in(path);
    if (!in) return fail(ErrorCode::not_found, path + ": cannot be read");
    for (std::string line; std::getline(in, line);) {
      const auto json = nlohmann::json::parse(line, nullptr, false);
      if (!json.is_object()) return fail(ErrorCode::invalid_input, path + ": no JSON in a line");
      const std::string package = json.value("package", "");
      if (!only.empty() && !only.count(package)) continue;
      add_file(tokenizer, package, json.value("language", ""), json.value("path", ""),
               json.value("text", ""), files);
    }
    return {};
  }
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
    if (entry.is_regular_file() && entry.path().extension() == ".py") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  for (const auto& file : paths) {
    const auto text = read_file(file, 1u << 20);
    if (text && text->size() >= 200)
      add_file(tokenizer, path, "python", file.string(), *text, files);
  }
  return {};
}

struct Tally {
  size_t n = 0, hits = 0, line_n = 0, line_hits = 0;
  size_t shown[3] = {0, 0, 0}, shown_hits[3] = {0, 0, 0};
  double bits = 0, bytes = 0;
  void print(const std::string& name) const {
    if (n == 0) return;
    auto share = [](size_t part, size_t whole) {
      return whole ? 100.0 * static_cast<double>(part) / static_cast<double>(whole) : 0.0;
    };
    const double em = share(hits, n) / 100;
    std::printf("  %-26s n=%-5zu line %4.1f  rest %4.1f  all %4.1f %% (s.e. %.1f)  bits/byte %.2f",
                name.c_str(), n, share(line_hits, line_n), share(hits - line_hits, n - line_n),
                100 * em, 100 * std::sqrt(em * (1 - em) / static_cast<double>(n)), bits / bytes);
    for (int i = 0; i < 3; ++i) {
      std::printf("  >=.%d: %2.0f%% at .%02.0f", 3 + 2 * i, share(shown[i], n),
                  share(shown_hits[i], shown[i]));
    }
    std::printf("\n");
  }
};

struct Written {
  std::string text;
  double probability = 1;
};

// The line's text as the memory goes on; all line breaks are one end, with what a token has before
// its break.
class Writer {
 public:
  Writer(const engine::Tokenizer& tokenizer, size_t beam) : tokenizer_(tokenizer), beam_(beam) {}

  Written write(const RepositoryMemory& memory, const std::vector<TokenId>& context) {
    std::vector<Path> paths{{context, {}}};
    std::vector<Written> ended;
    for (size_t step = 0; step < 64 && !paths.empty(); ++step) {
      std::vector<Path> longer;
      for (const Path& path : paths) {
        if (path.written.text.size() > kMaxWritten) continue;
        const double start = seconds_now();
        const MemoryAnswer answer = memory.next(path.context);
        times.push_back(seconds_now() - start);
        std::map<std::string, double> ends;  // by the text before the break
        size_t n = 0;
        for (const MemoryCandidate& candidate : answer.candidates) {
          const std::string_view bytes = tokenizer_.bytes(candidate.token);
          if (bytes.empty()) continue;
          if (bytes.find('\n') != std::string_view::npos) {
            ends[until_break(bytes)] += candidate.probability;
          } else if (n++ < beam_) {
            Path next = path;
            next.context.push_back(candidate.token);
            next.written.text += bytes;
            next.written.probability *= candidate.probability;
            longer.push_back(std::move(next));
          }
        }
        for (const auto& [text, probability] : ends) {
          if (step == 0 && is_blank(text)) continue;  // an empty completion is none
          ended.push_back({path.written.text + text, path.written.probability * probability});
        }
      }
      auto better = [](const Path& a, const Path& b) {
        return a.written.probability > b.written.probability;
      };
      std::stable_sort(longer.begin(), longer.end(), better);
      if (longer.size() > beam_) longer.resize(beam_);
      const Written* best = best_of(ended);
      if (best && (longer.empty() || best->probability >= longer[0].written.probability))
        return *best;
      // Greedy: an end that loses against going on is given up.
      if (beam_ == 1) ended.clear();
      paths = std::move(longer);
    }
    const Written* best = best_of(ended);
    return best ? *best : Written{"", 0};
  }

  std::vector<double> times;  // of the answers, in seconds

 private:
  struct Path {
    std::vector<TokenId> context;
    Written written;
  };
  static const Written* best_of(const std::vector<Written>& written) {
    const auto best = std::max_element(
        written.begin(), written.end(),
        [](const Written& a, const Written& b) { return a.probability < b.probability; });
    return best == written.end() ? nullptr : &*best;
  }
  const engine::Tokenizer& tokenizer_;
  const size_t beam_;
};

double percentile(std::vector<double>& values, double share) {
  if (values.empty()) return 0;
  const size_t at =
      std::min(values.size() - 1, static_cast<size_t>(share * static_cast<double>(values.size())));
  std::nth_element(values.begin(), values.begin() + static_cast<ptrdiff_t>(at), values.end());
  return values[at];
}

int usage() {
  std::fprintf(stderr,
               "usage: memory_eval TOKENIZER DOCUMENTS.jsonl|FOLDER... [--holes N] [--seed S] "
               "[--only PACKAGE,...] [--packages] [--beam N]\n"
               "                   [--recent-weight W] [--escape E] [--context N]\n");
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  MemoryOptions options;
  size_t n_holes = 240, beam = 1;
  unsigned seed = 1;
  bool by_package = false;
  std::vector<std::string> inputs;
  std::set<std::string> only;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    auto value = [&] { return i + 1 < argc ? argv[++i] : "0"; };
    if (argument == "--holes")
      n_holes = std::strtoul(value(), nullptr, 10);
    else if (argument == "--seed")
      seed = static_cast<unsigned>(std::strtoul(value(), nullptr, 10));
    else if (argument == "--beam")
      beam = std::max<size_t>(1, std::strtoul(value(), nullptr, 10));
    else if (argument == "--recent-weight")
      options.recent_weight = std::strtod(value(), nullptr);
    else if (argument == "--escape")
      options.escape = std::strtod(value(), nullptr);
    else if (argument == "--context")
      options.max_context = std::strtoul(value(), nullptr, 10);
    else if (argument == "--packages")
      by_package = true;
    else if (argument == "--only") {
      std::string names = value();
      for (size_t at = 0; at <= names.size();) {
        const size_t comma = std::min(names.find(',', at), names.size());
        only.insert(names.substr(at, comma - at));
        at = comma + 1;
      }
    } else if (argument.starts_with("--"))
      return usage();
    else
      inputs.push_back(argument);
  }
  if (inputs.size() < 2) return usage();
  const auto tokenizer = bench::load_tokenizer(inputs[0]);
  if (!tokenizer) {
    std::fprintf(stderr, "%s\n", tokenizer.error().message.c_str());
    return 1;
  }
  std::vector<File> files;
  for (size_t i = 1; i < inputs.size(); ++i) {
    const Status read = read_documents(**tokenizer, inputs[i], only, files);
    if (read) continue;
    std::fprintf(stderr, "%s\n", read.error().message.c_str());
    return 1;
  }
  std::map<std::string, std::vector<const File*>> packages;
  for (const File& file : files) packages[file.package].push_back(&file);

  std::map<std::string, Tally> tallies[2];  // both sides, only before; by language or package
  Writer writer(**tokenizer, beam);
  double build_s = 0;
  size_t build_tokens = 0, build_bytes = 0;
  std::vector<double> recent_s;
  for (const auto& [package, members] : packages) {
    std::vector<std::pair<std::string, std::vector<TokenId>>> documents;
    std::vector<std::pair<const File*, const Line*>> all_lines;
    for (const File* file : members) {
      documents.emplace_back(file->path, file->tokens);
      for (const Line& line : file->lines) all_lines.emplace_back(file, &line);
    }
    const double build_start = seconds_now();
    const auto built = RepositoryMemory::from_documents(documents, options);
    build_s += seconds_now() - build_start;
    if (!built) {
      std::fprintf(stderr, "%s: %s\n", package.c_str(), built.error().message.c_str());
      return 1;
    }
    build_tokens += (*built)->n_tokens();
    build_bytes += (*built)->n_bytes();

    std::mt19937 random(seed);
    for (size_t h = 0; h < std::min(n_holes, all_lines.size()); ++h) {
      std::swap(all_lines[h], all_lines[h + random() % (all_lines.size() - h)]);
      const File& file = *all_lines[h].first;
      const Line line = *all_lines[h].second;
      const bool whole_line = h % 2 == 0;
      const size_t begin =
          whole_line ? line.code : line.code + 1 + random() % (line.end - line.code - 1);
      std::string wanted;
      for (size_t i = begin; i < line.end; ++i) wanted += (*tokenizer)->bytes(file.tokens[i]);
      wanted = until_break(wanted);
      if (is_blank(wanted)) continue;
      const auto at = [&](size_t i) { return file.tokens.begin() + static_cast<ptrdiff_t>(i); };
      const std::vector<TokenId> context(file.tokens.begin(), at(begin));
      const std::vector<TokenId> gold(at(begin), at(line.end));
      for (int side = 0; side < 2; ++side) {
        std::vector<std::vector<TokenId>> recent{context};
        if (side == 0) recent.emplace_back(at(line.end), file.tokens.end());
        const double recent_start = seconds_now();
        std::span<const TokenId> after(file.tokens);
        after = side == 0 ? after.subspan(line.end) : after.first(0);
        const auto memory = (*built)->with_recent(std::move(recent), file.path, after);
        recent_s.push_back(seconds_now() - recent_start);
        const double bits = -memory->log2_likelihood(context, gold, (*tokenizer)->n_vocab()) *
                            static_cast<double>(gold.size());
        const Written written = writer.write(*memory, context);
        const bool hit = written.text == wanted;
        for (const std::string& name : {by_package ? package : file.language, std::string("all")}) {
          Tally& tally = tallies[side][name];
          tally.bits += bits;
          tally.bytes += static_cast<double>(wanted.size() + 1);
          ++tally.n;
          tally.hits += hit;
          tally.line_n += whole_line;
          tally.line_hits += whole_line && hit;
          for (int i = 0; i < 3; ++i) {
            const bool shown = written.probability >= 0.3 + 0.2 * i;
            tally.shown[i] += shown;
            tally.shown_hits[i] += shown && hit;
          }
        }
      }
    }
  }
  for (int side = 0; side < 2; ++side) {
    std::printf("%s:\n", side == 0 ? "both sides visible" : "only before the cursor");
    for (const auto& [name, tally] : tallies[side]) tally.print(name);
  }
  const size_t n_answers = writer.times.size();
  std::printf(
      "%zu packages; build %zu tokens, %.2f M tokens/s, %.1f bytes/token; with_recent p50 %.2f p95 "
      "%.2f ms; next p50 %.1f p95 %.1f us of %zu\n",
      packages.size(), build_tokens, static_cast<double>(build_tokens) / build_s / 1e6,
      static_cast<double>(build_bytes) / static_cast<double>(std::max<size_t>(build_tokens, 1)),
      1e3 * percentile(recent_s, 0.5), 1e3 * percentile(recent_s, 0.95),
      1e6 * percentile(writer.times, 0.5), 1e6 * percentile(writer.times, 0.95), n_answers);
  return 0;
}
