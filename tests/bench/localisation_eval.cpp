// How well the ranker finds the files, functions and lines of landed fixes, commit by commit,
// without a checkout: the base commit's blobs are parsed once and kept.
//
//   localisation_eval CASES.jsonl OUT.jsonl [--limit N] owner/name=GITDIR ...
//
// A case is one line of JSON: repo, base and fix (commits), message, gold (files), gold_functions
// ({file: [names]}). For each one a line goes to OUT: the ranks of its gold files and functions,
// the share of its gold lines in windows of several sizes, and every signal of the candidates, from
// which localisation_eval.py makes tables, fits weights and takes signals away.
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/process.h"
#include "repoindex/context.h"
#include "repoindex/index.h"
#include "repoindex/rank/weights.h"
#include "tests/bench/commit_tree.h"

using namespace engramd;
using namespace engramd::repoindex;
using nlohmann::json;

namespace {

using bench::git;

constexpr size_t kCandidates = 250, kCandidateFunctions = 300;
constexpr size_t kBudgets[] = {4096, 16384, 65536};

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

class Repository {
 public:
  explicit Repository(std::string folder) : folder_(std::move(folder)) {
    ChangeLogOptions options;
    options.max_changes = 20000;
    options.max_bytes = 256u << 20;
    options.max_ms = 600000;
    log_ = *read_change_log(folder_, options, {});
    for (size_t i = 0; i < log_->changes.size(); ++i) position_[log_->changes[i].commit] = i;
  }

  View at(const std::string& commit) {
    auto overlay = std::make_shared<Overlay>();
    std::vector<std::pair<std::string, std::string>> wanted;  // path, blob
    std::string missing;
    const std::string listing = git(folder_, {"ls-tree", "-r", "-z", commit});
    for (size_t i = 0; i < listing.size();) {
      const size_t end = listing.find('\0', i), tab = listing.find('\t', i);
      const std::string path = listing.substr(tab + 1, end - tab - 1);
      const std::string kind = listing.substr(i + 7, 4), blob = listing.substr(i + 12, 40);
      i = end + 1;
      if (kind != "blob" || !is_ranked_language(language_of(path))) continue;
      wanted.push_back({path, blob});
      if (blobs_.try_emplace(blob).second) missing += blob + "\n";
    }
    if (!missing.empty()) read(git(folder_, {"cat-file", "--batch"}, missing));
    for (const auto& [path, blob] : wanted) {
      OpenDocument& document = blobs_[blob];
      if (document.text == nullptr) continue;
      if (document.facts == nullptr) document.facts = extract_facts(path, *document.text);
      (*overlay)[path] = document;
    }
    return View{nullptr, overlay};
  }

  std::optional<PastChanges> before(const std::string& commit) const {
    const auto found = position_.find(commit);
    if (found == position_.end()) return std::nullopt;
    return PastChanges(log_, found->second, found->second + 6000);
  }

  // Lines (from 0) of the base that the fix changes; for an insertion the lines around it.
  std::map<std::string, std::set<uint32_t>> gold_lines(const json& fix_case) const {
    std::map<std::string, std::set<uint32_t>> lines;
    for (const std::string path : fix_case["gold"]) {
      const std::string diff = git(folder_, {"diff", "-U0", "--no-ext-diff", "--no-color",
                                             fix_case["base"], fix_case["fix"], "--", path});
      for (size_t at = diff.find("\n@@ -"); at != std::string::npos;
           at = diff.find("\n@@ -", at + 1)) {
        unsigned begin = 0, n = 1;
        if (std::sscanf(diff.c_str() + at + 5, "%u,%u", &begin, &n) < 1) continue;
        if (n == 0) {
          lines[path].insert(begin > 0 ? begin - 1 : 0);
        } else {
          for (unsigned k = 0; k < n; ++k) lines[path].insert(begin - 1 + k);
        }
      }
    }
    return lines;
  }

 private:
  void read(const std::string& batch) {
    for (size_t i = 0; i < batch.size();) {
      const size_t line = batch.find('\n', i);
      const std::string blob = batch.substr(i, 40);
      const size_t n = std::stoul(batch.substr(batch.rfind(' ', line) + 1));
      OpenDocument document;
      document.text = std::make_shared<const std::string>(batch.substr(line + 1, n));
      blobs_[blob] = document;
      i = line + 1 + n + 1;
    }
  }

  std::string folder_;
  ChangeLogPtr log_;
  std::map<std::string, size_t> position_;
  std::map<std::string, OpenDocument> blobs_;
};

// The share of the gold lines that the window shows.
double recall(const Window& window, const std::map<std::string, std::set<uint32_t>>& gold,
              const View& view) {
  size_t n = 0, shown = 0;
  for (const auto& [path, lines] : gold) {
    const std::string text = view.text(path).value_or("");
    std::vector<size_t> starts{0};
    for (size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\n') starts.push_back(i + 1);
    }
    for (uint32_t line : lines) {
      ++n;
      if (line + 1 >= starts.size()) continue;
      const std::string written = text.substr(starts[line], starts[line + 1] - starts[line] - 1);
      for (const WindowPart& part : window.parts) {
        if (part.path != path || part.range.end < starts[line] + written.size() ||
            part.range.begin > starts[line] + written.size()) {
          continue;
        }
        // The text may be the beginning of its range only.
        if (starts[line] > part.range.begin + part.text.size()) continue;
        if (part.text.find(written) == std::string::npos) continue;
        ++shown;
        break;
      }
    }
  }
  return n == 0 ? 0 : static_cast<double>(shown) / static_cast<double>(n);
}

}  // namespace

int main(int argc, char** argv) {
  std::map<std::string, std::string> folders;
  size_t limit = SIZE_MAX;
  std::vector<std::string> files;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--limit" && i + 1 < argc) {
      limit = std::stoul(argv[++i]);
    } else if (const size_t equals = argument.find('='); equals != std::string::npos) {
      folders[argument.substr(0, equals)] = argument.substr(equals + 1);
    } else {
      files.push_back(argument);
    }
  }
  if (files.size() != 2 || folders.empty()) {
    std::fprintf(stderr, "usage: localisation_eval CASES OUT [--limit N] owner/name=GITDIR ...\n");
    return 2;
  }
  std::map<std::string, std::vector<json>> cases;
  std::ifstream in(files[0]);
  for (std::string line; std::getline(in, line);) {
    json item = json::parse(line);
    if (cases[item["repo"]].size() < limit) cases[item["repo"]].push_back(item);
  }
  std::ofstream out(files[1]);
  for (auto& [name, list] : cases) {
    if (folders.count(name) == 0) continue;
    std::sort(list.begin(), list.end(),
              [](const json& a, const json& b) { return a["date"] < b["date"]; });
    Repository repository(folders[name]);
    CorpusCache counted(size_t{1} << 30);
    double query_s = 0;
    for (const json& item : list) {
      const View view = repository.at(item["base"]);
      const auto corpus = counted.corpus(view, false, {});
      if (!corpus) return 1;
      const std::string task = item["message"];
      LocateOptions options;
      options.k_files = kCandidates;
      options.k_functions = kCandidateFunctions;
      SignalTable signals;
      const std::optional<PastChanges> past = repository.before(item["base"]);
      const double begin_s = cpu_seconds();
      const auto located =
          rank_files(**corpus, past, task, options, default_weights(), {}, &signals);
      query_s += cpu_seconds() - begin_s;
      if (!located) return 1;
      std::vector<double> sum((*corpus)->files.size(), 0);
      for (const auto& row : signals.of_file) {
        for (size_t i = 0; i < row.size(); ++i) sum[i] += row[i];
      }
      std::vector<size_t> order(sum.size());
      for (size_t i = 0; i < order.size(); ++i) order[i] = i;
      std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return sum[a] > sum[b]; });
      json candidates = json::array();
      const std::set<std::string> gold(item["gold"].begin(), item["gold"].end());
      for (size_t k = 0; k < order.size(); ++k) {
        const std::string& path = (*corpus)->files[order[k]].path;
        const double factor = (*corpus)->files[order[k]].weight;
        if (k >= kCandidates && gold.count(path) == 0) continue;
        json row = json::array();
        for (const auto& scores : signals.of_file)
          row.push_back(scores.empty() ? 0 : std::round(factor * scores[order[k]] * 1e5) / 1e5);
        candidates.push_back({path, row});
      }
      json functions = json::array();
      for (const RankedFunction& function : located->functions)
        functions.push_back({function.path, function.name, function.score});
      json found = json::array();
      for (const RankedFile& file : located->files) found.push_back(file.path);
      json recalls = json::object();
      const auto lines = repository.gold_lines(item);
      for (size_t budget : kBudgets) {
        const auto window =
            window_of_located(view, *located, approximate_tokens, Budget{budget, 0}, CancelToken{});
        if (!window) return 1;
        recalls[std::to_string(budget)] = {{"lines", recall(*window, lines, view)},
                                           {"tokens", window->n_tokens}};
      }
      out << json{{"repo", name},         {"fix", item["fix"]},
                  {"gold", item["gold"]}, {"gold_functions", item["gold_functions"]},
                  {"n", sum.size()},      {"candidates", candidates},
                  {"ranked", found},      {"functions", functions},
                  {"windows", recalls}}
                 .dump(-1, ' ', false, json::error_handler_t::replace)
          << '\n';
    }
    std::fprintf(stderr, "%s: %zu cases, %.1f ms CPU a query, %.1f s CPU so far\n", name.c_str(),
                 list.size(), 1000 * query_s / static_cast<double>(list.size()), cpu_seconds());
  }
  return 0;
}
