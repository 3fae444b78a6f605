// daemon/completion/line_ends.h - which tokens of a vocabulary say the same up to the line's end.
//
// ")\n", ")\n\n" and ")  \n" are three tokens and one suggestion: a probability is that of all of
// them, or a sure line end looks like three unsure ones. Tokens that end a text belong to the group
// of the empty line end. Immutable after make: any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/api/model.h"

namespace engramd::daemon {

class LineEnds {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;
  static constexpr uint32_t kEmpty = 0;  // the group that adds nothing to the line

  explicit LineEnds(const engine::Tokenizer& tokenizer);

  // The group of a token with a line break or one that ends a text; kNone: neither.
  uint32_t group(engine::TokenId token) const {
    return token >= 0 && static_cast<size_t>(token) < group_of_.size()
               ? group_of_[static_cast<size_t>(token)]
               : kNone;
  }
  // Neither text nor an end: a control token.
  bool is_silent(engine::TokenId token) const {
    return token < 0 || static_cast<size_t>(token) >= silent_.size() ||
           silent_[static_cast<size_t>(token)] != 0;
  }
  size_t n_groups() const { return texts_.size(); }
  // What its tokens add to the line, without trailing blanks.
  std::string_view text(uint32_t group) const { return texts_[group]; }
  std::span<const engine::TokenId> members(uint32_t group) const { return members_[group]; }
  // Ends the text rather than the line.
  bool is_stop(engine::TokenId token) const;

 private:
  std::vector<uint32_t> group_of_;  // by token
  std::vector<uint8_t> silent_;     // by token
  std::vector<std::string> texts_;
  std::vector<std::vector<engine::TokenId>> members_;
  std::vector<engine::TokenId> stops_;  // sorted
};

}  // namespace engramd::daemon
