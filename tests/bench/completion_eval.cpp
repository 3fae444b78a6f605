// tests/bench/completion_eval.cpp - the product's completions on hidden text of packages that
// nothing was trained on: memory alone, network alone, both.
//
//   completion_eval --docs FILE.jsonl [--model F.gguf] [--holes N] [--multi N] [--seed S]
//                   [--threads N] [--package NAME]... [--dump FILE] [--memory-only]
//
// FILE has one document a line: {"language", "package", "path", "text"}. Every package becomes a
// folder that is indexed; a hole is cut into one of its files as an unsaved buffer, and the
// completer (daemon/completion, all of it but the clock) is asked at the cursor. The rest of the
// package is what the memory knows. Each hole is asked twice: with both sides visible, and with
// everything behind the cursor hidden.
//
// Half of the holes are whole lines (from the indentation on), half run from inside a line to its
// end; comments, docstrings and short lines are left out. --multi adds holes of 2 to 8 whole lines.
// A hit is the exact text up to the line end, trailing blanks aside. Bits per byte are those of the
// hidden text and its line end, given the bytes of a word that is cut; spellings of the line end
// count as one.
//
// Printed: the tables of docs/benchmarks/completion.md. --dump writes what models/train/fit_gate.py
// fits: one row a token (S), one a line (M of the memory's answer, N of the mixture's).
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "base/file.h"
#include "base/text.h"
#include "daemon/completion/calibration.h"
#include "daemon/completion/completer.h"
#include "daemon/completion/gate.h"
#include "repoindex/index.h"
#include "repoindex/snapshot.h"

using namespace engramd;

namespace {

enum System { kMemory, kNetwork, kMixed, kSystems };
constexpr const char* kSystemNames[] = {"memory", "network", "both"};
enum Visible { kBothSides, kBeforeOnly, kVisibles };
constexpr const char* kVisibleNames[] = {"both sides", "before the cursor"};

struct Document {
  std::string language, path, text;
};
struct Package {
  std::string name;
  std::vector<Document> documents;
};
struct Hole {
  size_t document = 0, begin = 0, end = 0;
  size_t n_lines = 1;
  bool whole_line = false;
};

struct Answer {
  bool hit = false;
  double confidence = 0;
  size_t n_shown_lines = 0, n_right_lines = 0;  // of several
};
struct Row {
  std::string language;
  bool whole_line = false;
  size_t n_lines = 1;
  Answer answers[kVisibles][kSystems];
  double bits[kVisibles][kSystems] = {};
  size_t n_bytes = 0;
};

struct Settings {
  std::string docs, model, dump;
  size_t n_holes = 2000, n_multi = 400, n_threads = 2;
  unsigned seed = 1;
  bool memory_only = false;
  std::vector<std::string> packages;
};

// ---- the holes

bool is_comment(std::string_view line, const std::string& language) {
  const bool hash = language == "python" || language == "bash";
  if (hash) return line.starts_with("#");
  return line.starts_with("//") || line.starts_with("/*") || line.starts_with("*");
}

// Where code lines begin and end: without indentation and trailing blanks.
struct CodeLine {
  size_t number = 0, begin = 0, end = 0;
};
std::vector<CodeLine> code_lines(const Document& document) {
  std::vector<CodeLine> lines;
  bool in_string = false, in_comment = false;
  size_t number = 0, begin = 0;
  for (const std::string_view whole : split_lines(document.text)) {
    const size_t line_begin = begin;
    begin += whole.size() + 1;
    ++number;
    const std::string_view line = trim(whole);
    if (document.language == "python") {
      size_t quotes = 0;
      for (const auto* quote : {"\"\"\"", "'''"})
        for (size_t at = 0; (at = whole.find(quote, at)) != std::string::npos; at += 3) ++quotes;
      const bool was_in_string = in_string;
      if (quotes % 2 == 1) in_string = !in_string;
      if (was_in_string || quotes > 0) continue;
    } else if (document.language != "bash") {
      const bool was_in_comment = in_comment;
      if (const size_t open = whole.rfind("/*"); open != std::string_view::npos)
        in_comment = whole.find("*/", open) == std::string_view::npos;
      else if (in_comment && whole.find("*/") != std::string_view::npos)
        in_comment = false;
      if (was_in_comment) continue;
    }
    if (line.size() < 6 || line.size() > 120 || is_comment(line, document.language)) continue;
    const size_t from = line_begin + static_cast<size_t>(line.data() - whole.data());
    lines.push_back({number, from, from + line.size()});
  }
  return lines;
}

std::vector<Hole> choose(const Package& package, const engine::Tokenizer& tokenizer,
                         size_t n_single, size_t n_multi, unsigned seed) {
  struct Place {
    size_t document, line;
  };
  std::vector<std::vector<CodeLine>> lines;
  std::vector<Place> places;
  for (size_t d = 0; d < package.documents.size(); ++d) {
    lines.push_back(code_lines(package.documents[d]));
    for (size_t l = 0; l < lines.back().size(); ++l) places.push_back({d, l});
  }
  std::mt19937 random(seed);
  std::shuffle(places.begin(), places.end(), random);
  std::vector<Hole> holes;
  size_t n_multi_left = n_multi;
  for (const Place& place : places) {
    const CodeLine& line = lines[place.document][place.line];
    const std::string& text = package.documents[place.document].text;
    if (holes.size() < n_single) {
      Hole hole{place.document, line.begin, line.end, 1, holes.size() % 2 == 0};
      if (!hole.whole_line) {
        // Completion is asked for after any key: half of these begin at any character, half at one
        // of the line's inner tokens.
        const std::string_view code =
            std::string_view(text).substr(line.begin, line.end - line.begin);
        const auto tokens = tokenizer.encode(code);
        if (tokens.size() < 3) continue;
        if (random() % 2 == 0) {
          hole.begin += 1 + random() % (code.size() - 2);
        } else {
          const size_t skip = 1 + random() % (tokens.size() - 2);
          for (size_t i = 0; i < skip; ++i) hole.begin += tokenizer.bytes(tokens[i]).size();
        }
        if (hole.begin + 2 > hole.end) continue;
        // Inside a character that takes several bytes nobody asks.
        if ((static_cast<unsigned char>(text[hole.begin]) & 0xC0) == 0x80) continue;
      }
      holes.push_back(hole);
    } else if (n_multi_left > 0) {
      const size_t n = 2 + random() % 7;
      const size_t last = place.line + n - 1;
      if (last >= lines[place.document].size()) continue;
      // Lines of code without a gap.
      const CodeLine& end = lines[place.document][last];
      if (end.number != line.number + n - 1) continue;
      holes.push_back({place.document, line.begin, end.end, n, true});
      --n_multi_left;
    } else {
      break;
    }
  }
  return holes;
}

// ---- asking

std::string_view without_end_blanks(std::string_view text) {
  const size_t last = text.find_last_not_of(" \t\r");
  return last == std::string_view::npos ? std::string_view() : text.substr(0, last + 1);
}

// How many lines are right before the first that is not.
size_t right_lines(std::string_view said, std::string_view wanted) {
  const auto a = split_lines(said), b = split_lines(wanted);
  size_t n = 0;
  while (n < a.size() && n < b.size() && without_end_blanks(a[n]) == without_end_blanks(b[n])) ++n;
  return n;
}

class Asker {
 public:
  Asker(const Settings& settings, std::shared_ptr<const engine::Model> model, std::ofstream* dump,
        std::mutex& dump_mutex)
      : settings_(settings), model_(std::move(model)), dump_(dump), dump_mutex_(dump_mutex) {}

  Result<std::vector<Row>> run(const Package& package, size_t n_single, size_t n_multi);

 private:
  Status ask(daemon::Completer& completer, const repoindex::View& view, const Document& document,
             const Hole& hole, Row& row);
  Result<daemon::Completion> complete(daemon::Completer& completer, const repoindex::View& view,
                                      const std::string& path, size_t offset, System system,
                                      size_t max_lines, double wanted) const;
  void write(const std::string& lines) {
    if (dump_ == nullptr) return;
    const std::lock_guard lock(dump_mutex_);
    *dump_ << lines;
  }

  const Settings& settings_;
  std::shared_ptr<const engine::Model> model_;
  std::ofstream* dump_;
  std::mutex& dump_mutex_;
};

Result<std::vector<Row>> Asker::run(const Package& package, size_t n_single, size_t n_multi) {
  const auto folder = std::filesystem::temp_directory_path() /
                      ("completion_eval_" + std::to_string(::getpid()) + "_" + package.name);
  const struct Remove {
    std::filesystem::path path;
    ~Remove() {
      std::error_code ignored;
      std::filesystem::remove_all(path, ignored);
    }
  } remove{folder};
  for (const Document& document : package.documents) {
    const auto path = folder / document.path;
    std::error_code error;
    std::filesystem::create_directories(path.parent_path(), error);
    ENGRAMD_CHECK(write_file_atomic(path, document.text));
  }
  repoindex::IndexOptions index_options;
  index_options.use_cache = false;
  index_options.n_threads = 1;
  ENGRAMD_TRY(const auto index, repoindex::RepoIndex::open(folder, index_options));
  ENGRAMD_TRY(const auto refreshed, index->refresh());
  (void)refreshed;
  const repoindex::View view{index->snapshot(), nullptr, nullptr};
  daemon::CompleterOptions options;
  options.use_network = !settings_.memory_only;
  ENGRAMD_TRY(const auto completer, daemon::Completer::make(model_, nullptr, options));
  std::vector<Row> rows;
  for (const Hole& hole : choose(package, model_->tokenizer(), n_single, n_multi, settings_.seed)) {
    const Document& document = package.documents[hole.document];
    Row row;
    row.language = document.language;
    row.whole_line = hole.whole_line;
    row.n_lines = hole.n_lines;
    ENGRAMD_CHECK(ask(*completer, view, document, hole, row));
    rows.push_back(std::move(row));
  }
  return rows;
}

Result<daemon::Completion> Asker::complete(daemon::Completer& completer,
                                           const repoindex::View& view, const std::string& path,
                                           size_t offset, System system, size_t max_lines,
                                           double wanted) const {
  daemon::CompleteOptions options;
  options.max_lines = max_lines;
  options.max_tokens = max_lines > 1 ? 160 : 48;
  options.min_confidence = wanted;
  options.sources = system == kMemory    ? daemon::CompletionSources::memory
                    : system == kNetwork ? daemon::CompletionSources::network
                                         : daemon::CompletionSources::both;
  return completer.complete(view, path, offset, options);
}

void append_line(std::string& out, char kind, Visible visible, bool right,
                 const daemon::LineEvidence& evidence) {
  out += kind;
  out += ' ';
  out += std::to_string(visible) + ' ' + std::to_string(evidence.continued) + ' ' +
         std::to_string(right);
  for (const float feature : daemon::line_features(evidence)) out += ' ' + std::to_string(feature);
  out += '\n';
}

Status Asker::ask(daemon::Completer& completer, const repoindex::View& view,
                  const Document& document, const Hole& hole, Row& row) {
  const std::string_view text(document.text);
  const std::string gold(text.substr(hole.begin, hole.end - hole.begin));
  row.n_bytes = gold.size() + 1;
  const auto n_vocab = static_cast<double>(model_->tokenizer().n_vocab());
  std::string rows;
  for (int v = 0; v < kVisibles; ++v) {
    const auto visible = static_cast<Visible>(v);
    std::string seen(text.substr(0, hole.begin));
    if (visible == kBothSides) seen += text.substr(hole.end);
    auto overlay = std::make_shared<repoindex::Overlay>();
    repoindex::OpenDocument open;
    open.text = std::make_shared<const std::string>(std::move(seen));
    open.version = 1;
    (*overlay)[document.path] = std::move(open);
    repoindex::View edited = view;
    edited.overlay = overlay;

    if (hole.n_lines == 1) {
      ENGRAMD_TRY(const daemon::Decoded told,
                  completer.judge_text(edited, document.path, hole.begin, gold + "\n"));
      for (const daemon::DecodedToken& token : told.tokens) {
        const auto bits = [&](double p, double said) {
          return -std::log2(std::max(p + std::max(0.0, 1 - said) / n_vocab, 1e-9));
        };
        row.bits[v][kMemory] += bits(token.memory_probability, token.evidence.memory_sum);
        row.bits[v][kNetwork] += bits(token.network_probability, 1);
        row.bits[v][kMixed] += bits(token.probability, 1);
        if (dump_ == nullptr || settings_.memory_only) continue;
        rows += "S " + std::to_string(v) + ' ' + std::to_string(token.memory_probability) + ' ' +
                std::to_string(token.network_probability) + ' ' +
                std::to_string(token.evidence.memory_sum) + ' ' +
                std::to_string(token.evidence.memory) + std::to_string(token.evidence.network);
        for (const float feature : daemon::step_features(token.evidence))
          rows += ' ' + std::to_string(feature);
        rows += '\n';
      }
    }
    for (int s = 0; s < kSystems; ++s) {
      if (settings_.memory_only && s != kMemory) continue;
      const auto system = static_cast<System>(s);
      Answer& answer = row.answers[v][s];
      if (hole.n_lines == 1) {
        ENGRAMD_TRY(const daemon::Completion said,
                    complete(completer, edited, document.path, hole.begin, system, 1, 0));
        answer.hit = without_end_blanks(said.text) == without_end_blanks(gold);
        answer.confidence = said.confidence;
        if (!said.lines.empty() && system != kNetwork)
          append_line(rows, system == kMemory ? 'M' : 'N', visible, answer.hit, said.lines[0]);
      } else if (system != kNetwork) {
        // Everything it would say, for the lines before the first error and for fitting; then what
        // the product would show.
        ENGRAMD_TRY(const daemon::Completion all,
                    complete(completer, edited, document.path, hole.begin, system, 8, 0));
        answer.n_right_lines = right_lines(all.text, gold);
        for (size_t l = 1; l < all.lines.size() && l < hole.n_lines; ++l) {
          if (answer.n_right_lines < l) break;
          append_line(rows, system == kMemory ? 'M' : 'N', visible, answer.n_right_lines > l,
                      all.lines[l]);
        }
        ENGRAMD_TRY(const daemon::Completion shown,
                    complete(completer, edited, document.path, hole.begin, system, 8,
                             daemon::kShownWhileTyping));
        answer.n_shown_lines = shown.text.empty() ? 0 : split_lines(shown.text).size();
        answer.hit = answer.n_shown_lines > 0 &&
                     right_lines(shown.text, gold) >= std::min(answer.n_shown_lines, hole.n_lines);
        answer.confidence = shown.confidence;
      }
    }
  }
  write(rows);
  return {};
}

// ---- figures

// Two-sided, exact: how probable so uneven a split of the holes on which two systems differ is.
double mcnemar(size_t won, size_t lost) {
  const size_t n = won + lost;
  if (n == 0) return 1;
  double sum = 0;
  for (size_t k = 0; k <= std::min(won, lost); ++k)
    sum += std::exp(
        std::lgamma(static_cast<double>(n) + 1) - std::lgamma(static_cast<double>(k) + 1) -
        std::lgamma(static_cast<double>(n - k) + 1) - static_cast<double>(n) * std::log(2.0));
  return std::min(1.0, 2 * sum);
}

double share(size_t part, size_t whole) {
  return whole == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

using Pick = std::function<bool(const Row&)>;
std::vector<const Row*> picked(const std::vector<Row>& rows, const Pick& pick) {
  std::vector<const Row*> out;
  for (const Row& row : rows)
    if (pick(row)) out.push_back(&row);
  return out;
}

void print_matches(const std::vector<const Row*>& rows, int v) {
  std::printf("\n%s (%zu holes):\n\n", kVisibleNames[v], rows.size());
  std::printf(
      "| system | whole line %% | rest of line %% | all %% (s.e.) | against the memory | shown %% "
      "| "
      "precision %% | at 0.5: shown %% | precision %% |\n|---|---|---|---|---|---|---|---|---|\n");
  for (int s = 0; s < kSystems; ++s) {
    size_t n_line = 0, line_hits = 0, hits = 0, won = 0, lost = 0, shown = 0, right = 0;
    size_t sure = 0, sure_right = 0;
    for (const Row* row : rows) {
      const Answer& a = row->answers[v][s];
      n_line += row->whole_line;
      line_hits += row->whole_line && a.hit;
      hits += a.hit;
      won += a.hit && !row->answers[v][kMemory].hit;
      lost += !a.hit && row->answers[v][kMemory].hit;
      shown += a.confidence >= daemon::kShownWhileTyping;
      right += a.confidence >= daemon::kShownWhileTyping && a.hit;
      sure += a.confidence >= 0.5;
      sure_right += a.confidence >= 0.5 && a.hit;
    }
    const double p = share(hits, rows.size()) / 100;
    char against[64] = "";
    if (s != kMemory)
      std::snprintf(against, sizeof(against), "+%zu / -%zu, p %.2g", won, lost, mcnemar(won, lost));
    std::printf(
        "| %s | %.1f | %.1f | %.1f (%.1f) | %s | %.1f | %.1f | %.1f | %.1f |\n", kSystemNames[s],
        share(line_hits, n_line), share(hits - line_hits, rows.size() - n_line), 100 * p,
        100 * std::sqrt(p * (1 - p) / static_cast<double>(std::max<size_t>(rows.size(), 1))),
        against, share(shown, rows.size()), share(right, shown), share(sure, rows.size()),
        share(sure_right, sure));
  }
}

void print_languages(const std::vector<const Row*>& rows) {
  std::map<std::string, std::vector<const Row*>> by_language;
  for (const Row* row : rows) by_language[row->language].push_back(row);
  std::printf(
      "\n| language | holes | exact %% memory | network | both | before only: memory | network | "
      "both | bits/byte memory | network | both "
      "|\n|---|---|---|---|---|---|---|---|---|---|---|\n");
  by_language["all"] = rows;
  for (const auto& [language, part] : by_language) {
    std::printf("| %s | %zu |", language.c_str(), part.size());
    for (int v = 0; v < kVisibles; ++v)
      for (int s = 0; s < kSystems; ++s) {
        size_t hits = 0;
        for (const Row* row : part) hits += row->answers[v][s].hit;
        std::printf(" %.1f |", share(hits, part.size()));
      }
    for (int s = 0; s < kSystems; ++s) {
      double bits = 0, bytes = 0;
      for (const Row* row : part) {
        bits += row->bits[kBothSides][s];
        bytes += static_cast<double>(row->n_bytes);
      }
      std::printf(" %.3f |", bits / std::max(bytes, 1.0));
    }
    std::printf("\n");
  }
}

void print_calibration(const std::vector<const Row*>& rows) {
  std::printf(
      "\n| confidence | memory: share %% | right %% | both: share %% | right %% "
      "|\n|---|---|---|---|---|\n");
  for (int bin = 0; bin < 10; ++bin) {
    std::printf("| %.1f-%.1f |", bin / 10.0, (bin + 1) / 10.0);
    for (const int s : {kMemory, kMixed}) {
      size_t n = 0, right = 0;
      for (const Row* row : rows)
        for (int v = 0; v < kVisibles; ++v) {
          const Answer& a = row->answers[v][s];
          if (std::min(9, static_cast<int>(a.confidence * 10)) != bin) continue;
          ++n;
          right += a.hit;
        }
      std::printf(" %.1f | %.1f |", share(n, 2 * rows.size()), share(right, n));
    }
    std::printf("\n");
  }
}

void print_lines(const std::vector<const Row*>& rows) {
  if (rows.empty()) return;
  std::printf("\nHoles of 2 to 8 lines (%zu):\n\n", rows.size());
  std::printf(
      "| visible | system | lines before the first error, mean | shown %% | lines shown, mean | "
      "precision %% | of several lines: shown %% | precision %% "
      "|\n|---|---|---|---|---|---|---|---|\n");
  for (int v = 0; v < kVisibles; ++v)
    for (const int s : {kMemory, kMixed}) {
      size_t lines = 0, shown = 0, shown_lines = 0, right = 0, several = 0, several_right = 0;
      for (const Row* row : rows) {
        const Answer& a = row->answers[v][s];
        lines += a.n_right_lines;
        shown += a.n_shown_lines > 0;
        shown_lines += a.n_shown_lines;
        right += a.hit;
        several += a.n_shown_lines > 1;
        several_right += a.n_shown_lines > 1 && a.hit;
      }
      std::printf(
          "| %s | %s | %.2f | %.1f | %.2f | %.1f | %.1f | %.1f |\n", kVisibleNames[v],
          kSystemNames[s], static_cast<double>(lines) / static_cast<double>(rows.size()),
          share(shown, rows.size()),
          static_cast<double>(shown_lines) / static_cast<double>(std::max<size_t>(shown, 1)),
          share(right, shown), share(several, rows.size()), share(several_right, several));
    }
}

Result<std::vector<Package>> read_packages(const Settings& settings) {
  std::ifstream file(settings.docs);
  if (!file) return fail(ErrorCode::not_found, "no file " + settings.docs);
  std::map<std::string, Package> packages;
  for (std::string line; std::getline(file, line);) {
    const auto json = nlohmann::json::parse(line, nullptr, false);
    if (!json.is_object()) return fail(ErrorCode::corrupt, "a line of the documents is no object");
    Package& package = packages[json.value("package", "")];
    std::filesystem::path path = std::filesystem::path(json.value("path", "")).lexically_normal();
    path = path.relative_path();
    if (path.empty() || *path.begin() == "..") continue;
    package.name = json.value("package", "");
    package.documents.push_back(
        {json.value("language", ""), path.string(), json.value("text", "")});
  }
  std::vector<Package> out;
  for (auto& [name, package] : packages) {
    const auto& wanted = settings.packages;
    if (wanted.empty() || std::find(wanted.begin(), wanted.end(), name) != wanted.end())
      out.push_back(std::move(package));
  }
  return out;
}

Status run(const Settings& settings) {
  engine::LoadOptions load;
  load.n_threads = 1;
  ENGRAMD_TRY(const auto model, engine::Model::load(settings.model, load));
  ENGRAMD_TRY(const auto packages, read_packages(settings));
  if (packages.empty()) return fail(ErrorCode::invalid_input, "no packages to ask about");
  std::ofstream dump;
  if (!settings.dump.empty()) dump.open(settings.dump);
  std::mutex mutex;  // guards what follows
  std::mutex dump_mutex;
  std::vector<std::vector<Row>> by_package(packages.size());
  std::optional<Error> problem;
  std::atomic<size_t> next{0};
  const auto per_package = [&](size_t n) { return (n + packages.size() - 1) / packages.size(); };
  const auto start = Clock::now();
  {
    std::vector<std::jthread> threads;
    for (size_t t = 0; t < settings.n_threads; ++t)
      threads.emplace_back([&] {
        for (size_t i; (i = next++) < packages.size();) {
          Asker asker(settings, model, settings.dump.empty() ? nullptr : &dump, dump_mutex);
          auto rows =
              asker.run(packages[i], per_package(settings.n_holes), per_package(settings.n_multi));
          const std::lock_guard lock(mutex);
          if (!rows) {
            problem = rows.error().with(packages[i].name);
            next = packages.size();
            return;
          }
          std::fprintf(stderr, "%s: %zu holes, %.0f s\n", packages[i].name.c_str(), rows->size(),
                       std::chrono::duration<double>(Clock::now() - start).count());
          by_package[i] = *std::move(rows);
        }
      });
  }
  if (problem) return fail(*problem);
  std::vector<Row> rows;
  for (auto& part : by_package) rows.insert(rows.end(), part.begin(), part.end());
  const auto single = picked(rows, [](const Row& row) { return row.n_lines == 1; });
  std::printf("%zu packages, seed %u, %s\n", packages.size(), settings.seed,
              model->info().architecture.c_str());
  for (int v = 0; v < kVisibles; ++v) print_matches(single, v);
  print_languages(single);
  print_calibration(single);
  print_lines(picked(rows, [](const Row& row) { return row.n_lines > 1; }));
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  bool wrong = false;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const auto value = [&] { return std::string(i + 1 < argc ? argv[++i] : ""); };
    const auto number = [&] { return std::strtoul(value().c_str(), nullptr, 10); };
    if (argument == "--docs")
      settings.docs = value();
    else if (argument == "--model")
      settings.model = value();
    else if (argument == "--holes")
      settings.n_holes = number();
    else if (argument == "--multi")
      settings.n_multi = number();
    else if (argument == "--threads")
      settings.n_threads = number();
    else if (argument == "--seed")
      settings.seed = static_cast<unsigned>(number());
    else if (argument == "--package")
      settings.packages.push_back(value());
    else if (argument == "--dump")
      settings.dump = value();
    else if (argument == "--memory-only")
      settings.memory_only = true;
    else
      wrong = true;
  }
  if (wrong || settings.docs.empty() || settings.model.empty()) {
    std::fprintf(stderr,
                 "usage: completion_eval --docs FILE.jsonl --model F.gguf [--holes N] [--multi N] "
                 "[--seed S] [--threads N] [--package NAME]... [--dump FILE] [--memory-only]\n");
    return 2;
  }
  if (const Status done = run(settings); !done) {
    std::fprintf(stderr, "%s\n", done.error().message.c_str());
    return 1;
  }
  return 0;
}
