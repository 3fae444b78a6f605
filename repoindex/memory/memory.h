// repoindex/memory/memory.h - the repository memory: which token followed this context before?
//
// A longest-suffix n-gram memory over the tokens of a repository and the open buffers. It works
// with any tokenizer (an encoder is passed in) and knows no model. Three customers: completion
// (mixed with a network's distribution), drafts for speculation, ranking of repair candidates.
//
// Built once per snapshot by any thread; answers are const and lock-free: any thread.
// Lines that look like secrets are never learnt (repoindex/search/secrets.h).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "repoindex/memory/excerpts.h"
#include "repoindex/memory/token_cache.h"
#include "repoindex/view.h"

namespace engramd::repoindex {

struct MemoryOptions {
  size_t max_tokens = 4u << 20;  // open files, their folder, imports, same language first
  size_t max_context = 16;       // longest suffix that is matched; at most 64
  size_t max_candidates = 64;
  // How the counts of the suffix lengths are blended; the defaults were chosen with
  // tests/bench/memory_eval.cpp on packages that are not in its reported figures.
  double recent_weight = 4;  // one occurrence in the recent sequences counts as this many
  double escape = 4;         // Witten-Bell's escape is T/(n+T); here escape*T/(n+escape*T)
};

struct MemoryCandidate {
  TokenId token = 0;
  float probability = 0;
};

// What the memory expects next. Probabilities sum to at most 1; the rest is "something unseen".
struct MemoryAnswer {
  std::vector<MemoryCandidate> candidates;  // most probable first
  size_t match_length = 0;                  // tokens of context that were found
  size_t n_seen = 0;                        // occurrences of that context
};

// Tokens that are shown anyhow, so no excerpt quotes them: of a document of the repository part,
// or, where the path is empty, of one of the recent sequences.
struct ShownTokens {
  std::string path;
  size_t sequence = 0;
  size_t begin = 0, end = SIZE_MAX;  // token indexes in it
};

// The text around a cursor as it will be shown: its last and first lines are looked at.
struct ExcerptQuestion {
  std::span<const TokenId> before, after;
  std::vector<ShownTokens> shown;
  EndsLine ends_line;
  ExcerptOptions options;
};

struct Excerpt {
  std::string path;     // empty: of a recent sequence
  size_t sequence = 0;  // which
  size_t begin = 0;     // token index in it
  std::vector<TokenId> tokens;
  double score = 0;  // how much it has in common with the question, in nats
};

class RepositoryMemory {
 public:
  // near: a path whose folder, imports and language come first when the budget binds; may be
  // empty. With a cache only texts that are new to it are encoded; it must have been used with
  // this encoder only.
  static Result<std::shared_ptr<const RepositoryMemory>> build(const View&, const std::string& near,
                                                               const TokenEncoder&,
                                                               const MemoryOptions& = {},
                                                               const CancelToken& = {},
                                                               TokenCache* cache = nullptr);
  // Over documents that are tokens already, most important first.
  static Result<std::shared_ptr<const RepositoryMemory>> from_documents(
      const std::vector<std::pair<std::string, std::vector<TokenId>>>& path_and_tokens,
      const MemoryOptions& = {}, const CancelToken& = {});
  virtual ~RepositoryMemory() = default;

  // A memory that also knows these token sequences (the open file before and after the cursor);
  // cheap, shares the repository part. They weigh more than the repository. `replaces` is the
  // path they stand for: its copy in the repository part is then not counted. `after` is how the
  // text goes on behind what is asked for (the next line, when a line is completed): places that
  // soon go on alike then weigh more. A recent sequence's own beginning is not such a place.
  virtual std::shared_ptr<const RepositoryMemory> with_recent(
      std::vector<std::vector<TokenId>> recent, const std::string& replaces = {},
      std::span<const TokenId> after = {}) const = 0;

  virtual MemoryAnswer next(std::span<const TokenId> context) const = 0;
  // Mean log2 probability per token of `tokens` after `context`, with a uniform floor over
  // n_vocab: higher is more like this repository.
  virtual double log2_likelihood(std::span<const TokenId> context, std::span<const TokenId> tokens,
                                 size_t n_vocab) const = 0;
  // Whole lines from other places that share rare words with the text at the cursor, best first;
  // see excerpts.h. The copy that with_recent's `replaces` names is never quoted.
  virtual std::vector<Excerpt> similar(const ExcerptQuestion& question) const = 0;
  virtual size_t n_tokens() const = 0;
  virtual size_t n_bytes() const = 0;  // resident
};

}  // namespace engramd::repoindex
