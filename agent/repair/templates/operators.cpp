// Operators and their operands: another operator, swapped or dropped operands.
#include <array>

#include "agent/repair/templates/template.h"

namespace engramd::agent {
namespace {

using repoindex::contains_kind;
using Pair = std::array<std::string_view, 2>;

constexpr Pair kLikelyArithmetic[] = {{"+", "-"},  {"*", "/"}, {"/", "//"}, {"%", "//"},
                                      {"&", "|"},  {"|", "^"}, {"&", "^"},  {"<<", ">>"},
                                      {"*", "**"}, {"+", "*"}, {"%", "/"},  {">>", ">>>"}};
constexpr Pair kOtherComparisons[] = {{"in", "not in"}, {"is", "is not"}, {"===", "!=="},
                                      {"is", "=="},     {"is not", "!="}, {"==", "==="},
                                      {"!=", "!=="}};
constexpr std::string_view kOrder[] = {"<", "<=", ">", ">=", "==", "!="};

bool is_pair(const Pair& pair, std::string_view a, std::string_view b) {
  return (pair[0] == a && pair[1] == b) || (pair[1] == a && pair[0] == b);
}

void comparison(const Site& site, size_t op, const std::vector<size_t>& operands) {
  const CodeView& code = site.code;
  const std::string token = code.text_of(op);
  if (one_of(token, kOrder)) {
    for (const std::string_view other : kOrder) {
      if (other == token) continue;
      const bool equality = token[0] == '=' || token[0] == '!';
      const bool other_equality = other[0] == '=' || other[0] == '!';
      const bool by_bound = token[0] == other[0] && !equality;  // < and <=
      const double cost = by_bound                       ? 1.0
                          : equality && other_equality   ? 1.0
                          : !equality && !other_equality ? 1.2
                                                         : 1.6;
      site.out.replace(op, std::string(other), cost, "comparison operator");
      // A boundary moved together with its operator: x == 0 for x <= 1.
      if (operands.size() == 2 && contains_kind(code.kinds.integer, code.kind_of(operands[1])))
        if (const auto value = code.number(operands[1]))
          for (const long long step : {1LL, -1LL})
            site.out.replace_range({code.node(op).begin, code.node(operands[1]).end},
                                   std::string(other) + " " + std::to_string(*value + step), 2.3,
                                   "comparison boundary");
    }
  }
  for (const Pair& pair : kOtherComparisons) {
    const bool strict = pair[1] == "===" || pair[1] == "!==";
    if (strict && pair[0] != "===" && !code.is_script) continue;
    if ((pair[0] == "is" || pair[0] == "is not") && !code.is_python) continue;
    if (token == pair[0]) site.out.replace(op, std::string(pair[1]), 1.1, "comparison operator");
    if (token == pair[1] && !(one_of(pair[1], kOrder) && !code.is_python))
      site.out.replace(op, std::string(pair[0]), 1.1 + (one_of(pair[1], kOrder) ? 0.8 : 0),
                       "comparison operator");
  }
  if (operands.size() == 2)
    site.out.replace_range(
        {code.node(operands[0]).begin, code.node(operands[1]).end},
        code.text_of(operands[1]) + " " + token + " " + code.text_of(operands[0]), 1.7,
        "swap operands");
}

void boolean(const Site& site, size_t op, const std::vector<size_t>& operands) {
  const CodeView& code = site.code;
  const std::string token = code.text_of(op);
  for (const std::string_view other : code.kinds.boolean_tokens)
    if (other != token)
      site.out.replace(op, std::string(other), token == "||" && other == "??" ? 1.3 : 1.1,
                       "boolean operator");
  if (operands.size() != 2) return;
  for (const size_t operand : operands) {
    site.out.replace(site.node, code.text_of(operand), 1.6, "drop a condition");
    site.out.replace(operand, code.negated(code.text_of(operand)), 1.8, "negate a condition");
  }
}

void arithmetic(const Site& site, size_t op, const std::vector<size_t>& operands) {
  const CodeView& code = site.code;
  const std::string token = code.text_of(op);
  for (const std::string_view other : code.kinds.arithmetic_tokens) {
    if (other == token) continue;
    bool likely = false;
    for (const Pair& pair : kLikelyArithmetic) likely = likely || is_pair(pair, token, other);
    site.out.replace(op, std::string(other), likely ? 1.1 : 2.0, "arithmetic operator");
  }
  if (operands.size() != 2) return;
  const std::string left = code.text_of(operands[0]), right = code.text_of(operands[1]);
  const std::string between = code.text.substr(
      code.node(operands[0]).end, code.node(operands[1]).begin - code.node(operands[0]).end);
  if (token != "*" && token != "&" && token != "|" && token != "^")
    site.out.replace(site.node, right + between + left, 1.6, "swap operands");
  site.out.replace(site.node, left, 1.7, "drop an operand");
  site.out.replace(site.node, right, 1.7, "drop an operand");
  // a - b / c where (a - b) / c was meant: the operand below is an operation, too.
  for (const size_t operand : operands) {
    if (!code.is_operation(operand)) continue;
    const std::vector<size_t> below = code.named_children(operand);
    if (below.size() != 2) continue;
    const bool is_right = operand == operands[1];
    const FlatNode &outer = code.node(site.node), &inner = code.node(operand);
    const std::string whole = code.text_of(site.node);
    const size_t cut =
        (is_right ? code.node(below[0]).end : code.node(below[1]).begin) - outer.begin;
    (void)inner;
    site.out.replace(site.node,
                     is_right ? "(" + whole.substr(0, cut) + ")" + whole.substr(cut)
                              : whole.substr(0, cut) + "(" + whole.substr(cut) + ")",
                     2.2, "group operands");
  }
}

void augmented(const Site& site, size_t op) {
  const CodeView& code = site.code;
  const std::string token = code.text_of(op);
  if (token == "=") {
    // C-like languages have one kind for both.
    site.out.replace(op, "+=", 1.9, "assignment operator");
    return;
  }
  if (token.size() < 2 || token.back() != '=' || token == "==") return;
  for (const std::string_view other : code.kinds.arithmetic_tokens)
    if (std::string(other) + "=" != token)
      site.out.replace(op, std::string(other) + "=", 1.2, "assignment operator");
  site.out.replace(op, "=", 1.7, "assignment operator");
}

void unary(const Site& site) {
  const CodeView& code = site.code;
  const std::vector<size_t> operands = code.named_children(site.node);
  if (operands.size() != 1) return;
  const std::string whole = code.text_of(site.node), operand = code.text_of(operands[0]);
  const std::array<std::array<std::string, 2>, 2> steps{
      {{"++" + operand, "--" + operand}, {operand + "++", operand + "--"}}};
  for (const auto& pair : steps)
    for (const size_t at : {size_t{0}, size_t{1}})
      if (whole == pair[at])
        return site.out.replace(site.node, pair[1 - at], 1.2, "arithmetic operator");
  site.out.replace(site.node, operand, 1.3, "drop a unary operator");
}

}  // namespace

void propose_operators(const Site& site) {
  const CodeView& code = site.code;
  const std::string_view kind = code.kind_of(site.node);
  if (contains_kind(code.kinds.augmented_assignment, kind) ||
      (code.is_python && contains_kind(code.kinds.assignment, kind)))
    if (const size_t op = code.operator_of(site.node); op != kNoNode) augmented(site, op);
  if (contains_kind(code.kinds.unary, kind)) unary(site);
  if (!code.is_operation(site.node)) return;
  const size_t op = code.operator_of(site.node);
  const std::vector<size_t> operands = code.named_children(site.node);
  if (op == kNoNode || operands.size() < 2) return;
  const std::string token = code.text_of(op);
  if (one_of(token, code.kinds.comparison_tokens) || token == "===" || token == "!==")
    comparison(site, op, operands);
  else if (one_of(token, code.kinds.boolean_tokens))
    boolean(site, op, operands);
  else
    arithmetic(site, op, operands);
}

}  // namespace engramd::agent
