#include "repoindex/rank/signals.h"

#include <algorithm>

#include "repoindex/rank/bm25.h"
#include "repoindex/rank/mentions.h"

namespace engramd::repoindex {
namespace {

// Long functions are not as much less likely to be meant as BM25's usual constant has it.
constexpr double kFunctionLengthNormalisation = 0.35;

struct TextScores {
  std::vector<double> text;
  std::vector<std::vector<double>> of_function;
};

TextScores score_texts(const std::vector<CorpusFile>& files, const TaskQuery& query) {
  const size_t n = files.size();
  TextScores scores;
  scores.text.assign(n, 0);
  scores.of_function.resize(n);
  double total_terms = 0, total_function_terms = 0;
  size_t n_functions = 0;
  for (size_t i = 0; i < n; ++i) {
    const TextTerms& terms = files[i].terms();
    scores.of_function[i].assign(terms.functions.size(), 0);
    total_terms += terms.n_terms;
    n_functions += terms.functions.size();
    for (const auto& function : terms.functions) total_function_terms += function.n_terms;
  }
  const double mean_text = mean_of(total_terms, n);
  const double mean_function = mean_of(total_function_terms, n_functions);

  std::vector<size_t> found(n);
  for (const TaskQuery::Item& item : query.items) {
    size_t n_with = 0, n_functions_with = 0;
    for (size_t i = 0; i < n; ++i) {
      const TextTerms& terms = files[i].terms();
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
      const TextTerms& terms = files[i].terms();
      const size_t t = found[i];
      if (t == terms.terms.size()) continue;
      scores.text[i] += text_weight * saturated(terms.counts[t], terms.n_terms, mean_text);
      for (uint32_t p = terms.posting_begin[t]; p < terms.posting_begin[t + 1]; ++p) {
        const TextTerms::Posting& posting = terms.postings[p];
        scores.of_function[i][posting.function] +=
            function_weight * saturated(posting.count, terms.functions[posting.function].n_terms,
                                        mean_function, kFunctionLengthNormalisation);
      }
    }
  }
  return scores;
}

// BM25 over short lists of (word, count), one a file.
template <class WordsOf, class LengthOf>
std::vector<double> score_words(size_t n, const TaskQuery& query, const WordsOf& words_of,
                                const LengthOf& length_of) {
  std::vector<double> scores(n, 0);
  double total = 0;
  for (size_t i = 0; i < n; ++i) total += length_of(i);
  const double mean = mean_of(total, n);
  std::vector<std::pair<size_t, uint32_t>> with;
  for (const TaskQuery::Item& item : query.items) {
    with.clear();
    for (size_t i = 0; i < n; ++i) {
      const auto& words = words_of(i);
      const auto found = std::lower_bound(words.begin(), words.end(), std::pair(item.term, 0u));
      if (found != words.end() && found->first == item.term) with.push_back({i, found->second});
    }
    const double weight = item.weight * inverse_document_frequency(n, with.size());
    for (const auto& [i, count] : with) scores[i] += weight * saturated(count, length_of(i), mean);
  }
  return scores;
}

// Names of the task that the repository defines; a name that many files define says less.
std::vector<double> score_symbols(const Corpus& corpus, const TaskQuery& query) {
  std::vector<double> scores(corpus.files.size(), 0);
  for (Term name : query.exact_names) {
    const std::vector<uint32_t>& definers = corpus.definers_of(name);
    for (uint32_t i : definers) scores[i] += 1.0 / static_cast<double>(definers.size());
  }
  return scores;
}

void score_mentions(const Corpus& corpus, std::string_view task, const LocateOptions& options,
                    SignalTable& signals) {
  std::vector<double>& scores = signals[Signal::mention];
  scores.assign(corpus.files.size(), 0);
  std::vector<std::string> paths;
  paths.reserve(corpus.files.size());
  for (const CorpusFile& file : corpus.files) paths.push_back(file.path);
  auto use = [&](const std::vector<Mention>& mentions, double weight) {
    for (const Mention& mention : mentions) {
      const size_t i = corpus.find(mention.path);
      if (i == corpus.files.size()) continue;
      scores[i] = std::max(scores[i], weight * mention.strength);
      if (mention.line > 0) signals.lines.push_back({i, mention.line - 1});
    }
  };
  use(find_mentions(task, paths), 0.8);
  for (const std::string& place : options.mentioned) use(find_mentions(place, paths), 1);
}

void use_history(const Corpus& corpus, const TaskQuery& query, const PastChanges* history,
                 SignalTable& signals) {
  signals[Signal::history].assign(corpus.files.size(), 0);
  signals[Signal::churn].assign(corpus.files.size(), 0);
  if (history == nullptr || history->n_changes() == 0) return;
  const std::vector<double> votes = history->voted_by_messages(query), churn = history->churn();
  for (size_t path = 0; path < votes.size(); ++path) {
    if (votes[path] <= 0 && churn[path] <= 0) continue;
    const size_t i = corpus.find(history->paths()[path]);
    if (i == corpus.files.size()) continue;
    signals[Signal::history][i] = votes[path];
    signals[Signal::churn][i] = churn[path];
  }
}

}  // namespace

std::string_view to_string(Signal signal) {
  constexpr std::string_view kNames[kSignals] = {
      "text", "functions", "path", "defined", "symbol", "mention", "history", "churn", "together"};
  return kNames[static_cast<size_t>(signal)];
}

SignalTable measure_signals(const Corpus& corpus, const TaskQuery& query, std::string_view task,
                            const LocateOptions& options, const PastChanges* history) {
  const size_t n = corpus.files.size();
  SignalTable signals;
  TextScores texts = score_texts(corpus.files, query);
  signals[Signal::text] = std::move(texts.text);
  signals.of_function = std::move(texts.of_function);
  signals[Signal::functions].assign(n, 0);
  for (size_t i = 0; i < n; ++i) {
    double best[3] = {0, 0, 0};
    for (double score : signals.of_function[i]) {
      for (double& place : best) {
        if (score > place) std::swap(score, place);
      }
    }
    signals[Signal::functions][i] = best[0] + best[1] / 2 + best[2] / 3;
  }
  signals[Signal::path] = score_words(
      n, query, [&](size_t i) -> const auto& { return corpus.path_words[i]; },
      [&](size_t i) { return corpus.n_path_words[i]; });
  signals[Signal::defined] = score_words(
      n, query, [&](size_t i) -> const auto& { return corpus.files[i].terms().defined_words; },
      [&](size_t i) { return corpus.files[i].terms().n_defined_words; });
  signals[Signal::symbol] = score_symbols(corpus, query);
  score_mentions(corpus, task, options, signals);
  use_history(corpus, query, history, signals);
  return signals;
}

void scale_signals(SignalTable& signals) {
  for (std::vector<double>& row : signals.of_file) scale_to_one(row);
}

}  // namespace engramd::repoindex
