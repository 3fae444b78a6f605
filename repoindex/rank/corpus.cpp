#include "repoindex/rank/corpus.h"

#include <algorithm>

#include "base/hash.h"
#include "repoindex/locate.h"
#include "repoindex/query/project/paths.h"
#include "repoindex/snapshot.h"

namespace engramd::repoindex {
namespace {

constexpr size_t kMaxTextBytes = 1u << 20;
constexpr double kAsideWeight = 0.6;

// What a path's content is known by without reading it; empty when there is nothing to rank.
std::string content_key(const View& view, const std::string& path) {
  if (view.overlay != nullptr) {
    if (const auto open = view.overlay->find(path); open != view.overlay->end()) {
      if (open->second.text == nullptr || open->second.facts == nullptr) return {};
      return hash128_hex(*open->second.text);
    }
  }
  const FileEntry* file = view.snapshot != nullptr ? view.snapshot->find(path) : nullptr;
  return file != nullptr ? std::string(file->blob_id) : std::string();
}

double weight_of(const View& view, const std::string& path) {
  const FileEntry* file = view.snapshot != nullptr ? view.snapshot->find(path) : nullptr;
  const double by_origin = rank_weight(file != nullptr ? file->origin : origin_of_path(path));
  return is_aside_path(path) ? by_origin * kAsideWeight : by_origin;
}

std::vector<uint32_t> find_line_starts(std::string_view text) {
  std::vector<uint32_t> starts(1, 0);
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n') starts.push_back(static_cast<uint32_t>(i + 1));
  }
  return starts;
}

std::string_view without_extension(std::string_view path) {
  const std::string_view extension = extension_of(path);
  return extension.empty() ? path : path.substr(0, path.size() - extension.size() - 1);
}

void count_path_words(Corpus& corpus, TermTable& table) {
  corpus.path_words.resize(corpus.files.size());
  corpus.n_path_words.assign(corpus.files.size(), 0);
  for (size_t i = 0; i < corpus.files.size(); ++i) {
    std::vector<Term> words;
    for_each_word(without_extension(corpus.files[i].path), [&](size_t, std::string_view word) {
      const std::vector<Term>& terms = table.terms(word);
      words.insert(words.end(), terms.begin(), terms.end());
    });
    std::sort(words.begin(), words.end());
    corpus.n_path_words[i] = static_cast<uint32_t>(words.size());
    for (Term word : words) {
      auto& counted = corpus.path_words[i];
      if (counted.empty() || counted.back().first != word) counted.push_back({word, 0});
      ++counted.back().second;
    }
  }
}

bool same_paths(const std::vector<CorpusFile>& a, const std::vector<CorpusFile>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const CorpusFile& x, const CorpusFile& y) { return x.path == y.path; });
}

bool same_content(const std::vector<CorpusFile>& a, const std::vector<CorpusFile>& b) {
  return std::equal(
      a.begin(), a.end(), b.begin(), b.end(),
      [](const CorpusFile& x, const CorpusFile& y) { return x.key == y.key && x.path == y.path; });
}

}  // namespace

bool is_aside_path(std::string_view path) {
  constexpr std::string_view kFolders[] = {"doc",       "docs",       "example", "examples",
                                           "benchmark", "benchmarks", "sample",  "samples"};
  size_t begin = 0;
  for (size_t slash; (slash = path.find('/', begin)) != std::string_view::npos; begin = slash + 1) {
    const std::string_view folder = path.substr(begin, slash - begin);
    if (std::find(std::begin(kFolders), std::end(kFolders), folder) != std::end(kFolders))
      return true;
  }
  return false;
}

bool is_ranked_language(std::string_view language) {
  return !language.empty() && language != "json" && language != "yaml" && language != "toml" &&
         language != "markdown" && language != "html" && language != "css";
}

size_t CountedText::n_bytes() const {
  size_t n = sizeof(*this) + terms.n_bytes() + line_starts.size() * 4;
  return n;
}

size_t Corpus::find(std::string_view path) const {
  const auto at = std::lower_bound(
      files.begin(), files.end(), path,
      [](const CorpusFile& file, std::string_view wanted) { return file.path < wanted; });
  if (at == files.end() || at->path != path) return files.size();
  return static_cast<size_t>(at - files.begin());
}

const std::vector<uint32_t>& Corpus::definers_of(Term name) const {
  static const std::vector<uint32_t> none;
  const auto found = definers.find(name);
  return found == definers.end() ? none : found->second;
}

size_t CorpusCache::n_bytes() const {
  std::lock_guard lock(mutex_);
  return n_bytes_;
}

std::shared_ptr<const CountedText> CorpusCache::look_up(const std::string& key) {
  std::lock_guard lock(mutex_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return nullptr;
  items_.splice(items_.begin(), items_, found->second);
  return found->second->counted;
}

void CorpusCache::keep(const std::string& key, const std::shared_ptr<const CountedText>& counted) {
  const auto bytes = [](const Item& item) {
    return item.counted->n_bytes() + item.key.size() * 2 + 200;
  };
  std::lock_guard lock(mutex_);
  if (by_key_.count(key) > 0) return;
  items_.push_front({key, counted});
  n_bytes_ += bytes(items_.front());
  by_key_[key] = items_.begin();
  while (n_bytes_ > max_bytes_ && !items_.empty()) {
    n_bytes_ -= bytes(items_.back());
    by_key_.erase(items_.back().key);
    items_.pop_back();
    // What is over the limit must not live on in the last state either.
    last_[0] = last_[1] = {};
  }
}

Result<std::shared_ptr<const Corpus>> CorpusCache::corpus(const View& view, bool with_tests,
                                                          const CancelToken& cancel) {
  std::shared_ptr<const Corpus> last;
  {
    std::lock_guard lock(mutex_);
    const Last& known = last_[with_tests];
    last = known.corpus;
    if (last != nullptr && view.snapshot != nullptr && known.snapshot.lock() == view.snapshot &&
        known.had_overlay == (view.overlay != nullptr) && known.overlay.lock() == view.overlay) {
      return last;
    }
  }
  auto corpus = std::make_shared<Corpus>();
  TermTable table;
  for (const std::string& path : view.paths()) {
    if (!with_tests && is_test_path(path)) continue;
    std::string key = content_key(view, path);
    if (key.empty()) continue;
    // The same bytes mean other things in another language; a path tells it for most files.
    key += ":";
    key += extension_of(path);
    std::shared_ptr<const CountedText> counted = look_up(key);
    if (counted == nullptr) {
      ENGRAMD_CHECK(cancel.check());
      const FileFactsPtr facts = view.facts(path);
      if (!facts || !is_ranked_language(facts->language) || facts->n_bytes > kMaxTextBytes)
        continue;
      const std::optional<std::string> text = view.text(path);
      if (!text || text->size() > kMaxTextBytes) continue;
      auto fresh = std::make_shared<CountedText>();
      fresh->terms = count_terms(*text, *facts, table);
      fresh->line_starts = find_line_starts(*text);
      counted = fresh;
      // A file that changed since it was indexed is answered from what it is now, but not kept
      // under the name of what it was.
      if (text->size() == facts->n_bytes) keep(key, counted);
    }
    corpus->files.push_back({path, std::move(key), weight_of(view, path), std::move(counted)});
  }
  const auto remember = [&](const std::shared_ptr<const Corpus>& state) {
    std::lock_guard lock(mutex_);
    if (n_bytes_ > 0 && by_key_.size() >= state->files.size())
      last_[with_tests] = {state, view.snapshot, view.overlay, view.overlay != nullptr};
  };
  if (last != nullptr && same_content(last->files, corpus->files)) {
    remember(last);
    return last;
  }
  if (last != nullptr && same_paths(last->files, corpus->files)) {
    corpus->path_words = last->path_words;
    corpus->n_path_words = last->n_path_words;
  } else {
    count_path_words(*corpus, table);
  }
  for (uint32_t i = 0; i < corpus->files.size(); ++i) {
    for (Term name : corpus->files[i].terms().defined) corpus->definers[name].push_back(i);
  }
  remember(corpus);
  return corpus;
}

}  // namespace engramd::repoindex
