#include "agent/repair/confidence.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace engramd::agent {
namespace {

// A unit of order is about a factor of four in how often such an edit is the right one.
constexpr double kUnit = 1.386;
// Belief that none of what was tried is right, on the same scale as a candidate of order 2.
constexpr double kUnknownOrder = 2.6;
// A wrong edit passes about once in so many trials (a beta prior worth as many): where more were
// tried and none passed beside this one, the tests are hard to please, and what passes is all the
// likelier to be right. A half for the 150 without a rival that a search goes on for, 1 where
// nothing else was tried, never under a tenth: what no test looks at has no rivals either.
constexpr double kTrialsPerRival = 150, kLeastUnknown = 0.1;

struct Trust {
  std::string_view kind;
  double factor;
};
constexpr Trust kTrust[] = {
    {"condition to constant", 0.1},
    {"delete a statement", 0.3},
    {"name to constant", 0.4},
    {"constant to name", 0.6},
    {"return a name", 0.5},
    {"expression to name", 0.5},
    {"condition to name", 0.5},
    {"condition of the same function", 0.6},
    {"boolean constant to condition", 0.5},
    {"insert a return", 0.35},
    {"insert a jump", 0.5},
    {"insert an assignment", 0.5},
    {"insert a call", 0.7},
    {"repeat a statement", 0.5},
    {"only on a condition", 0.5},
    {"missing else", 0.6},
    {"expression to constant", 0.4},
    {"the whole for a part", 0.6},
    {"only when there is something", 0.7},
    {"catch an exception", 0.4},
    {"constant of the failure", 0.3},
    {"text of the failure", 0.5},
    {"text edit", 0.6},
    {"regular expression for the failure", 0.6},
    {"another text of the file", 0.5},
    {"another result", 0.4},
    {"name", 0.8},
    {"off by one", 0.8},
    {"member name", 0.8},
    {"drop a condition", 0.7},
    {"drop an operand", 0.7},
    {"drop an argument", 0.7},
    {"unwrap a call", 0.7},
    {"clamp", 0.5},
    {"list literal", 0.8},
    {"null to an empty value", 0.7},
    {"leave early", 0.6},
    {"leave on a condition", 0.5},
    {"last look", 0.6},
    {"add a condition", 0.7},
    {"expression of the same function", 0.6},
    {"missing term", 0.7},
    {"wrap in a call", 0.8},
    {"call on a value", 0.8},
    {"statement of the repository", 0.6},
    {"line proposed by the model", 0.3},
};

// The same edit but for spaces and brackets.
std::string plain(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == ' ' || c == '(' || c == ')' || c == '\t') continue;
    // a - -b is a + b.
    if (c == '-' && !out.empty() && out.back() == '-')
      out.back() = '+';
    else
      out += c;
  }
  return out;
}

size_t n_green_tests_on(const Candidate& candidate, const std::vector<TracedTest>& traced) {
  size_t n = 0;
  for (const TracedTest& test : traced) {
    if (test.red) continue;
    const auto lines = test.lines.find(candidate.path);
    if (lines == test.lines.end()) continue;
    // Traced lines count from 1; a statement's lines are those its expressions start on.
    for (const uint32_t line : lines->second)
      if (line == candidate.line + 1 || line == candidate.line) {
        ++n;
        break;
      }
  }
  return n;
}

}  // namespace

double trust_in(std::string_view edit_kind) {
  for (const Trust& row : kTrust)
    if (row.kind == edit_kind) return row.factor;
  return 1;
}

std::vector<Judged> judge(const EvidenceInput& input) {
  struct Belief {
    size_t place;
    double weight;
  };
  std::vector<Belief> beliefs;
  std::map<std::string, size_t> seen;  // of the text without spaces and brackets
  for (size_t i = 0; i < input.passing.size(); ++i) {
    const Passing& passing = input.passing[i];
    const Candidate& candidate = input.candidates[passing.index];
    if (!seen.emplace(plain(passing.text), i).second) continue;
    beliefs.push_back({i, std::exp(-kUnit * candidate.order) * trust_in(candidate.kind)});
  }
  std::stable_sort(beliefs.begin(), beliefs.end(),
                   [](const Belief& a, const Belief& b) { return a.weight > b.weight; });
  const double rivals = beliefs.empty() ? 0 : static_cast<double>(beliefs.size() - 1);
  const double weakness =
      kTrialsPerRival * (rivals + 1) / (static_cast<double>(input.n_tried) + kTrialsPerRival);
  double all = std::exp(-kUnit * kUnknownOrder) * std::max(kLeastUnknown, weakness);
  for (const Belief& belief : beliefs) all += belief.weight;
  std::vector<Judged> judged;
  for (const Belief& belief : beliefs) {
    const Candidate& candidate = input.candidates[input.passing[belief.place].index];
    Judged one;
    one.place = belief.place;
    const double share = belief.weight / all;
    const size_t n_green = input.traced.empty() ? std::min<size_t>(input.n_passed, 3)
                                                : n_green_tests_on(candidate, input.traced);
    // A red command without tests by name is less than one red test: nobody knows what it asks.
    const size_t n_red = input.n_red;
    const double judges = std::max(0.75, static_cast<double>(n_red)) + static_cast<double>(n_green);
    const double strength = judges / (judges + 0.5);
    one.confidence = share * strength;
    one.signs = {share,
                 candidate.order,
                 trust_in(candidate.kind),
                 n_red,
                 n_green,
                 !input.traced.empty(),
                 beliefs.size() - 1,
                 input.passing[belief.place].index + 1,
                 input.n_tried};
    const auto percent = [](double value) {
      return std::to_string(std::lround(100 * value)) + " %";
    };
    one.reasons.push_back(input.n_red == 0
                              ? "the command turns green"
                              : std::to_string(n_red) + (n_red == 1 ? " red test turns green"
                                                                    : " red tests turn green"));
    one.reasons.push_back(input.traced.empty()
                              ? "which green tests run the line is not known"
                              : std::to_string(n_green) + " green tests run the line");
    one.reasons.push_back(
        beliefs.size() == 1
            ? "no other of " + std::to_string(input.n_tried) + " edits that were tried passes"
            : std::to_string(beliefs.size() - 1) + " other edits pass; this one has " +
                  percent(share) + " of the belief");
    if (const double trust = trust_in(candidate.kind); trust < 0.75)
      one.reasons.push_back("edits of this kind (" + std::string(candidate.kind) +
                            ") often pass for the wrong reason");
    if (input.ran_out) one.reasons.push_back("time ended the search for others");
    judged.push_back(std::move(one));
  }
  return judged;
}

}  // namespace engramd::agent
