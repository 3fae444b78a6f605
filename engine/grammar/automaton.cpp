#include "engine/grammar/automaton.h"

#include <algorithm>

namespace engramd::engine::grammar {
namespace {

using Kind = Rules::Kind;
using NodeKind = AutomatonNode::Kind;

// A repetition is written out when it comes to no more expressions than this, else counted.
constexpr uint64_t kMaxCopies = 64;
constexpr size_t kMaxRounds = 128;

class Compiler {
 public:
  Compiler(const Rules& rules, Rule root) : rules_(rules), root_(root) {}

  Result<std::shared_ptr<const Automaton>> compile() {
    if (rules_.too_large())
      return fail(
          ErrorCode::exhausted,
          "the grammar is larger than " + std::to_string(Rules::kMaxExpressions) + " expressions");
    n_rules_ = rules_.rules().size();
    ENGRAMD_CHECK(find_facts());
    if (!productive_[root_])
      return fail(ErrorCode::invalid_input, "nothing at all matches " + name(root_));
    ENGRAMD_CHECK(refuse_left_recursion());

    out_ = std::make_shared<Automaton>();
    start_.assign(n_rules_, kNoNode);
    std::vector<Rule> open = {root_};
    std::vector<char> seen(n_rules_);
    seen[root_] = 1;
    while (!open.empty()) {
      const Rule rule = open.back();
      open.pop_back();
      called_.clear();
      start_[rule] = emit(rules_.rules()[rule].body, add({NodeKind::rule_end}));
      for (const Rule called : called_)
        if (!seen[called]) {
          seen[called] = 1;
          open.push_back(called);
        }
      if (!problem_.empty()) return fail(ErrorCode::invalid_input, problem_ + name(rule));
      if (out_->nodes.size() > kMaxNodes)
        return fail(ErrorCode::exhausted,
                    "the grammar comes to more than " + std::to_string(kMaxNodes) + " nodes");
    }
    out_->rule_start = start_;
    out_->start = start_[root_];
    return out_;
  }

 private:
  std::string name(Rule rule) const { return "\"" + rules_.rules()[rule].name + "\""; }

  // ---- what can end, what can be empty

  // Rounds in both directions until nothing changes: rules mostly refer to later ones.
  Status find_facts() {
    productive_.assign(n_rules_, 0);
    nullable_.assign(n_rules_, 0);
    for (size_t round = 0; round < kMaxRounds; ++round) {
      bool changed = false;
      for (size_t k = 0; k < n_rules_; ++k) {
        const size_t i = round % 2 == 0 ? n_rules_ - 1 - k : k;
        const Expr body = rules_.rules()[i].body;
        const bool now_productive = !productive_[i] && productive(body);
        const bool now_nullable = !nullable_[i] && nullable(body);
        if (now_productive) productive_[i] = 1;
        if (now_nullable) nullable_[i] = 1;
        changed = changed || now_productive || now_nullable;
      }
      if (!changed) return {};
    }
    return fail(ErrorCode::exhausted, "the grammar's rules depend on each other too deeply");
  }

  bool productive(Expr expr) const {
    const Rules::Node& node = rules_.node(expr);
    const auto is_productive = [&](Expr part) { return productive(part); };
    switch (node.kind) {
      case Kind::never:
        return false;
      case Kind::empty:
      case Kind::bytes:
      case Kind::literal:
        return true;
      case Kind::sequence:
        return std::ranges::all_of(rules_.parts(node), is_productive);
      case Kind::any_of:
        return std::ranges::any_of(rules_.parts(node), is_productive);
      case Kind::repeat:
        return node.min == 0 || productive(node.first);
      case Kind::reference:
        return productive_[node.first] != 0;
    }
    return false;
  }

  bool nullable(Expr expr) const {
    const Rules::Node& node = rules_.node(expr);
    const auto is_nullable = [&](Expr part) { return nullable(part); };
    switch (node.kind) {
      case Kind::never:
      case Kind::bytes:
      case Kind::literal:
        return false;
      case Kind::empty:
        return true;
      case Kind::sequence:
        return std::ranges::all_of(rules_.parts(node), is_nullable);
      case Kind::any_of:
        return std::ranges::any_of(rules_.parts(node), is_nullable);
      case Kind::repeat:
        return node.min == 0 || nullable(node.first);
      case Kind::reference:
        return nullable_[node.first] != 0;
    }
    return false;
  }

  // ---- rules that come back to themselves before any byte

  void add_left(Expr expr, std::vector<Rule>& out) const {
    const Rules::Node& node = rules_.node(expr);
    switch (node.kind) {
      case Kind::sequence:
        if (!productive(expr)) return;
        for (const Expr part : rules_.parts(node)) {
          add_left(part, out);
          if (!nullable(part)) return;
        }
        return;
      case Kind::any_of:
        for (const Expr part : rules_.parts(node)) add_left(part, out);
        return;
      case Kind::repeat:
        add_left(node.first, out);
        return;
      case Kind::reference:
        if (productive_[node.first]) out.push_back(node.first);
        return;
      default:
        return;
    }
  }

  Status refuse_left_recursion() const {
    enum : char { unseen, open, done };
    struct Visit {
      Rule rule;
      std::vector<Rule> left;
      size_t next = 0;
    };
    std::vector<char> state(n_rules_, unseen);
    for (Rule first = 0; first < n_rules_; ++first) {
      if (state[first] != unseen) continue;
      std::vector<Visit> path;
      const auto enter = [&](Rule rule) {
        state[rule] = open;
        path.push_back({rule, {}});
        add_left(rules_.rules()[rule].body, path.back().left);
      };
      enter(first);
      while (!path.empty()) {
        Visit& visit = path.back();
        if (visit.next == visit.left.size()) {
          state[visit.rule] = done;
          path.pop_back();
          continue;
        }
        const Rule rule = visit.left[visit.next++];
        if (state[rule] == open)
          return fail(ErrorCode::invalid_input,
                      name(rule) + " refers to itself before anything else");
        if (state[rule] == unseen) enter(rule);
      }
    }
    return {};
  }

  // ---- nodes, from the end of an expression to its front

  uint32_t add(AutomatonNode node) {
    if (out_->nodes.size() <= kMaxNodes) out_->nodes.push_back(node);
    return static_cast<uint32_t>(out_->nodes.size() - 1);
  }
  bool full() const { return out_->nodes.size() > kMaxNodes || !problem_.empty(); }

  uint32_t add_set(const ByteSet& set) {
    auto& sets = out_->sets;
    const size_t n_looked_at = std::min<size_t>(sets.size(), 32);
    for (size_t i = sets.size() - n_looked_at; i < sets.size(); ++i)
      if (sets[i] == set) return static_cast<uint32_t>(i);
    sets.push_back(set);
    return static_cast<uint32_t>(sets.size() - 1);
  }

  uint32_t add_split(const std::vector<uint32_t>& targets) {
    if (targets.size() == 1) return targets[0];
    AutomatonNode node{NodeKind::split};
    node.arg = static_cast<uint32_t>(out_->targets.size());
    node.count = static_cast<uint32_t>(targets.size());
    out_->targets.insert(out_->targets.end(), targets.begin(), targets.end());
    return add(node);
  }

  uint32_t add_bytes(const ByteSet& set, uint32_t next) {
    AutomatonNode node{NodeKind::bytes};
    node.arg = add_set(set);
    node.next = next;
    return add(node);
  }

  // Only of productive expressions.
  uint32_t emit(Expr expr, uint32_t next) {
    if (full()) return next;
    const Rules::Node& node = rules_.node(expr);
    switch (node.kind) {
      case Kind::never:
        break;  // not productive
      case Kind::empty:
        return next;
      case Kind::bytes:
        return add_bytes(rules_.set(node), next);
      case Kind::literal: {
        const std::string_view text = rules_.text(node);
        for (size_t i = text.size(); i-- > 0;) {
          const auto byte = static_cast<uint8_t>(text[i]);
          next = add_bytes(ByteSet::range(byte, byte), next);
        }
        return next;
      }
      case Kind::sequence: {
        const auto parts = rules_.parts(node);
        for (size_t i = parts.size(); i-- > 0;) next = emit(parts[i], next);
        return next;
      }
      case Kind::any_of: {
        std::vector<uint32_t> targets;
        for (const Expr part : rules_.parts(node))
          if (productive(part)) targets.push_back(emit(part, next));
        return add_split(targets);
      }
      case Kind::repeat:
        return emit_repeat(node, next);
      case Kind::reference: {
        called_.push_back(node.first);
        AutomatonNode call{NodeKind::call};
        call.arg = node.first;
        // Without a return, a list written as a recursion needs no stack.
        call.next = out_->nodes[next].kind == NodeKind::rule_end ? kNoNode : next;
        return add(call);
      }
    }
    return next;
  }

  uint32_t emit_repeat(const Rules::Node& node, uint32_t next) {
    if (!productive(node.first)) return next;
    const bool open = node.max == kUnlimited;
    const uint64_t copies = open ? node.min : node.max;
    if (copies * size(node.first) <= kMaxCopies) {
      uint32_t at = next;
      if (open) {
        // A split whose targets are known only when the body is there.
        AutomatonNode loop{NodeKind::split};
        loop.arg = static_cast<uint32_t>(out_->targets.size());
        loop.count = 2;
        out_->targets.resize(out_->targets.size() + 2, next);
        at = add(loop);
        const uint32_t body = emit(node.first, at);
        if (!full()) out_->targets[loop.arg] = body;
      } else {
        for (uint32_t i = node.min; i < node.max; ++i) at = add_split({emit(node.first, at), next});
      }
      for (uint32_t i = 0; i < node.min; ++i) at = emit(node.first, at);
      return at;
    }
    if (nullable(node.first)) {
      problem_ = "a repetition of up to " + (open ? "any number" : std::to_string(node.max)) +
                 " times of what may be empty, in ";
      return next;
    }
    AutomatonNode repeat{NodeKind::repeat};
    repeat.min = node.min;
    repeat.max = node.max;
    repeat.next = next;
    const uint32_t at = add(repeat);
    AutomatonNode end{NodeKind::repeat_end};
    end.arg = at;
    const uint32_t body = emit(node.first, add(end));
    if (!full()) out_->nodes[at].arg = body;
    return at;
  }

  // About how many nodes one copy comes to; never more than it needs to know.
  uint64_t size(Expr expr) const {
    const Rules::Node& node = rules_.node(expr);
    uint64_t n = 1;
    switch (node.kind) {
      case Kind::literal:
        return node.count;
      case Kind::sequence:
      case Kind::any_of:
        for (const Expr part : rules_.parts(node))
          if ((n += size(part)) > kMaxCopies) break;
        return n;
      case Kind::repeat: {
        const uint64_t copies = node.max == kUnlimited ? node.min + 1 : node.max;
        const uint64_t once = size(node.first);
        const uint64_t whole = std::max<uint64_t>(copies, 1) * once;
        // Counted when it is too large: two nodes and one copy.
        return whole <= kMaxCopies ? whole : 2 + once;
      }
      default:
        return n;
    }
  }

  const Rules& rules_;
  Rule root_;
  size_t n_rules_ = 0;
  std::vector<char> productive_, nullable_;
  std::shared_ptr<Automaton> out_;
  std::vector<uint32_t> start_;
  std::vector<Rule> called_;
  std::string problem_;
};

}  // namespace

Result<std::shared_ptr<const Automaton>> compile(const Rules& rules, Rule root) {
  return Compiler(rules, root).compile();
}

}  // namespace engramd::engine::grammar
