#include "repoindex/locate.h"

#include <algorithm>
#include <cmath>
#include <list>
#include <mutex>
#include <unordered_map>

#include "base/hash.h"
#include "repoindex/rank/mentions.h"
#include "repoindex/rank/terms.h"
#include "repoindex/search/imports.h"

namespace engramd::repoindex {
namespace {

constexpr size_t kMaxTextBytes = 1u << 20;
constexpr size_t kMaxTaskBytes = 256u << 10;
constexpr double kSaturation = 1.2, kLengthNormalisation = 0.75;  // BM25's k1 and b

// How much each kind of evidence weighs after being scaled to at most 1; chosen on the development
// half of a benchmark mined from the histories of five Python projects (docs/benchmarks.md).
struct Weights {
  double text = 0.7, functions = 1, path = 0.4, symbol = 0.3, mention = 0.5;
  // Of functions: their own words, their file's total, and being named.
  double own = 1, file = 1, named = 0.3, at_mentioned_line = 1;
};
constexpr Weights kWeights;

struct Query {
  struct Item {
    Term term;
    double weight;  // of repeated words, damped
  };
  std::vector<Item> items;
  std::vector<std::string> names;  // identifiers that look like code
};

bool looks_like_code(std::string_view task, size_t offset, std::string_view word) {
  if (word.size() <= 3) return false;
  const size_t inner = word.find_first_not_of('_');
  if (inner == std::string_view::npos) return false;
  if (word.find('_', inner) < word.find_last_not_of('_')) return true;
  if (identifier_parts(word).size() > 1) return true;
  const char before = offset > 0 ? task[offset - 1] : ' ';
  const size_t end = offset + word.size();
  const char after = end < task.size() ? task[end] : ' ';
  return before == '`' || before == '.' || before == '(' || after == '`' || after == '.' ||
         after == '(';
}

Query read_task(std::string_view task, TermTable& table) {
  Query query;
  std::unordered_map<Term, size_t> counts;
  std::vector<Term> order;  // first seen first, so that sums are always added in one order
  for_each_word(task, [&](size_t offset, std::string_view word) {
    for (Term term : table.terms(word)) {
      if (counts[term]++ == 0) order.push_back(term);
    }
    if (looks_like_code(task, offset, word) &&
        std::find(query.names.begin(), query.names.end(), word) == query.names.end() &&
        query.names.size() < 1000) {
      query.names.emplace_back(word);
    }
  });
  for (Term term : order) {
    query.items.push_back(
        {term, std::sqrt(static_cast<double>(std::min<size_t>(counts[term], 3)))});
  }
  return query;
}

double inverse_document_frequency(size_t n_documents, size_t n_with_term) {
  const double n = static_cast<double>(n_documents), with = static_cast<double>(n_with_term);
  return std::log(1 + (n - with + 0.5) / (with + 0.5));
}

double saturated(double count, double length, double mean_length) {
  return count * (kSaturation + 1) /
         (count +
          kSaturation * (1 - kLengthNormalisation + kLengthNormalisation * length / mean_length));
}

void scale_to_one(std::vector<double>& scores) {
  double largest = 0;
  for (double score : scores) largest = std::max(largest, score);
  if (largest <= 0) return;
  for (double& score : scores) score /= largest;
}

struct Document {
  std::string path;
  std::shared_ptr<const TextTerms> terms;
  std::shared_ptr<const std::vector<uint32_t>> line_starts;
};

struct Scores {
  std::vector<double> text, path, functions, symbol, mention;
  std::vector<std::vector<double>> of_function;  // by document
};

void score_texts(const std::vector<Document>& documents, const Query& query, Scores& scores) {
  const size_t n = documents.size();
  scores.text.assign(n, 0);
  scores.functions.assign(n, 0);
  scores.of_function.resize(n);
  double total_terms = 0, total_function_terms = 0;
  size_t n_functions = 0;
  for (size_t i = 0; i < n; ++i) {
    scores.of_function[i].assign(documents[i].terms->functions.size(), 0);
    total_terms += documents[i].terms->n_terms;
    n_functions += documents[i].terms->functions.size();
    for (const auto& function : documents[i].terms->functions)
      total_function_terms += function.n_terms;
  }
  const double mean_text = std::max(1.0, total_terms / static_cast<double>(std::max<size_t>(n, 1)));
  const double mean_function =
      std::max(1.0, total_function_terms / static_cast<double>(std::max<size_t>(n_functions, 1)));

  std::vector<size_t> found(n);
  for (const Query::Item& item : query.items) {
    size_t n_with = 0, n_functions_with = 0;
    for (size_t i = 0; i < n; ++i) {
      const TextTerms& terms = *documents[i].terms;
      found[i] = terms.find(item.term);
      if (found[i] == terms.terms.size()) continue;
      n_with += terms.counts[found[i]] > 0;
      n_functions_with += terms.posting_begin[found[i] + 1] - terms.posting_begin[found[i]];
    }
    if (n_with == 0 && n_functions_with == 0) continue;
    const double text_weight = item.weight * inverse_document_frequency(n, n_with);
    const double function_weight =
        item.weight * inverse_document_frequency(n_functions, n_functions_with);
    for (size_t i = 0; i < n; ++i) {
      const TextTerms& terms = *documents[i].terms;
      const size_t t = found[i];
      if (t == terms.terms.size()) continue;
      scores.text[i] += text_weight * saturated(terms.counts[t], terms.n_terms, mean_text);
      for (uint32_t p = terms.posting_begin[t]; p < terms.posting_begin[t + 1]; ++p) {
        const TextTerms::Posting& posting = terms.postings[p];
        scores.of_function[i][posting.function] +=
            function_weight *
            saturated(posting.count, terms.functions[posting.function].n_terms, mean_function);
      }
    }
  }
  // The three best functions speak for their file.
  for (size_t i = 0; i < n; ++i) {
    double best[3] = {0, 0, 0};
    for (double score : scores.of_function[i]) {
      for (double& place : best) {
        if (score > place) std::swap(score, place);
      }
    }
    scores.functions[i] = best[0] + best[1] / 2 + best[2] / 3;
  }
}

void score_paths(const std::vector<Document>& documents, const Query& query, TermTable& table,
                 std::vector<double>& scores) {
  const size_t n = documents.size();
  scores.assign(n, 0);
  std::vector<std::unordered_map<Term, size_t>> counts(n);
  std::vector<size_t> lengths(n, 0);
  std::unordered_map<Term, size_t> n_with;
  double total = 0;
  for (size_t i = 0; i < n; ++i) {
    const std::string_view path = documents[i].path;
    const std::string_view extension = extension_of(path);
    const std::string_view stem =
        extension.empty() ? path : path.substr(0, path.size() - extension.size() - 1);
    for_each_word(stem, [&](size_t, std::string_view word) {
      for (Term term : table.terms(word)) {
        if (counts[i][term]++ == 0) ++n_with[term];
        ++lengths[i];
      }
    });
    total += static_cast<double>(lengths[i]);
  }
  const double mean = std::max(1.0, total / static_cast<double>(std::max<size_t>(n, 1)));
  for (const Query::Item& item : query.items) {
    const auto with = n_with.find(item.term);
    if (with == n_with.end()) continue;
    const double weight = item.weight * inverse_document_frequency(n, with->second);
    for (size_t i = 0; i < n; ++i) {
      const auto count = counts[i].find(item.term);
      if (count == counts[i].end()) continue;
      scores[i] += weight * saturated(static_cast<double>(count->second),
                                      static_cast<double>(lengths[i]), mean);
    }
  }
}

// Names of the task that the repository defines; a name that many files define says less.
void score_symbols(const std::vector<Document>& documents, const Query& query,
                   std::vector<double>& scores) {
  scores.assign(documents.size(), 0);
  for (const std::string& name : query.names) {
    const Term exact = exact_name(name);
    std::vector<size_t> definers;
    for (size_t i = 0; i < documents.size(); ++i) {
      const std::vector<Term>& defined = documents[i].terms->defined;
      if (std::binary_search(defined.begin(), defined.end(), exact)) definers.push_back(i);
    }
    for (size_t i : definers) scores[i] += 1.0 / static_cast<double>(definers.size());
  }
}

struct MentionedLine {
  size_t document;
  uint32_t line;
};

std::vector<MentionedLine> score_mentions(const std::vector<Document>& documents,
                                          std::string_view task, const LocateOptions& options,
                                          std::vector<double>& scores) {
  scores.assign(documents.size(), 0);
  std::vector<std::string> paths;
  paths.reserve(documents.size());
  for (const Document& document : documents) paths.push_back(document.path);
  std::vector<MentionedLine> lines;
  auto use = [&](const std::vector<Mention>& mentions, double weight) {
    for (const Mention& mention : mentions) {
      const auto at = std::lower_bound(paths.begin(), paths.end(), mention.path);
      const size_t i = static_cast<size_t>(at - paths.begin());
      scores[i] = std::max(scores[i], weight * mention.strength);
      if (mention.line > 0) lines.push_back({i, mention.line - 1});
    }
  };
  use(find_mentions(task, paths), 0.8);
  for (const std::string& place : options.mentioned) use(find_mentions(place, paths), 1);
  return lines;
}

std::shared_ptr<const std::vector<uint32_t>> find_line_starts(std::string_view text) {
  auto starts = std::make_shared<std::vector<uint32_t>>(1, 0);
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n') starts->push_back(static_cast<uint32_t>(i + 1));
  }
  return starts;
}

bool is_ranked_language(std::string_view language) {
  return !language.empty() && language != "json" && language != "yaml" && language != "toml" &&
         language != "markdown" && language != "html" && language != "css";
}

}  // namespace

bool is_test_path(std::string_view path) {
  size_t begin = 0;
  for (size_t slash; (slash = path.find('/', begin)) != std::string_view::npos; begin = slash + 1) {
    const std::string_view folder = path.substr(begin, slash - begin);
    if (folder == "test" || folder == "tests" || folder == "__tests__" || folder == "spec")
      return true;
    if (folder == "testing" && begin == 0) return true;
    if (folder == "testdata") return true;
  }
  const std::string_view name = path.substr(begin);
  const size_t dot = name.find('.');
  const std::string_view stem = name.substr(0, dot);
  const std::string_view endings =
      dot == std::string_view::npos ? std::string_view() : name.substr(dot);
  return stem.starts_with("test_") || stem.ends_with("_test") || stem.ends_with("_tests") ||
         stem == "conftest" || endings.starts_with(".test.") || endings.starts_with(".spec.") ||
         (endings == ".java" && (stem.ends_with("Test") || stem.ends_with("Tests")));
}

// Counted texts by content and path-independent; the facts decide where functions are, so they are
// part of the key through the language.
struct LocateIndex::Cache {
  struct Item {
    std::string key;
    std::shared_ptr<const TextTerms> terms;
    std::shared_ptr<const std::vector<uint32_t>> line_starts;
    size_t bytes() const {
      return terms->n_bytes() + line_starts->size() * 4 + key.size() * 2 + 200;
    }
  };
  explicit Cache(size_t limit) : max_bytes(limit) {}

  Document get(const std::string& path, const std::string& text, const FileFacts& facts,
               TermTable& table) {
    // The sizes guard against facts of an older text, when a file changed since it was indexed.
    std::string key = hash128_hex(text) + facts.language + ":" + std::to_string(facts.n_bytes) +
                      ":" + std::to_string(facts.symbols.size());
    {
      std::lock_guard lock(mutex);
      if (auto found = by_key.find(key); found != by_key.end()) {
        items.splice(items.begin(), items, found->second);
        return {path, found->second->terms, found->second->line_starts};
      }
    }
    Item item{key, std::make_shared<const TextTerms>(count_terms(text, facts, table)),
              find_line_starts(text)};
    Document document{path, item.terms, item.line_starts};
    std::lock_guard lock(mutex);
    if (by_key.count(key)) return document;
    n_bytes += item.bytes();
    items.push_front(std::move(item));
    by_key[std::move(key)] = items.begin();
    while (n_bytes > max_bytes && !items.empty()) {
      n_bytes -= items.back().bytes();
      by_key.erase(items.back().key);
      items.pop_back();
    }
    return document;
  }

  const size_t max_bytes;
  std::mutex mutex;  // guards all below
  std::list<Item> items;
  std::unordered_map<std::string, std::list<Item>::iterator> by_key;
  size_t n_bytes = 0;
};

LocateIndex::LocateIndex(size_t max_bytes) : cache_(std::make_unique<Cache>(max_bytes)) {}
LocateIndex::~LocateIndex() = default;

size_t LocateIndex::n_bytes() const {
  std::lock_guard lock(cache_->mutex);
  return cache_->n_bytes;
}

Result<LocateResult> LocateIndex::locate(const View& view, std::string_view task,
                                         const LocateOptions& options, const CancelToken& cancel) {
  task = task.substr(0, kMaxTaskBytes);
  TermTable table;
  std::vector<Document> documents;
  for (const std::string& path : view.paths()) {
    if (!options.include_tests && is_test_path(path)) continue;
    const FileFactsPtr facts = view.facts(path);
    if (!facts || !is_ranked_language(facts->language) || facts->n_bytes > kMaxTextBytes) continue;
    ENGRAMD_CHECK(cancel.check());
    const std::optional<std::string> text = view.text(path);
    if (!text || text->size() > kMaxTextBytes) continue;
    documents.push_back(cache_->get(path, *text, *facts, table));
  }
  LocateResult result;
  if (documents.empty()) return result;

  const Query query = read_task(task, table);
  Scores scores;
  score_texts(documents, query, scores);
  ENGRAMD_CHECK(cancel.check());
  score_paths(documents, query, table, scores.path);
  score_symbols(documents, query, scores.symbol);
  const std::vector<MentionedLine> lines = score_mentions(documents, task, options, scores.mention);

  double best_function = 0;
  for (const auto& of_one : scores.of_function) {
    for (double score : of_one) best_function = std::max(best_function, score);
  }
  for (auto* part : {&scores.text, &scores.path, &scores.functions, &scores.symbol})
    scale_to_one(*part);
  std::vector<double> total(documents.size());
  for (size_t i = 0; i < documents.size(); ++i) {
    total[i] = kWeights.text * scores.text[i] + kWeights.functions * scores.functions[i] +
               kWeights.path * scores.path[i] + kWeights.symbol * scores.symbol[i] +
               kWeights.mention * scores.mention[i];
  }
  scale_to_one(total);

  for (size_t i = 0; i < documents.size(); ++i) {
    if (total[i] > 0) result.files.push_back({documents[i].path, total[i]});
  }
  // documents are in the order of their paths, so a stable sort settles equal scores by path.
  std::stable_sort(result.files.begin(), result.files.end(),
                   [](const RankedFile& a, const RankedFile& b) { return a.score > b.score; });
  if (result.files.size() > options.k_files) result.files.resize(options.k_files);

  std::vector<RankedFunction> functions;
  for (size_t i = 0; i < documents.size(); ++i) {
    const TextTerms& terms = *documents[i].terms;
    for (size_t f = 0; f < terms.functions.size(); ++f) {
      const TextTerms::Function& function = terms.functions[f];
      double score =
          best_function > 0 ? kWeights.own * scores.of_function[i][f] / best_function : 0;
      if (std::find(query.names.begin(), query.names.end(), function.bare_name) !=
          query.names.end()) {
        score += kWeights.named;
      }
      for (const MentionedLine& place : lines) {
        const std::vector<uint32_t>& starts = *documents[i].line_starts;
        if (place.document == i && place.line < starts.size() &&
            function.range.contains(starts[place.line])) {
          score += kWeights.at_mentioned_line;
          break;
        }
      }
      if (score <= 0) continue;
      functions.push_back(
          {documents[i].path, function.name, function.range, score + kWeights.file * total[i]});
    }
  }
  std::stable_sort(
      functions.begin(), functions.end(),
      [](const RankedFunction& a, const RankedFunction& b) { return a.score > b.score; });
  if (functions.size() > options.k_functions) functions.resize(options.k_functions);
  result.functions = std::move(functions);
  return result;
}

Result<LocateResult> locate(const View& view, std::string_view task, const LocateOptions& options,
                            const CancelToken& cancel) {
  return LocateIndex().locate(view, task, options, cancel);
}

}  // namespace engramd::repoindex
