// Text up to an ending: the automaton of Aho and Corasick ("Efficient string matching", 1975), a
// state a rule. What was read so far ends with the state's text, the longest beginning of an
// ending that it can.
#include <map>
#include <set>

#include "engine/grammar/characters.h"

namespace engramd::engine::grammar {
namespace {

constexpr size_t kMaxStates = 4096;

struct State {
  std::map<uint32_t, size_t> children;
  size_t fallback = 0;
  const Ending* ending = nullptr;  // the longest that ends here
  // Its text has what the text may not have (a marker of the ending): no way but to the ending.
  bool committed = false;
};

Result<std::vector<State>> make_states(const std::vector<Ending>& endings, const Characters& of) {
  std::vector<State> states(1);
  for (const Ending& ending : endings) {
    ENGRAMD_TRY(const std::vector<uint32_t> text, to_characters(ending.text));
    if (text.empty()) return fail(ErrorCode::invalid_input, "an ending of a text is empty");
    size_t state = 0;
    for (const uint32_t c : text) {
      const auto [child, made] = states[state].children.try_emplace(c, states.size());
      const size_t next = child->second;
      if (made) {
        states.emplace_back();
        states[next].committed = states[state].committed || !of.has(c);
      }
      state = next;
    }
    if (states[state].ending == nullptr) states[state].ending = &ending;
    if (states.size() > kMaxStates)
      return fail(ErrorCode::invalid_input, "the endings of a text are longer than " +
                                                std::to_string(kMaxStates) + " characters");
  }
  return states;
}

// Breadth first, since a fallback is shorter than what falls back to it.
void link_fallbacks(std::vector<State>& states) {
  std::vector<size_t> order = {0};
  for (size_t i = 0; i < order.size(); ++i) {
    const size_t state = order[i];
    for (const auto& [c, child] : states[state].children) {
      order.push_back(child);
      if (state == 0) continue;
      size_t fallback = states[state].fallback;
      while (fallback != 0 && !states[fallback].children.contains(c))
        fallback = states[fallback].fallback;
      const auto found = states[fallback].children.find(c);
      if (found != states[fallback].children.end()) states[child].fallback = found->second;
      if (states[child].ending == nullptr)
        states[child].ending = states[states[child].fallback].ending;
    }
  }
}

size_t after(const std::vector<State>& states, size_t state, uint32_t c) {
  for (;;) {
    const auto found = states[state].children.find(c);
    if (found != states[state].children.end()) return found->second;
    if (state == 0) return 0;
    state = states[state].fallback;
  }
}

}  // namespace

Status define_text_until(Rules& rules, Rule rule, const std::vector<Ending>& endings, Expr at_end,
                         const Characters& of) {
  ENGRAMD_TRY(std::vector<State> states, make_states(endings, of));
  link_fallbacks(states);
  std::vector<Rule> names(states.size());
  names[0] = rule;
  for (size_t i = 1; i < states.size(); ++i)
    if (states[i].ending == nullptr) names[i] = rules.declare("text up to an ending");

  for (size_t i = 0; i < states.size(); ++i) {
    if (states[i].ending != nullptr) continue;  // never entered: the ending's `then` is
    // What has an edge of its own; everything else starts from the beginning.
    std::set<uint32_t> special;
    for (size_t state = i;; state = states[state].fallback) {
      for (const auto& [c, child] : states[state].children) special.insert(c);
      if (state == 0 || states[i].committed) break;
    }
    std::vector<Expr> choices;
    Characters taken;
    for (const uint32_t c : special) {
      const size_t next = after(states, i, c);
      taken.add(c, c);
      const Ending* ending = states[next].ending;
      choices.push_back(
          rules.sequence({one_character(rules, {{c, c}}, Spelling::plain),
                          ending != nullptr ? ending->then : rules.reference(names[next])}));
    }
    if (!states[i].committed) {
      Characters others = of;
      others.remove(taken);
      choices.push_back(at_end);
      choices.push_back(rules.sequence(
          {one_character(rules, others, Spelling::plain), rules.reference(names[0])}));
    }
    rules.define(names[i], rules.any_of(choices));
  }
  return {};
}

Result<Expr> text_until(Rules& rules, const std::vector<Ending>& endings, Expr at_end,
                        const Characters& of) {
  const Rule rule = rules.declare("text up to an ending");
  ENGRAMD_CHECK(define_text_until(rules, rule, endings, at_end, of));
  return rules.reference(rule);
}

}  // namespace engramd::engine::grammar
