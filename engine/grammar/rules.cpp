#include "engine/grammar/rules.h"

#include <algorithm>

namespace engramd::engine::grammar {

Expr Rules::add(Node node) {
  if (nodes_.size() >= kMaxExpressions) {
    too_large_ = true;
    return never();
  }
  nodes_.push_back(node);
  return static_cast<Expr>(nodes_.size() - 1);
}

Expr Rules::bytes(const ByteSet& set) {
  if (set.empty()) return never();
  if (sets_.size() >= kMaxExpressions) {
    too_large_ = true;
    return never();
  }
  // Few different ones follow each other; looking at the last ones finds most repetitions.
  const size_t n_looked_at = std::min<size_t>(sets_.size(), 16);
  for (size_t i = sets_.size() - n_looked_at; i < sets_.size(); ++i)
    if (sets_[i] == set) return add({Kind::bytes, static_cast<uint32_t>(i)});
  sets_.push_back(set);
  return add({Kind::bytes, static_cast<uint32_t>(sets_.size() - 1)});
}

Expr Rules::literal(std::string_view text) {
  if (text.empty()) return empty();
  if (text_.size() + text.size() > 16 * kMaxExpressions) {
    too_large_ = true;
    return never();
  }
  const auto first = static_cast<uint32_t>(text_.size());
  text_ += text;
  return add({Kind::literal, first, static_cast<uint32_t>(text.size())});
}

Expr Rules::add_list(Kind kind, const std::vector<Expr>& parts) {
  if (links_.size() + parts.size() > 4 * kMaxExpressions) {
    too_large_ = true;
    return never();
  }
  const auto first = static_cast<uint32_t>(links_.size());
  links_.insert(links_.end(), parts.begin(), parts.end());
  return add({kind, first, static_cast<uint32_t>(parts.size())});
}

Expr Rules::sequence(const std::vector<Expr>& parts) {
  std::vector<Expr> kept;
  for (const Expr part : parts) {
    if (part == never()) return never();
    if (part != empty()) kept.push_back(part);
  }
  if (kept.empty()) return empty();
  return kept.size() == 1 ? kept[0] : add_list(Kind::sequence, kept);
}

Expr Rules::any_of(const std::vector<Expr>& choices) {
  std::vector<Expr> kept;
  for (const Expr choice : choices)
    if (choice != never()) kept.push_back(choice);
  if (kept.empty()) return never();
  return kept.size() == 1 ? kept[0] : add_list(Kind::any_of, kept);
}

Expr Rules::repeat(Expr what, uint32_t min, uint32_t max) {
  if (min > max) return never();
  if (max == 0 || what == empty()) return empty();
  if (what == never()) return min == 0 ? empty() : never();
  if (min == 1 && max == 1) return what;
  return add({Kind::repeat, what, 0, min, max});
}

Expr Rules::reference(Rule rule) {
  return add({Kind::reference, rule});
}

Rule Rules::declare(std::string name) {
  if (named_.size() >= kMaxExpressions) {
    too_large_ = true;
    return 0;
  }
  named_.push_back({std::move(name), never()});
  return static_cast<Rule>(named_.size() - 1);
}

Expr Rules::named(std::string name, Expr body) {
  const Rule rule = declare(std::move(name));
  define(rule, body);
  return reference(rule);
}

Expr Rules::one_of(std::vector<std::string> texts) {
  std::sort(texts.begin(), texts.end());
  texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
  if (texts.empty()) return never();
  if (texts.size() == 1) return literal(texts[0]);
  // A rule for each place where texts part: no recursion, however long they are.
  struct Branch {
    Rule rule;
    size_t begin, end, depth;  // of sorted texts that share `depth` bytes
  };
  const Rule root = declare("one of " + std::to_string(texts.size()) + " texts");
  std::vector<Branch> open = {{root, 0, texts.size(), 0}};
  while (!open.empty()) {
    const Branch branch = open.back();
    open.pop_back();
    std::vector<Expr> choices;
    size_t i = branch.begin;
    if (texts[i].size() == branch.depth) {
      choices.push_back(empty());
      ++i;
    }
    while (i < branch.end) {
      size_t end = i + 1;
      while (end < branch.end && texts[end][branch.depth] == texts[i][branch.depth]) ++end;
      // Sorted: what the first and the last share, all of them do.
      const std::string& first = texts[i];
      const std::string& last = texts[end - 1];
      size_t shared = branch.depth;
      while (shared < first.size() && shared < last.size() && first[shared] == last[shared])
        ++shared;
      const Expr start =
          literal(std::string_view(first).substr(branch.depth, shared - branch.depth));
      if (end - i == 1) {
        choices.push_back(start);
      } else {
        const Rule rule = declare("one of the texts");
        choices.push_back(sequence({start, reference(rule)}));
        open.push_back({rule, i, end, shared});
      }
      i = end;
    }
    define(branch.rule, any_of(choices));
    if (too_large_) return never();
  }
  return reference(root);
}

}  // namespace engramd::engine::grammar
