// repoindex/complete/candidates.h - gathers what may be meant at one cursor. Inside complete/ only.
// One object per question; one thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "repoindex/complete/complete.h"
#include "repoindex/complete/habits.h"
#include "repoindex/complete/rank.h"
#include "repoindex/complete/scope_reader.h"

namespace engramd::repoindex {

class Gatherer {
 public:
  Gatherer(const View& view, const std::string& path, FileFactsPtr facts, std::string_view text,
           size_t offset, const Standing& standing, Wanted wanted, const CancelToken& cancel);

  void behind_receiver(size_t operator_begin, CandidateList& list);
  void by_name(CandidateList& list);
  std::vector<Candidate> take();  // the best first

 private:
  void add_near_words();
  void add(Candidate candidate, int distance, double habit = 0);
  void add_visible(const Visible& visible, CandidateSource source, double habit);
  void add_arguments();
  void add_words();
  void add_project(CandidateList& list);
  void add_keywords();
  Candidate of_symbol(const Found& found, std::string name, CandidateSource source);

  const View& view_;
  const std::string& path_;
  FileFactsPtr facts_;
  std::string_view text_;
  size_t offset_;
  const Standing& standing_;
  Wanted wanted_;
  const CancelToken& cancel_;
  const Writing& writing_;
  ScopeReader reader_;
  std::vector<Candidate> out_;
  std::unordered_set<std::string> names_;
  std::unique_ptr<Ranker> ranker_;
};

}  // namespace engramd::repoindex
