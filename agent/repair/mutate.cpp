#include "agent/repair/mutate.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <optional>
#include <set>
#include <unordered_set>

#include "agent/repair/flat_tree.h"
#include "base/hash.h"
#include "repoindex/languages/language.h"

namespace engramd::agent {
namespace {

using repoindex::contains_kind;
using repoindex::EditKinds;

// How one family of languages spells what the templates write.
struct Spelling {
  std::string_view language;
  std::string_view not_, and_, or_, null_, true_, false_, is_null, not_null, statement_end;
  bool indented_blocks = false;
};
constexpr Spelling kSpellings[] = {
    {"python", "not ", "and", "or", "None", "True", "False", " is None", " is not None", "", true},
    {"javascript", "!", "&&", "||", "null", "true", "false", " == null", " != null", ";", false},
    {"typescript", "!", "&&", "||", "null", "true", "false", " == null", " != null", ";", false},
    {"tsx", "!", "&&", "||", "null", "true", "false", " == null", " != null", ";", false},
    {"java", "!", "&&", "||", "null", "true", "false", " == null", " != null", ";", false},
    {"go", "!", "&&", "||", "nil", "true", "false", " == nil", " != nil", "", false},
    {"c", "!", "&&", "||", "NULL", "1", "0", " == NULL", " != NULL", ";", false},
    {"cpp", "!", "&&", "||", "nullptr", "true", "false", " == nullptr", " != nullptr", ";", false},
    {"rust", "!", "&&", "||", "None", "true", "false", ".is_none()", ".is_some()", ";", false},
};

// Names that are confused with each other: library functions of opposite or neighbouring meaning.
constexpr std::array<std::string_view, 2> kNamePairs[] = {{"any", "all"},
                                                          {"min", "max"},
                                                          {"floor", "ceil"},
                                                          {"append", "extend"},
                                                          {"append", "add"},
                                                          {"sorted", "reversed"},
                                                          {"startswith", "endswith"},
                                                          {"startsWith", "endsWith"},
                                                          {"lower", "upper"},
                                                          {"toLowerCase", "toUpperCase"},
                                                          {"lstrip", "rstrip"},
                                                          {"strip", "rstrip"},
                                                          {"trimStart", "trimEnd"},
                                                          {"find", "rfind"},
                                                          {"index", "rindex"},
                                                          {"indexOf", "lastIndexOf"},
                                                          {"split", "rsplit"},
                                                          {"keys", "values"},
                                                          {"values", "items"},
                                                          {"keys", "items"},
                                                          {"push", "unshift"},
                                                          {"pop", "shift"},
                                                          {"slice", "splice"},
                                                          {"some", "every"},
                                                          {"push_back", "push_front"},
                                                          {"front", "back"},
                                                          {"begin", "end"},
                                                          {"int", "float"},
                                                          {"lower_bound", "upper_bound"},
                                                          {"minmax", "max"},
                                                          {"first", "second"},
                                                          {"get", "setdefault"},
                                                          {"appendleft", "append"},
                                                          {"popleft", "pop"},
                                                          {"union", "intersection"},
                                                          {"left", "right"},
                                                          {"start", "end"},
                                                          {"round", "floor"},
                                                          {"Math.floor", "Math.ceil"},
                                                          {"issubset", "issuperset"}};

constexpr std::string_view kMoreExpressions[] = {"attribute",
                                                 "member_expression",
                                                 "field_expression",
                                                 "list",
                                                 "tuple",
                                                 "dictionary",
                                                 "set",
                                                 "list_comprehension",
                                                 "generator_expression",
                                                 "set_comprehension",
                                                 "dictionary_comprehension",
                                                 "parenthesized_expression",
                                                 "none",
                                                 "null",
                                                 "undefined",
                                                 "array",
                                                 "this",
                                                 "qualified_identifier",
                                                 "new_expression",
                                                 "ternary_expression",
                                                 "selector_expression"};
constexpr std::string_view kListLiterals[] = {"list", "array"};
constexpr std::string_view kMembers[] = {"attribute", "member_expression", "field_expression",
                                         "selector_expression"};
constexpr std::string_view kPlainCalls[] = {"len", "abs", "list", "sorted", "set",
                                            "int", "str", "sum",  "min",    "max"};

bool one_of(std::string_view kind, const auto& kinds) {
  return std::find(std::begin(kinds), std::end(kinds), kind) != std::end(kinds);
}

class Mutator {
 public:
  Mutator(const std::string& path, const std::string& text, FlatTree tree,
          const repoindex::Language& language, const Spelling& spelling,
          const std::function<double(uint32_t)>& suspicion, const MutateOptions& options)
      : path_(path),
        text_(text),
        tree_(std::move(tree)),
        kinds_(language.edit),
        spelling_(spelling),
        is_python_(spelling.indented_blocks),
        suspicion_(suspicion),
        options_(options),
        lines_(text) {}

  std::vector<Candidate> run() {
    collect_file();
    for (size_t i = 0; i < tree_.size(); ++i) {
      const FlatNode& node = tree_[i];
      if (!node.named) continue;
      const uint32_t line = lines_.position(node.begin).line;
      suspicion_here_ = suspicion_(line);
      if (suspicion_here_ <= 0) continue;
      enter_function(i);
      if (is_operation(node)) operations(i);
      if (contains_kind(kinds_.augmented_assignment, node.kind)) augmented(i);
      if (contains_kind(kinds_.unary, node.kind)) unary(i);
      if (contains_kind(kinds_.integer, node.kind)) integer(i);
      if (contains_kind(kinds_.boolean_literal, node.kind)) boolean_literal(i);
      if (contains_kind(kinds_.identifier, node.kind)) identifier(i);
      if (contains_kind(kinds_.call, node.kind)) call(i);
      if (contains_kind(kinds_.arguments, node.kind)) arguments(i);
      if (one_of(node.kind, kListLiterals)) list_literal(i);
      if (node.kind == "tuple" || node.kind == "subscript") swap_elements(i, 1.7, "swap elements");
      if (contains_kind(kinds_.subscript, node.kind)) subscript(i);
      if (contains_kind(kinds_.slice, node.kind)) slice(i);
      if (node.field == "condition" || is_condition(i)) condition(i);
      if (is_expression(i)) expression(i);
      if (contains_kind(kinds_.assignment, node.kind)) assignment(i);
      if (is_statement(i)) statement(i);
    }
    std::stable_sort(out_.begin(), out_.end(),
                     [](const Candidate& a, const Candidate& b) { return a.order < b.order; });
    if (out_.size() > options_.max_candidates) out_.resize(options_.max_candidates);
    return std::move(out_);
  }

 private:
  // ---- what the file and the function at hand offer

  struct Scope {
    std::vector<std::string> variables;  // most used first
    std::vector<std::string> callees;    // plain names that are called
    std::vector<std::string> donors;     // small expressions, no plain names or literals
    std::vector<std::string> conditions;
    std::vector<std::pair<std::string, std::string>> inserts;  // receiver, method of `x.m(y)`
    std::vector<std::string> statements;                       // short call statements, as text
  };

  void collect_file() {
    std::map<std::string, size_t> members, callees;
    for (size_t i = 0; i < tree_.size(); ++i) {
      const FlatNode& node = tree_[i];
      if (!contains_kind(kinds_.identifier, node.kind)) continue;
      if (is_member_name(i))
        ++members[text_of(i)];
      else if (is_callee(i))
        ++callees[text_of(i)];
    }
    file_members_ = by_count(members, 40);
    file_callees_ = by_count(callees, 20);
  }

  static std::vector<std::string> by_count(const std::map<std::string, size_t>& counts,
                                           size_t cap) {
    std::vector<std::pair<size_t, std::string>> sorted;
    for (const auto& [name, count] : counts) sorted.push_back({count, name});
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const auto& a, const auto& b) { return a.first > b.first; });
    std::vector<std::string> names;
    for (const auto& [count, name] : sorted)
      if (names.size() < cap) names.push_back(name);
    return names;
  }

  // The outermost function, so that closures see the names around them; or the whole file.
  void enter_function(size_t i) {
    size_t function = 0;
    for (size_t at = i; at != kNoNode; at = tree_[at].parent)
      if (contains_kind(kinds_.function, tree_[at].kind)) function = at;
    if (scope_ != nullptr && function == scope_function_) return;
    scope_function_ = function;
    auto [place, added] = scopes_.try_emplace(function);
    scope_ = &place->second;
    if (added) collect_scope(function, *scope_);
  }

  void collect_scope(size_t function, Scope& scope) {
    std::map<std::string, size_t> variables, callees;
    std::set<std::string> donors, conditions, statements;
    std::set<std::pair<std::string, std::string>> inserts;
    std::map<std::string, std::string> container_method;
    const size_t end = tree_.subtree_end(function);
    for (size_t i = function; i < end; ++i) {
      const FlatNode& node = tree_[i];
      if (contains_kind(kinds_.identifier, node.kind)) {
        if (is_member_name(i) || is_keyword_name(i) || is_definition_name(i)) continue;
        if (is_callee(i))
          ++callees[text_of(i)];
        else
          ++variables[text_of(i)];
        continue;
      }
      if (is_expression(i) && node.end - node.begin <= 60 &&
          lines_.position(node.begin).line == lines_.position(node.end).line) {
        if (!is_literal(node) && node.kind != "parenthesized_expression") donors.insert(text_of(i));
        if ((is_operation(node) && !is_arithmetic(i)) || node.field == "condition" ||
            is_condition(i))
          if (!is_literal(node)) conditions.insert(text_of(i));
      }
      if (contains_kind(kinds_.call, node.kind)) {
        const size_t callee = tree_.child_by_field(i, "function");
        if (callee != kNoNode && one_of(tree_[callee].kind, kMembers)) {
          const size_t receiver = receiver_of(callee), name = member_name_of(callee);
          if (receiver != kNoNode && name != kNoNode && is_plain_name(receiver))
            inserts.insert({text_of(receiver), text_of(name)});
        }
        const size_t parent = node.parent;
        if (parent != kNoNode && is_statement(parent) && node.end - node.begin <= 60)
          statements.insert(text_of(i));
      }
      // What a local was made as says how something is put into it.
      if (contains_kind(kinds_.assignment, node.kind)) {
        const size_t left = assignment_left(i), right = assignment_right(i);
        if (left != kNoNode && right != kNoNode && is_plain_name(left)) {
          const std::string value = text_of(right);
          if (value == "set()")
            inserts.insert({text_of(left), "add"});
          else if (value == "[]" || value == "list()")
            inserts.insert({text_of(left), is_python_ ? "append" : "push"});
        }
      }
    }
    scope.variables = by_count(variables, 16);
    scope.callees = by_count(callees, 12);
    scope.donors.assign(donors.begin(), donors.end());
    std::stable_sort(scope.donors.begin(), scope.donors.end(),
                     [](const auto& a, const auto& b) { return a.size() < b.size(); });
    if (scope.donors.size() > 2 * options_.max_donors) scope.donors.resize(2 * options_.max_donors);
    scope.conditions.assign(conditions.begin(), conditions.end());
    if (scope.conditions.size() > options_.max_donors) scope.conditions.resize(options_.max_donors);
    scope.inserts.assign(inserts.begin(), inserts.end());
    if (scope.inserts.size() > 8) scope.inserts.resize(8);
    scope.statements.assign(statements.begin(), statements.end());
    if (scope.statements.size() > 8) scope.statements.resize(8);
  }

  // ---- questions about nodes

  std::string text_of(size_t i) const {
    return text_.substr(tree_[i].begin, tree_[i].end - tree_[i].begin);
  }
  std::string_view kind_of(size_t i) const {
    return i == kNoNode ? std::string_view() : tree_[i].kind;
  }
  bool is_operation(const FlatNode& node) const {
    return contains_kind(kinds_.binary, node.kind) || contains_kind(kinds_.comparison, node.kind) ||
           contains_kind(kinds_.boolean, node.kind);
  }
  bool is_literal(const FlatNode& node) const {
    return contains_kind(kinds_.integer, node.kind) || contains_kind(kinds_.floating, node.kind) ||
           contains_kind(kinds_.string, node.kind) ||
           contains_kind(kinds_.boolean_literal, node.kind) || node.kind == "none" ||
           node.kind == "null";
  }
  bool is_plain_name(size_t i) const { return kind_of(i) == "identifier"; }
  bool is_member_name(size_t i) const {
    const FlatNode& node = tree_[i];
    return one_of(kind_of(node.parent), kMembers) &&
           (node.field == "attribute" || node.field == "property" || node.field == "field");
  }
  bool is_callee(size_t i) const {
    return tree_[i].field == "function" && contains_kind(kinds_.call, kind_of(tree_[i].parent));
  }
  bool is_keyword_name(size_t i) const {
    return tree_[i].field == "name" && kind_of(tree_[i].parent) == "keyword_argument";
  }
  bool is_definition_name(size_t i) const {
    const std::string_view parent = kind_of(tree_[i].parent);
    return contains_kind(kinds_.function, parent) || parent == "class_definition" ||
           parent == "class_declaration" || parent == "function_declarator" ||
           parent.find("import") != std::string_view::npos || parent == "dotted_name" ||
           parent == "decorator" || parent == "global_statement" || parent == "nonlocal_statement";
  }
  bool is_parameter(size_t i) const {
    for (size_t at = tree_[i].parent, steps = 0; at != kNoNode && steps < 4;
         at = tree_[at].parent, ++steps) {
      const std::string_view kind = tree_[at].kind;
      if (kind == "parameters" || kind == "formal_parameters" || kind == "parameter_list" ||
          kind == "lambda_parameters")
        return true;
      if (contains_kind(kinds_.block, kind)) return false;
    }
    return false;
  }
  bool is_type(size_t i) const {
    for (size_t at = i, steps = 0; at != kNoNode && steps < 6; at = tree_[at].parent, ++steps)
      if (tree_[at].field == "type" || tree_[at].field == "return_type" || tree_[at].kind == "type")
        return true;
    return false;
  }
  bool is_target(size_t i) const {
    for (size_t at = i; at != kNoNode; at = tree_[at].parent) {
      const std::string_view parent = kind_of(tree_[at].parent);
      if (tree_[at].field == "left" && !is_operation(tree_[tree_[at].parent]) &&
          (contains_kind(kinds_.assignment, parent) || contains_kind(kinds_.loop, parent) ||
           contains_kind(kinds_.augmented_assignment, parent) || parent == "for_in_clause"))
        return true;
      if (tree_[at].field == "declarator" &&
          (parent == "init_declarator" || parent == "for_range_loop" || parent == "declaration"))
        return true;
      if (parent == "variable_declarator" && tree_[at].field == "name") return true;
      if (contains_kind(kinds_.block, parent) || contains_kind(kinds_.call, parent)) return false;
    }
    return false;
  }
  bool is_expression(size_t i) const {
    const FlatNode& node = tree_[i];
    if (!node.named) return false;
    const std::string_view kind = node.kind;
    const bool known = is_operation(node) || contains_kind(kinds_.unary, kind) ||
                       is_literal(node) || kind == "identifier" ||
                       contains_kind(kinds_.call, kind) || contains_kind(kinds_.subscript, kind) ||
                       one_of(kind, kMoreExpressions);
    if (!known) return false;
    const std::string_view parent = kind_of(node.parent);
    if (is_callee(i) || is_member_name(i) || is_keyword_name(i) || is_definition_name(i))
      return false;
    if (parent == "parameters" || parent == "formal_parameters" ||
        parent == "parameter_declaration" || parent == "function_declarator" ||
        parent == "interpolation" || parent == "concatenated_string")
      return false;
    if (node.field == "name" || node.field == "declarator" || node.field == "label") return false;
    // A text that stands alone is a comment or docstring.
    if (contains_kind(kinds_.string, kind) && parent == "expression_statement") return false;
    return !is_type(i);
  }
  bool is_condition(size_t i) const {
    const size_t parent = tree_[i].parent;
    return parent != kNoNode && tree_[i].named &&
           contains_kind(kinds_.conditional, tree_[parent].kind) &&
           tree_[parent].kind == "if_clause";
  }
  bool is_statement(size_t i) const {
    return contains_kind(kinds_.statement, tree_[i].kind) && tree_[i].parent != kNoNode &&
           (contains_kind(kinds_.block, kind_of(tree_[i].parent)));
  }
  bool is_arithmetic(size_t i) const {
    const size_t op = operator_of(i);
    if (op == kNoNode) return false;
    const std::string token = text_of(op);
    return one_of(token, kinds_.arithmetic_tokens) || token == "**" || token == "//";
  }
  size_t operator_of(size_t i) const {
    for (const size_t child : tree_.children(i))
      if (!tree_[child].named && tree_[child].end > tree_[child].begin &&
          text_[tree_[child].begin] != '(')
        return child;
    return kNoNode;
  }
  size_t receiver_of(size_t member) const {
    for (const char* field : {"object", "argument", "operand"})
      if (const size_t found = tree_.child_by_field(member, field); found != kNoNode) return found;
    return kNoNode;
  }
  size_t member_name_of(size_t member) const {
    for (const char* field : {"attribute", "property", "field"})
      if (const size_t found = tree_.child_by_field(member, field); found != kNoNode) return found;
    return kNoNode;
  }
  size_t assignment_left(size_t i) const {
    for (const char* field : {"left", "declarator", "name"})
      if (const size_t found = tree_.child_by_field(i, field); found != kNoNode) return found;
    return kNoNode;
  }
  size_t assignment_right(size_t i) const {
    for (const char* field : {"right", "value"})
      if (const size_t found = tree_.child_by_field(i, field); found != kNoNode) return found;
    return kNoNode;
  }
  std::vector<size_t> named_children(size_t i) const {
    std::vector<size_t> out;
    for (const size_t child : tree_.children(i))
      if (tree_[child].named && tree_[child].kind != "comment") out.push_back(child);
    return out;
  }
  // Where a looser expression needs parentheses.
  bool binds_tightly(size_t i) const {
    const FlatNode& node = tree_[i];
    const size_t parent = node.parent;
    if (parent == kNoNode) return false;
    const FlatNode& above = tree_[parent];
    if (contains_kind(kinds_.unary, above.kind) || one_of(above.kind, kMembers)) return true;
    if (contains_kind(kinds_.comparison, above.kind) && is_python_) return false;
    if (is_operation(above)) return true;
    return contains_kind(kinds_.subscript, above.kind) &&
           (node.field == "value" || node.field == "object" || node.field == "argument");
  }
  std::string fitted(size_t i, std::string text) const {
    return binds_tightly(i) ? "(" + std::move(text) + ")" : text;
  }

  // ---- adding candidates

  void replace(size_t i, std::string replacement, double cost, std::string_view kind) {
    replace_range({tree_[i].begin, tree_[i].end}, std::move(replacement), cost, kind);
  }

  void replace_range(ByteRange range, std::string replacement, double cost, std::string_view kind) {
    std::string_view before = std::string_view(text_).substr(range.begin, range.size());
    std::string_view after = replacement;
    if (before == after || out_.size() >= 2 * options_.max_candidates) return;
    // The same change written as a larger edit is the same candidate.
    size_t head = 0;
    while (head < before.size() && head < after.size() && before[head] == after[head]) ++head;
    size_t tail = 0;
    while (tail < before.size() - head && tail < after.size() - head &&
           before[before.size() - 1 - tail] == after[after.size() - 1 - tail])
      ++tail;
    const std::string key = std::to_string(range.begin + head) + ":" +
                            std::to_string(range.end - tail) + ":" +
                            std::string(after.substr(head, after.size() - head - tail));
    const double order = cost + 1.6 * (1 - suspicion_here_);
    const auto [place, added] = seen_.try_emplace(hash64(key), out_.size());
    if (!added) {
      Candidate& known = out_[place->second];
      if (order < known.order) {
        known.order = order;
        known.cost = cost;
        known.kind = kind;
      }
      return;
    }
    Candidate candidate;
    candidate.path = path_;
    candidate.line = lines_.position(range.begin).line;
    candidate.edit = {range, std::move(replacement)};
    candidate.kind = kind;
    candidate.cost = cost;
    candidate.suspicion = suspicion_here_;
    candidate.order = order;
    out_.push_back(std::move(candidate));
  }

  // ---- templates

  void operations(size_t i) {
    const size_t op = operator_of(i);
    const std::vector<size_t> operands = named_children(i);
    if (op == kNoNode || operands.size() < 2) return;
    const std::string token = text_of(op), left = text_of(operands[0]),
                      right = text_of(operands[1]);
    const bool two = operands.size() == 2;
    if (one_of(token, kinds_.comparison_tokens) || token == "===" || token == "!==") {
      comparison(i, op, operands);
    } else if (one_of(token, kinds_.boolean_tokens)) {
      for (const std::string_view other : kinds_.boolean_tokens)
        if (other != token && other != "??")
          replace(op, std::string(other), 1.0, "boolean operator");
      if (two) {
        replace(i, left, 1.6, "drop a condition");
        replace(i, right, 1.6, "drop a condition");
        replace(operands[0], std::string(spelling_.not_) + "(" + left + ")", 1.8,
                "negate a condition");
        replace(operands[1], std::string(spelling_.not_) + "(" + right + ")", 1.8,
                "negate a condition");
      }
    } else {
      static constexpr std::array<std::string_view, 2> kLikely[] = {
          {"+", "-"}, {"*", "/"},   {"/", "//"}, {"%", "//"}, {"&", "|"}, {"|", "^"},
          {"&", "^"}, {"<<", ">>"}, {"*", "**"}, {"+", "*"},  {"%", "/"}};
      for (const std::string_view other : kinds_.arithmetic_tokens) {
        if (other == token) continue;
        bool likely = false;
        for (const auto& pair : kLikely)
          likely = likely || (pair[0] == token && pair[1] == other) ||
                   (pair[1] == token && pair[0] == other);
        replace(op, std::string(other), likely ? 1.1 : 2.0, "arithmetic operator");
      }
      if (two) {
        const std::string between =
            text_.substr(tree_[operands[0]].end, tree_[operands[1]].begin - tree_[operands[0]].end);
        if (token != "*" && token != "&" && token != "|" && token != "^")
          replace(i, right + between + left, 1.6, "swap operands");
        replace(i, left, 1.7, "drop an operand");
        replace(i, right, 1.7, "drop an operand");
      }
    }
  }

  void comparison(size_t i, size_t op, const std::vector<size_t>& operands) {
    const std::string token = text_of(op);
    static constexpr std::string_view kOrder[] = {"<", "<=", ">", ">=", "==", "!="};
    const auto flip = [](std::string_view a, std::string_view b) {
      return (a[0] == b[0] && a[0] != '=' && a[0] != '!');  // < and <=
    };
    if (one_of(token, kOrder)) {
      for (const std::string_view other : kOrder) {
        if (other == token) continue;
        const bool equality = token[0] == '=' || token[0] == '!';
        const bool other_equality = other[0] == '=' || other[0] == '!';
        const double cost = flip(token, other)             ? 1.0
                            : equality && other_equality   ? 1.0
                            : !equality && !other_equality ? 1.2
                                                           : 1.6;
        replace(op, std::string(other), cost, "comparison operator");
        // A boundary moved together with its operator: x == 0 for x <= 1.
        if (operands.size() == 2 && contains_kind(kinds_.integer, tree_[operands[1]].kind))
          if (const auto value = number(operands[1]))
            for (const long long step : {1LL, -1LL})
              replace_range({tree_[op].begin, tree_[operands[1]].end},
                            std::string(other) + " " + std::to_string(*value + step), 2.3,
                            "comparison boundary");
      }
    } else {
      static constexpr std::array<std::string_view, 2> kPairs[] = {
          {"in", "not in"}, {"is", "is not"}, {"===", "!=="}, {"is", "=="}, {"is not", "!="}};
      for (const auto& pair : kPairs) {
        if (token == pair[0]) replace(op, std::string(pair[1]), 1.1, "comparison operator");
        if (token == pair[1]) replace(op, std::string(pair[0]), 1.1, "comparison operator");
      }
    }
    if (operands.size() == 2) {
      const std::string left = text_of(operands[0]), right = text_of(operands[1]);
      replace_range({tree_[operands[0]].begin, tree_[operands[1]].end},
                    right + " " + token + " " + left, 1.7, "swap operands");
    }
    (void)i;
  }

  void augmented(size_t i) {
    const size_t op = operator_of(i);
    if (op == kNoNode) return;
    const std::string token = text_of(op);
    if (token.size() < 2 || token.back() != '=' || token == "==") return;
    for (const std::string_view other : kinds_.arithmetic_tokens)
      if (std::string(other) + "=" != token)
        replace(op, std::string(other) + "=", 1.2, "assignment operator");
    replace(op, "=", 1.7, "assignment operator");
  }

  void unary(size_t i) {
    const std::vector<size_t> operands = named_children(i);
    if (operands.size() != 1) return;
    const std::string whole = text_of(i), operand = text_of(operands[0]);
    if (whole == "++" + operand) return replace(i, "--" + operand, 1.2, "arithmetic operator");
    if (whole == operand + "++") return replace(i, operand + "--", 1.2, "arithmetic operator");
    if (whole == "--" + operand) return replace(i, "++" + operand, 1.2, "arithmetic operator");
    if (whole == operand + "--") return replace(i, operand + "++", 1.2, "arithmetic operator");
    replace(i, operand, 1.3, "drop a unary operator");
  }

  std::optional<long long> number(size_t i) const {
    const std::string digits = text_of(i);
    long long value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    return value;
  }

  void integer(size_t i) {
    const auto value = number(i);
    if (!value || is_type(i)) return;
    for (const long long step : {1LL, -1LL}) {
      if (*value + step >= 0)
        replace(i, std::to_string(*value + step), 1.1, "constant by one");
      else
        replace(i, fitted(i, std::to_string(*value + step)), 1.3, "constant by one");
    }
    for (const long long other : {0LL, 1LL, 2LL, 10LL})
      if (other != *value) replace(i, std::to_string(other), other < 2 ? 1.4 : 2.4, "constant");
    if (*value > 1) replace(i, std::to_string(*value * 2), 2.8, "constant");
    if (!is_target(i))
      for (const std::string& name : scope_->variables) replace(i, name, 2.3, "constant to name");
  }

  void boolean_literal(size_t i) {
    const std::string now = text_of(i);
    replace(i, std::string(now == spelling_.true_ ? spelling_.false_ : spelling_.true_), 1.0,
            "boolean constant");
    if (tree_[i].field == "condition") return;  // conditions have donors of their own
    for (const std::string& name : scope_->variables) {
      replace(i, fitted(i, name + " == 0"), 2.4, "boolean constant to condition");
      replace(i, fitted(i, name), 2.5, "boolean constant to condition");
      replace(i, fitted(i, std::string(spelling_.not_) + name), 2.5,
              "boolean constant to condition");
    }
    for (const std::string& donor : scope_->conditions)
      replace(i, fitted(i, donor), 2.6, "boolean constant to condition");
  }

  void identifier(size_t i) {
    if (is_keyword_name(i) || is_definition_name(i) || is_type(i)) return;
    const std::string now = text_of(i);
    for (const auto& pair : kNamePairs) {
      if (now == pair[0]) replace(i, std::string(pair[1]), 1.3, "neighbouring function");
      if (now == pair[1]) replace(i, std::string(pair[0]), 1.3, "neighbouring function");
    }
    if (is_member_name(i)) {
      for (const std::string& other : file_members_) replace(i, other, 1.9, "member name");
      return;
    }
    if (is_parameter(i)) return;
    if (is_callee(i)) {
      for (const std::string& other : scope_->callees) replace(i, other, 1.9, "called function");
      for (const std::string& other : file_callees_) replace(i, other, 2.3, "called function");
      return;
    }
    const bool target = is_target(i);
    for (size_t k = 0; k < scope_->variables.size(); ++k)
      replace(i, scope_->variables[k], (target ? 2.1 : 1.5) + 0.02 * static_cast<double>(k),
              "name");
    if (target || !is_expression(i)) return;
    replace(i, fitted(i, now + " + 1"), 1.6, "off by one");
    replace(i, fitted(i, now + " - 1"), 1.6, "off by one");
    replace(i, "0", 2.6, "name to constant");
    replace(i, "1", 2.6, "name to constant");
    for (const std::string& other : scope_->variables) {
      if (other == now) continue;
      replace(i, fitted(i, now + " - " + other), 2.5, "missing term");
      replace(i, fitted(i, now + " + " + other), 2.5, "missing term");
    }
    replace(i, fitted(i, now + " * " + now), 2.7, "missing term");
    replace(i, fitted(i, now + " * 2"), 2.9, "missing term");
    if (is_python_) {
      replace(i, fitted(i, now + " ** 2"), 2.8, "missing term");
      replace(i, fitted(i, now + " // 2"), 2.9, "missing term");
    }
    replace(i, "-" + now, 2.7, "negate a number");
  }

  std::vector<size_t> argument_nodes(size_t call_node) const {
    const size_t list = tree_.child_by_field(call_node, "arguments");
    return list == kNoNode ? std::vector<size_t>() : named_children(list);
  }

  void call(size_t i) {
    const std::vector<size_t> args = argument_nodes(i);
    const bool is_whole_statement = is_statement_kind(tree_[i].parent);
    if (!is_whole_statement) {
      for (const size_t arg : args)
        if (tree_[arg].kind != "keyword_argument")
          replace(i, text_of(arg), args.size() == 1 ? 1.6 : 2.0, "unwrap a call");
      const size_t callee = tree_.child_by_field(i, "function");
      if (callee != kNoNode && one_of(tree_[callee].kind, kMembers))
        if (const size_t receiver = receiver_of(callee); receiver != kNoNode)
          replace(i, text_of(receiver), 2.1, "unwrap a call");
      const std::string now = text_of(i);
      replace(i, fitted(i, now + " + 1"), 2.0, "off by one");
      replace(i, fitted(i, now + " - 1"), 2.0, "off by one");
    } else if (args.size() == 1) {
      // x.update(y) where x = y was meant.
      const size_t callee = tree_.child_by_field(i, "function");
      if (callee != kNoNode && one_of(tree_[callee].kind, kMembers))
        if (const size_t receiver = receiver_of(callee); receiver != kNoNode)
          replace(i, text_of(receiver) + " = " + text_of(args[0]), 2.6,
                  "assign in place of a call");
    }
  }
  bool is_statement_kind(size_t i) const { return kind_of(i) == "expression_statement"; }

  void swap_elements(size_t i, double cost, std::string_view kind) {
    std::vector<size_t> parts = named_children(i);
    if (tree_[i].kind == "subscript" && !parts.empty()) parts.erase(parts.begin());
    if (parts.size() < 2 || parts.size() > 8) return;
    for (size_t a = 0; a < parts.size(); ++a)
      for (size_t b = a + 1; b < parts.size(); ++b) {
        const FlatNode &first = tree_[parts[a]], &second = tree_[parts[b]];
        const std::string between = text_.substr(first.end, second.begin - first.end);
        replace_range({first.begin, second.end}, text_of(parts[b]) + between + text_of(parts[a]),
                      cost + 0.1 * static_cast<double>(b - a - 1), kind);
      }
  }

  void arguments(size_t i) {
    swap_elements(i, 1.4, "swap arguments");
    const std::vector<size_t> args = named_children(i);
    for (size_t a = 0; a < args.size() && args.size() > 1; ++a) {
      const size_t begin = a == 0 ? tree_[args[a]].begin : tree_[args[a - 1]].end;
      const size_t end = a == 0 ? tree_[args[1]].begin : tree_[args[a]].end;
      replace_range({begin, end}, "", 2.5, "drop an argument");
    }
    if (args.size() == 1 && tree_[args[0]].kind == "generator_expression") return;
    const size_t place = args.empty() ? tree_[i].end - 1 : tree_[args.back()].end;
    for (const std::string& name : scope_->variables)
      replace_range({place, place}, (args.empty() ? "" : ", ") + name, 2.9, "add an argument");
  }

  void list_literal(size_t i) {
    if (!named_children(i).empty() || is_target(i)) return;
    replace(i, "[[]]", 2.0, "list literal");
    for (const std::string& name : scope_->variables)
      replace(i, "[" + name + "]", 2.1, "list literal");
    replace(i, "[0]", 2.6, "list literal");
    replace(i, std::string(spelling_.null_), 2.6, "list literal");
  }

  void subscript(size_t i) {
    const std::vector<size_t> parts = named_children(i);
    if (parts.size() < 2 || is_target(i)) return;
    const std::string now = text_of(i);
    replace(i, fitted(i, now + " + 1"), 2.0, "off by one");
    replace(i, fitted(i, now + " - 1"), 2.0, "off by one");
    replace(i, text_of(parts[0]), 2.2, "drop an index");
    const size_t index = parts[1];
    if (tree_[index].kind == "slice") return;
    if (tree_[index].kind != "identifier" && !is_literal(tree_[index])) {
      replace(index, text_of(index) + " + 1", 1.7, "off by one");
      replace(index, text_of(index) + " - 1", 1.7, "off by one");
    }
  }

  void slice(size_t i) {
    const std::string now = text_of(i);
    const size_t colon = now.find(':');
    if (colon == std::string::npos) return;
    const std::string start = now.substr(0, colon), stop = now.substr(colon + 1);
    if (start.empty())
      replace(i, "1:" + stop, 1.7, "slice bound");
    else
      replace(i, ":" + stop, 1.9, "slice bound");
    if (stop.empty())
      replace(i, start + ":-1", 1.8, "slice bound");
    else if (stop.find(':') == std::string::npos)
      replace(i, start + ":", 1.9, "slice bound");
    replace(i, stop + ":" + start, 2.0, "slice bound");
    for (const std::string& name : scope_->variables) {
      if (start.empty()) replace(i, name + ":" + stop, 2.4, "slice bound");
      if (stop.empty()) replace(i, start + ":" + name, 2.4, "slice bound");
    }
    for (const char* step : {" + 1", " - 1"}) {
      if (!start.empty()) replace(i, start + step + ":" + stop, 1.7, "slice bound");
      if (!stop.empty() && stop.find(':') == std::string::npos)
        replace(i, start + ":" + stop + step, 1.7, "slice bound");
    }
  }

  void condition(size_t i) {
    // `if (x)` in C-like languages: the parentheses belong to the statement's syntax.
    size_t inner = i;
    if (!is_python_ &&
        (tree_[i].kind == "parenthesized_expression" || tree_[i].kind == "condition_clause")) {
      const std::vector<size_t> parts = named_children(i);
      if (parts.size() != 1) return;
      inner = parts[0];
    }
    const std::string now = text_of(inner);
    const std::string and_ = " " + std::string(spelling_.and_) + " ",
                      or_ = " " + std::string(spelling_.or_) + " ";
    const std::string not_ = std::string(spelling_.not_);
    const bool simple = !contains_kind(kinds_.boolean, tree_[inner].kind);
    const std::string held = simple && is_python_ ? now : "(" + now + ")";
    replace(inner, not_ + "(" + now + ")", 1.2, "negate a condition");
    replace(inner, std::string(spelling_.true_), 2.2, "condition to constant");
    replace(inner, std::string(spelling_.false_), 2.2, "condition to constant");
    // A member of something that may be absent: guard it.
    std::set<std::string> receivers;
    const size_t end = tree_.subtree_end(inner);
    for (size_t k = inner; k < end; ++k)
      if (one_of(tree_[k].kind, kMembers))
        if (const size_t receiver = receiver_of(k); receiver != kNoNode && is_plain_name(receiver))
          receivers.insert(text_of(receiver));
    for (const std::string& receiver : receivers) {
      replace(inner, receiver + std::string(spelling_.is_null) + or_ + held, 1.7, "guard");
      replace(inner, receiver + std::string(spelling_.not_null) + and_ + held, 1.7, "guard");
    }
    for (const std::string& name : scope_->variables) {
      replace(inner, name, 2.2, "condition to name");
      replace(inner, not_ + name, 2.4, "condition to name");
      replace(inner, held + or_ + not_ + name, 2.5, "add a condition");
      replace(inner, held + and_ + name, 2.5, "add a condition");
      replace(inner, held + or_ + name, 2.7, "add a condition");
      replace(inner, held + and_ + not_ + name, 2.7, "add a condition");
    }
    for (const std::string& donor : scope_->conditions) {
      if (donor == now) continue;
      replace(inner, donor, 2.4, "condition of the same function");
      replace(inner, held + or_ + donor, 2.8, "add a condition");
      replace(inner, held + and_ + donor, 2.8, "add a condition");
    }
  }

  // Places that take any expression: a donor of the same function, a wrap, a slice.
  void expression(size_t i) {
    const FlatNode& node = tree_[i];
    const std::string now = text_of(i);
    if (now.size() > 200) return;
    const std::string_view parent = kind_of(node.parent);
    const bool target = is_target(i);
    const bool is_argument = contains_kind(kinds_.arguments, parent);
    const bool is_value = contains_kind(kinds_.return_, parent) || node.field == "right" ||
                          node.field == "value" || is_argument || node.field == "body";
    if (target) {
      if (contains_kind(kinds_.subscript, node.kind) || one_of(node.kind, kMembers))
        donors(i, 2.8, true);
      return;
    }
    if (is_value || contains_kind(kinds_.call, node.kind) ||
        contains_kind(kinds_.subscript, node.kind))
      donors(i, contains_kind(kinds_.return_, parent) ? 2.5 : 2.7, false);
    if (contains_kind(kinds_.return_, parent))
      for (const std::string& name : scope_->variables) replace(i, name, 2.2, "return a name");
    if (!is_literal(node) && (is_argument || is_value))
      for (const std::string& name : scope_->variables) {
        if (node.kind != "identifier") replace(i, name, 2.3, "expression to name");
      }
    if (is_literal(node)) return;
    const bool is_iterated =
        node.field == "right" && (contains_kind(kinds_.loop, parent) || parent == "for_in_clause");
    if (is_python_ && (is_argument || is_iterated || contains_kind(kinds_.return_, parent)) &&
        (node.kind == "identifier" || one_of(node.kind, kMembers))) {
      replace(i, now + "[1:]", 2.3, "slice");
      replace(i, now + "[:-1]", 2.4, "slice");
      for (const std::string& name : scope_->variables) {
        if (name == now) continue;
        replace(i, now + "[" + name + ":]", 2.6, "slice");
        replace(i, now + "[:" + name + "]", 2.7, "slice");
        replace(i, now + "[" + name + "]", 2.7, "index");
      }
    }
    if (is_value && is_python_) {
      replace(i, "max(0, " + now + ")", 2.4, "clamp");
      replace(i, "min(0, " + now + ")", 2.9, "clamp");
      for (const std::string_view function : kPlainCalls)
        if (now.substr(0, function.size() + 1) != std::string(function) + "(")
          replace(i, std::string(function) + "(" + now + ")", 2.8, "wrap in a call");
      for (const std::string& function : scope_->callees)
        replace(i, function + "(" + now + ")", 2.7, "wrap in a call");
    } else if (is_value) {
      for (const std::string& function : scope_->callees)
        replace(i, function + "(" + now + ")", 2.7, "wrap in a call");
    }
    if (contains_kind(kinds_.return_, parent)) {
      for (const std::string& name : scope_->variables) {
        if (name == now) continue;
        replace(i, name + " + " + now, 2.6, "missing term");
        replace(i, now + " + " + name, 2.6, "missing term");
      }
      replace(i, std::string(spelling_.not_) + "(" + now + ")", 2.2, "negate a result");
      if (is_operation(node)) {
        replace(i, now + " + 1", 2.0, "off by one");
        replace(i, now + " - 1", 2.0, "off by one");
      }
    }
    if (is_argument && is_operation(node)) {
      replace(i, now + " + 1", 1.9, "off by one");
      replace(i, now + " - 1", 1.9, "off by one");
    }
    // Comprehensions and sums over what was found so far.
    if (node.kind == "parenthesized_expression" || !is_value) return;
  }

  void donors(size_t i, double cost, bool targets_only) {
    const std::string now = text_of(i);
    size_t offered = 0;
    for (const std::string& donor : scope_->donors) {
      if (donor == now) continue;
      if (targets_only && donor.back() != ']' && donor.find('.') == std::string::npos) continue;
      if (targets_only && (donor.find('(') != std::string::npos || donor.front() == '[')) continue;
      replace(i, fitted(i, donor), cost + 0.02 * static_cast<double>(offered),
              "expression of the same function");
      if (++offered >= options_.max_donors) break;
    }
  }

  void assignment(size_t i) {
    const size_t left = assignment_left(i), right = assignment_right(i);
    if (left == kNoNode || right == kNoNode) return;
    const std::string target = text_of(left), value = text_of(right);
    if (value.size() > 120 || target.find(',') != std::string::npos) return;
    const std::string prefix = is_python_ ? "" : spelling_.language == "cpp" ? "std::" : "Math.";
    if (is_python_ || spelling_.language == "cpp" || spelling_.language == "javascript" ||
        spelling_.language == "typescript") {
      replace(right, prefix + "max(" + target + ", " + value + ")", 2.2, "keep the extreme");
      replace(right, prefix + "min(" + target + ", " + value + ")", 2.2, "keep the extreme");
    }
    replace(right, target + " + " + fitted_operand(right, value), 2.3, "accumulate");
  }
  std::string fitted_operand(size_t i, const std::string& value) const {
    return is_operation(tree_[i]) && !is_arithmetic(i) ? "(" + value + ")" : value;
  }

  std::string indentation_at(size_t i) const {
    const size_t line_start = lines_.line_start(lines_.position(tree_[i].begin).line);
    return text_.substr(line_start, tree_[i].begin - line_start);
  }
  bool starts_its_line(size_t i) const {
    return indentation_at(i).find_first_not_of(" \t") == std::string::npos;
  }

  void statement(size_t i) {
    const FlatNode& node = tree_[i];
    if (!starts_its_line(i)) return;
    const std::string now = text_of(i);
    const std::string indent = indentation_at(i);
    const bool is_text_only = now[0] == '"' || now[0] == '\'' || now.substr(0, 3) == "r\"\"";
    if (is_text_only) return;
    const std::vector<size_t> siblings = named_children(node.parent);
    const auto here = std::find(siblings.begin(), siblings.end(), i);
    const bool is_last = here + 1 == siblings.end();
    if (siblings.size() > 1) {
      replace(i, is_python_ ? "pass" : ";", 2.0, "delete a statement");
    } else {
      replace(i, is_python_ ? "pass" : ";", 2.6, "delete a statement");
    }
    if (!is_last && now.size() < 2000) {
      const size_t next = *(here + 1);
      if (is_statement(next) && starts_its_line(next) &&
          tree_[next].end - tree_[next].begin < 2000) {
        const std::string between = text_.substr(node.end, tree_[next].begin - node.end);
        replace_range({node.begin, tree_[next].end}, text_of(next) + between + now, 2.2,
                      "swap statements");
      }
    }
    if (is_python_ && now.find('\n') == std::string::npos) move_in_or_out(i, indent, is_last);
    // Something is missing before this statement, or after the last one of its block.
    const auto insert = [&](const std::string& line, double cost, std::string_view kind) {
      const std::string whole = line + std::string(spelling_.statement_end);
      replace_range({node.begin, node.begin}, whole + "\n" + indent, cost, kind);
      if (is_last && !contains_kind(kinds_.return_, node.kind))
        replace_range({node.end, node.end}, "\n" + indent + whole, cost + 0.05, kind);
    };
    for (const auto& [receiver, method] : scope_->inserts) {
      for (const std::string& name : scope_->variables)
        if (name != receiver)
          insert(receiver + "." + method + "(" + name + ")", 2.6, "insert a call");
    }
    for (const std::string& text : scope_->statements) insert(text, 2.6, "insert a call");
    const size_t n_names = std::min<size_t>(scope_->variables.size(), 10);
    for (size_t a = 0; a < n_names; ++a)
      for (size_t b = 0; b < n_names; ++b)
        if (a != b)
          insert(scope_->variables[a] + " = " + scope_->variables[b], 2.9, "insert an assignment");
    for (size_t a = 0; a < n_names; ++a) {
      insert(scope_->variables[a] + " += 1", 2.9, "insert an assignment");
      insert(scope_->variables[a] + " -= 1", 3.0, "insert an assignment");
    }
    if (!contains_kind(kinds_.return_, node.kind)) {
      insert("return", 3.2, "insert a return");
      for (size_t a = 0; a < n_names; ++a)
        insert("return " + scope_->variables[a], 3.2, "insert a return");
    }
    if (in_loop(i)) {
      insert("continue", 3.1, "insert a jump");
      insert("break", 3.0, "insert a jump");
    }
  }

  bool in_loop(size_t i) const {
    for (size_t at = tree_[i].parent; at != kNoNode; at = tree_[at].parent) {
      if (contains_kind(kinds_.loop, tree_[at].kind)) return true;
      if (contains_kind(kinds_.function, tree_[at].kind)) return false;
    }
    return false;
  }

  // Python only: a line one block too deep, or one block too far out.
  void move_in_or_out(size_t i, const std::string& indent, bool is_last) {
    const FlatNode& node = tree_[i];
    const size_t line_start = node.begin - indent.size();
    const std::string now = text_of(i);
    const size_t block = node.parent;
    if (is_last && tree_[block].kind == "block") {
      const size_t owner = tree_[block].parent;
      if (owner != kNoNode && !contains_kind(kinds_.function, kind_of(owner)) &&
          starts_its_line(owner))
        replace_range({line_start, node.end}, indentation_at(owner) + now, 2.1,
                      "move a statement out");
    }
    const std::vector<size_t> siblings = named_children(block);
    const auto here = std::find(siblings.begin(), siblings.end(), i);
    if (here == siblings.begin() || here == siblings.end()) return;
    const size_t before = *(here - 1);
    size_t body = tree_.child_by_field(before, "alternative");
    if (body == kNoNode) body = tree_.child_by_field(before, "body");
    if (body == kNoNode) body = tree_.child_by_field(before, "consequence");
    if (body == kNoNode || contains_kind(kinds_.function, kind_of(before))) return;
    const std::vector<size_t> inner = named_children(body);
    if (inner.empty() || !starts_its_line(inner.back())) return;
    replace_range({line_start, node.end}, indentation_at(inner.back()) + now, 2.3,
                  "move a statement in");
  }

  const std::string& path_;
  const std::string& text_;
  const FlatTree tree_;
  const EditKinds& kinds_;
  const Spelling& spelling_;
  const bool is_python_;
  const std::function<double(uint32_t)>& suspicion_;
  const MutateOptions& options_;
  const LineIndex lines_;
  std::vector<std::string> file_members_, file_callees_;
  std::map<size_t, Scope> scopes_;  // by function node
  Scope* scope_ = nullptr;
  size_t scope_function_ = kNoNode;
  double suspicion_here_ = 0;
  std::map<uint64_t, size_t> seen_;  // what the edit does -> index in out_
  std::vector<Candidate> out_;
};

}  // namespace

Result<std::vector<Candidate>> mutate(const std::string& path, const std::string& text,
                                      const std::function<double(uint32_t line)>& suspicion,
                                      const MutateOptions& options) {
  const repoindex::Language* language = repoindex::language_for_path(path, text);
  if (language == nullptr) return fail(ErrorCode::unsupported, path + ": no language of the table");
  const Spelling* spelling = nullptr;
  for (const Spelling& row : kSpellings)
    if (row.language == language->name) spelling = &row;
  if (spelling == nullptr || language->edit.statement.empty())
    return fail(ErrorCode::unsupported,
                path + ": edits of " + language->name + " are not proposed");
  ENGRAMD_TRY(FlatTree tree, FlatTree::parse(text, language->name));
  return Mutator(path, text, std::move(tree), *language, *spelling, suspicion, options).run();
}

}  // namespace engramd::agent
