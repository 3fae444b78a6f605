// engine/grammar/rules.h - a grammar over bytes while it is being put together.
//
// A Rules owns expressions (byte classes, sequences, alternatives, repetitions, references to
// rules) and named rules. Every reader of a notation (text grammars, JSON schemas, regular
// expressions, tool-call envelopes) writes into one; compile() in automaton.h makes it something
// that can be matched. Expressions are small numbers and may be used many times.
//
// Bounded: behind kMaxExpressions nothing is kept and too_large() says so; compile() refuses it.
// One thread.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace engramd::engine::grammar {

class ByteSet {
 public:
  constexpr ByteSet() = default;
  static ByteSet range(uint8_t first, uint8_t last) {
    ByteSet set;
    set.add(first, last);
    return set;
  }
  static ByteSet all() { return range(0, 255); }
  void add(uint8_t byte) { words_[byte >> 6] |= uint64_t{1} << (byte & 63); }
  void add(uint8_t first, uint8_t last) {
    for (unsigned byte = first; byte <= last; ++byte) add(static_cast<uint8_t>(byte));
  }
  void remove(uint8_t byte) { words_[byte >> 6] &= ~(uint64_t{1} << (byte & 63)); }
  bool has(uint8_t byte) const { return (words_[byte >> 6] >> (byte & 63) & 1) != 0; }
  bool empty() const { return (words_[0] | words_[1] | words_[2] | words_[3]) == 0; }
  bool operator==(const ByteSet&) const = default;

 private:
  std::array<uint64_t, 4> words_{};
};

using Expr = uint32_t;
using Rule = uint32_t;
inline constexpr uint32_t kUnlimited = std::numeric_limits<uint32_t>::max();

class Rules {
 public:
  enum class Kind : uint8_t { never, empty, bytes, literal, sequence, any_of, repeat, reference };
  struct Node {
    Kind kind = Kind::never;
    uint32_t first = 0;  // bytes: of sets; literal: of the text; sequence, any_of: of links;
                         // repeat: the expression; reference: the rule
    uint32_t count = 0;
    uint32_t min = 0, max = 0;  // repeat
  };
  struct Named {
    std::string name;  // for messages
    Expr body = 0;     // never until it is defined
  };
  static constexpr size_t kMaxExpressions = 1u << 20;

  Rules() : nodes_(2) { nodes_[1].kind = Kind::empty; }
  Expr never() const { return 0; }
  Expr empty() const { return 1; }
  Expr bytes(const ByteSet& set);
  Expr literal(std::string_view text);
  Expr sequence(const std::vector<Expr>& parts);
  Expr any_of(const std::vector<Expr>& choices);
  Expr repeat(Expr what, uint32_t min, uint32_t max);
  Expr optional(Expr what) { return any_of({what, empty()}); }
  Expr reference(Rule rule);
  Rule declare(std::string name);
  void define(Rule rule, Expr body) { named_[rule].body = body; }
  // A new rule, by reference.
  Expr named(std::string name, Expr body);

  // One of the texts, sharing their beginnings, so that a thousand of them are one path to follow.
  Expr one_of(std::vector<std::string> texts);

  const Node& node(Expr expr) const { return nodes_[expr]; }
  size_t n_expressions() const { return nodes_.size(); }
  const ByteSet& set(const Node& node) const { return sets_[node.first]; }
  std::string_view text(const Node& node) const {
    return std::string_view(text_).substr(node.first, node.count);
  }
  std::span<const Expr> parts(const Node& node) const {
    return std::span(links_).subspan(node.first, node.count);
  }
  const std::vector<Named>& rules() const { return named_; }
  bool too_large() const { return too_large_; }

 private:
  Expr add(Node node);
  Expr add_list(Kind kind, const std::vector<Expr>& parts);

  std::vector<Node> nodes_;
  std::vector<ByteSet> sets_;
  std::string text_;
  std::vector<Expr> links_;
  std::vector<Named> named_;
  bool too_large_ = false;
};

}  // namespace engramd::engine::grammar
