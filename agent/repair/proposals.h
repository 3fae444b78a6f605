// agent/repair/proposals.h - where templates put their candidates: no two give the same text.
//
// One object per file and per call of mutate(); one thread.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "agent/repair/candidate.h"
#include "agent/repair/code_view.h"

namespace engramd::agent {

class Proposals {
 public:
  // Of more than cap candidates the better ones stay, wherever in the file they are.
  Proposals(const std::string& path, const CodeView& code, size_t cap)
      : path_(path), code_(code), cap_(cap) {}

  // Of the line at hand, 0 to 1: how suspicious what is added from here on is.
  void set_suspicion(double suspicion) { suspicion_ = suspicion; }
  void replace(size_t node, std::string replacement, double cost, std::string_view kind) {
    replace_range({code_.node(node).begin, code_.node(node).end}, std::move(replacement), cost,
                  kind);
  }
  // The same change written as a larger edit, or found by another template, is the same candidate:
  // the cheaper one stays.
  void replace_range(ByteRange range, std::string replacement, double cost, std::string_view kind);
  std::vector<Candidate> take() { return std::move(out_); }

 private:
  const std::string& path_;
  const CodeView& code_;
  void drop_worse_half();

  const size_t cap_;
  double suspicion_ = 0;
  double worst_ = 1e9;                         // what is above it is not wanted any more
  std::unordered_map<uint64_t, size_t> seen_;  // what the edit does -> index in out_
  std::vector<uint64_t> keys_;                 // of out_
  std::vector<Candidate> out_;
};

}  // namespace engramd::agent
