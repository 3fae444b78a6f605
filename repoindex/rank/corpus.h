// repoindex/rank/corpus.h - every text of a view, counted.
//
// A Corpus belongs to one state of a view (one snapshot and overlay) and is immutable: any thread.
// What was counted in a text is kept by its content in CorpusCache, so that the next state costs
// only what changed. The cache is bounded in bytes; any thread, a mutex guards its table.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "repoindex/rank/terms.h"
#include "repoindex/view.h"

namespace engramd::repoindex {

// One text. Nothing here depends on where the file lies.
struct CountedText {
  TextTerms terms;
  std::vector<uint32_t> line_starts;
  size_t n_bytes() const;
};

struct CorpusFile {
  std::string path;
  std::string key;  // of the content
  // A factor of its score: less for what is generated, other people's, documentation, examples.
  double weight = 1;
  std::shared_ptr<const CountedText> counted;
  const TextTerms& terms() const { return counted->terms; }
};

struct Corpus {
  std::vector<CorpusFile> files;  // sorted by path; ranked languages only
  // Words of each file's path, sorted by term, with the number of all of them.
  std::vector<std::vector<std::pair<Term, uint32_t>>> path_words;
  std::vector<uint32_t> n_path_words;
  // Files that define a name of that hash, by exact_name().
  std::unordered_map<Term, std::vector<uint32_t>> definers;

  // Index into files, or files.size().
  size_t find(std::string_view path) const;
  const std::vector<uint32_t>& definers_of(Term name) const;
};

class CorpusCache {
 public:
  explicit CorpusCache(size_t max_bytes) : max_bytes_(max_bytes) {}
  Result<std::shared_ptr<const Corpus>> corpus(const View& view, bool with_tests,
                                               const CancelToken& cancel);
  size_t n_bytes() const;

 private:
  struct Item {
    std::string key;
    std::shared_ptr<const CountedText> counted;
  };
  std::shared_ptr<const CountedText> look_up(const std::string& key);
  void keep(const std::string& key, const std::shared_ptr<const CountedText>& counted);

  const size_t max_bytes_;
  mutable std::mutex mutex_;  // guards all below
  std::list<Item> items_;     // last used first
  std::unordered_map<std::string, std::list<Item>::iterator> by_key_;
  size_t n_bytes_ = 0;
  // The states asked for last, without and with tests. They are known again by their pointers.
  struct Last {
    std::shared_ptr<const Corpus> corpus;
    std::weak_ptr<const Snapshot> snapshot;
    std::weak_ptr<const Overlay> overlay;
    bool had_overlay = false;
  };
  Last last_[2];
};

// Documentation, examples and benchmarks: seldom what an issue is about.
bool is_aside_path(std::string_view path);
// Programming languages: data and prose are not ranked.
bool is_ranked_language(std::string_view language);

}  // namespace engramd::repoindex
