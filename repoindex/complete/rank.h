// repoindex/complete/rank.h - how likely a candidate is meant, from where it comes from, how well
// it fits what was typed and how often and how near it is used. One object per question; one
// thread.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "repoindex/complete/complete.h"
#include "repoindex/facts.h"

namespace engramd::repoindex {

// What the text around the cursor asks for.
struct Wanted {
  std::string_view typed;
  bool call_follows = false;  // "(" stands behind the cursor
  bool type = false;          // a type is written here: after `new`, `except`, a parameter's colon
  bool decorator = false;
  bool own_receiver = false;  // self.
  bool line_start = false;    // a statement begins here
  // Lower-case words that names nearby are made of: what is meant often shares one.
  std::vector<std::string> near_words;
};

// Fills in what the word in front of an expression says: `new`, `except`, `@`.
void want_by_word_before(std::string_view text, size_t expression_begin, std::string_view language,
                         Wanted& wanted);
// "max", "retry", "count" of max_retryCount, lower case; words of less than three letters left out.
void add_name_words(std::string_view name, std::vector<std::string>& out);

class Ranker {
 public:
  // behind_receiver: names after a dot are counted, else those without.
  Ranker(const View& view, const std::string& path, const FileFacts& facts, size_t offset,
         const Wanted& wanted, bool behind_receiver);

  // 0: does not fit what was typed.
  double fit(std::string_view name) const;
  // habit: how often it was written behind the same word.
  double score(const Candidate& candidate, int distance, double habit) const;
  bool is_used(std::string_view name) const;  // in this file
  // For how many files have it.
  double of_files(std::string_view name) const;
  // Adds what the whole repository says of the best; looks at most at `n` of them.
  void refine(std::vector<Candidate>& candidates, size_t n) const;

 private:
  struct Use {
    uint32_t n = 0;                  // in this file, in the asked role
    uint32_t n_other = 0;            // in this file otherwise
    uint32_t nearest = 0xFFFFFFFFu;  // bytes to the nearest one before the cursor
  };
  double shared_words(std::string_view name) const;

  const View& view_;
  const std::string& path_;
  const Wanted& wanted_;
  std::unordered_map<std::string_view, Use> uses_;
};

}  // namespace engramd::repoindex
