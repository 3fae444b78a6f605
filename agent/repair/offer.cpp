#include "agent/repair/offer.h"

#include <algorithm>
#include <charconv>
#include <set>

namespace engramd::agent {
namespace {

using repoindex::contains_kind;

// What may well be done twice, or in another place.
constexpr std::string_view kPlainStatements[] = {"expression_statement", "assignment_statement",
                                                 "inc_statement", "dec_statement"};
constexpr size_t kMaxPerKey = 12, kMaxKeys = 2000, kMaxStatements = 400;

std::vector<std::string> by_count(const std::map<std::string, size_t>& counts, size_t cap) {
  std::vector<std::pair<size_t, std::string>> sorted;
  for (const auto& [name, count] : counts) sorted.push_back({count, name});
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<std::string> names;
  for (const auto& [count, name] : sorted)
    if (names.size() < cap) names.push_back(name);
  return names;
}

void add_to(std::map<std::string, std::vector<std::string>>& lists, const std::string& key,
            const std::string& value) {
  if (lists.size() >= kMaxKeys && lists.count(key) == 0) return;
  std::vector<std::string>& list = lists[key];
  if (list.size() < kMaxPerKey && std::find(list.begin(), list.end(), value) == list.end())
    list.push_back(value);
}

bool looks_like_exception(const std::string& name) {
  for (const std::string_view end : {"Error", "Exception", "Warning", "StopIteration"})
    if (name.size() >= end.size() && name.ends_with(end)) return true;
  return false;
}

}  // namespace

Scope collect_scope(const CodeView& code, size_t function, size_t max_donors) {
  Scope scope;
  std::map<std::string, size_t> variables, callees, reads, methods, statements, returned;
  std::set<std::string> donors, conditions;
  std::set<std::pair<std::string, std::string>> inserts;
  const size_t end = code.tree.subtree_end(function);
  for (size_t i = function; i < end; ++i) {
    const FlatNode& node = code.node(i);
    if (!node.named) continue;
    if (contains_kind(code.kinds.identifier, node.kind)) {
      if (code.is_member_name(i) || code.is_keyword_name(i) || code.is_definition_name(i)) continue;
      const std::string name = code.text_of(i);
      if (code.is_callee(i)) {
        ++callees[name];
      } else {
        ++variables[name];
        if (!code.is_parameter(i) && !code.is_target(i)) ++reads[name];
        if (code.is_parameter(i) && scope.parameters.size() < 12 &&
            std::find(scope.parameters.begin(), scope.parameters.end(), name) ==
                scope.parameters.end())
          scope.parameters.push_back(name);
      }
      continue;
    }
    const bool is_value = code.is_expression(i) || (code.kind_of(node.parent) == "interpolation" &&
                                                    contains_kind(code.kinds.call, node.kind));
    if (node.end - node.begin <= 60 && is_value && code.is_on_one_line(i) && !code.is_literal(i)) {
      if (node.kind != "parenthesized_expression") donors.insert(code.text_of(i));
      if ((code.is_operation(i) && !code.is_arithmetic(i)) || node.field == "condition" ||
          code.is_condition(i))
        conditions.insert(code.text_of(i));
    }
    if (one_of(node.kind, kPlainStatements) && code.is_statement(i) && code.is_on_one_line(i) &&
        node.end - node.begin <= 60 && !code.is_docstring(i)) {
      std::string text = code.text_of(i);
      if (text.back() == ';') text.pop_back();
      ++statements[text];
    }
    if (contains_kind(code.kinds.return_, node.kind)) {
      const std::vector<size_t> parts = code.named_children(i);
      if (parts.size() == 1 && code.node(parts[0]).end - code.node(parts[0]).begin <= 40)
        ++returned[code.text_of(parts[0])];
    }
    if (contains_kind(code.kinds.call, node.kind)) {
      const size_t callee = code.callee_of(i);
      if (callee != kNoNode && code.is_member(callee)) {
        const size_t receiver = code.receiver_of(callee), name = code.member_name_of(callee);
        if (code.arguments_of(i).size() == 1 &&
            code.node(callee).end - code.node(callee).begin < 40)
          ++methods[code.text_of(callee)];
        if (receiver != kNoNode && name != kNoNode && code.is_plain_name(receiver))
          inserts.insert({code.text_of(receiver), code.text_of(name)});
      }
    }
    // What a local was made as says how something is put into it.
    if (contains_kind(code.kinds.assignment, node.kind)) {
      const size_t left = code.assignment_left(i), right = code.assignment_right(i);
      if (left != kNoNode && right != kNoNode && code.is_plain_name(left)) {
        const std::string value = code.text_of(right);
        if (value == "set()")
          inserts.insert({code.text_of(left), "add"});
        else if ((value == "[]" || value == "list()") && !code.spelling.append.empty())
          inserts.insert({code.text_of(left), std::string(code.spelling.append)});
      }
    }
  }
  const auto first = [](auto& list, size_t cap) {
    if (list.size() > cap) list.resize(cap);
  };
  scope.variables = by_count(variables, 16);
  for (const auto& [name, count] : variables)
    if (reads.count(name) == 0 && name != "self" && name != "cls" && name != "this" &&
        name != "_" && scope.unused.size() < 4)
      scope.unused.push_back(name);
  for (const auto& [name, count] : reads)
    if (count == 1 && scope.read_once.size() < 16) scope.read_once.push_back(name);
  // Rare names go last among the variables: an unused one must not fall off the end.
  for (const std::string& name : scope.unused)
    if (!one_of(name, scope.variables)) scope.variables.push_back(name);
  scope.methods = by_count(methods, 8);
  scope.callees = by_count(callees, 12);
  scope.donors.assign(donors.begin(), donors.end());
  std::stable_sort(scope.donors.begin(), scope.donors.end(),
                   [](const auto& a, const auto& b) { return a.size() < b.size(); });
  first(scope.donors, 2 * max_donors);
  scope.conditions.assign(conditions.begin(), conditions.end());
  first(scope.conditions, max_donors);
  scope.inserts.assign(inserts.begin(), inserts.end());
  first(scope.inserts, 8);
  scope.statements = by_count(statements, 16);
  scope.returned = by_count(returned, 6);
  return scope;
}

Offer collect_offer(const CodeView& code, const Donors& donors) {
  Offer offer;
  std::map<std::string, size_t> members, callees, strings, exceptions, types, bare, of_one,
      keywords;
  for (size_t i = 0; i < code.tree.size(); ++i) {
    const FlatNode& node = code.node(i);
    if (!node.named) continue;
    if (contains_kind(code.kinds.identifier, node.kind)) {
      const std::string name = code.text_of(i);
      if (looks_like_exception(name)) ++exceptions[name];
      if (code.is_member_name(i)) {
        ++members[name];
        if (const size_t receiver = code.receiver_of(node.parent);
            receiver != kNoNode && code.node(receiver).end - code.node(receiver).begin <= 40)
          add_to(offer.members_of, code.text_of(receiver), name);
      } else if (code.is_callee(i)) {
        ++callees[name];
        if (code.text_of(code.parent(i)).rfind("isinstance(", 0) == 0) {
          const std::vector<size_t> args = code.arguments_of(code.parent(i));
          if (args.size() == 2 && code.is_plain_name(args[1])) ++types[code.text_of(args[1])];
        }
      }
      continue;
    }
    if (contains_kind(code.kinds.string, node.kind) && node.end - node.begin <= 40 &&
        kNoNode != node.parent && !code.is_docstring(node.parent))
      ++strings[code.text_of(i)];
    if (contains_kind(code.kinds.assignment, node.kind)) {
      const size_t left = code.assignment_left(i), right = code.assignment_right(i);
      if (left != kNoNode && right != kNoNode && code.node(left).end - code.node(left).begin < 50 &&
          code.node(right).end - code.node(right).begin < 80 && code.is_on_one_line(right))
        add_to(offer.values_of, code.text_of(left), code.text_of(right));
    }
    if (!contains_kind(code.kinds.call, node.kind)) continue;
    const size_t callee = code.callee_of(i);
    if (callee == kNoNode || code.node(callee).end - code.node(callee).begin > 60) continue;
    const std::vector<size_t> arguments = code.arguments_of(i);
    if (arguments.size() == 1 && code.is_member(callee)) {
      const std::string name = code.text_of(callee);
      if (name.rfind("self.", 0) == 0 || name.rfind("this.", 0) == 0) ++of_one[name];
    }
    if (arguments.empty() && code.is_member(callee))
      if (const size_t name = code.member_name_of(callee); name != kNoNode)
        ++bare[code.text_of(name)];
    for (const size_t argument : arguments)
      if (code.node(argument).kind == "keyword_argument" &&
          code.node(argument).end - code.node(argument).begin <= 50) {
        add_to(offer.keywords_of, code.text_of(callee), code.text_of(argument));
        // A name that is handed on under its own name says nothing to other calls.
        const size_t value = code.tree.child_by_field(argument, "value");
        if (value != kNoNode && code.is_literal(value)) ++keywords[code.text_of(argument)];
      }
  }
  offer.members = by_count(members, 40);
  offer.callees = by_count(callees, 20);
  offer.strings = by_count(strings, 40);
  offer.exceptions = by_count(exceptions, 12);
  offer.types = by_count(types, 8);
  offer.methods_without_arguments = by_count(bare, 10);
  offer.methods_of_one = by_count(of_one, 10);
  offer.keywords = by_count(keywords, 8);
  offer.common_members = by_count(donors.n_members, 24);
  return offer;
}

void collect_donors(const CodeView& code, Donors& donors) {
  for (size_t i = 0; i < code.tree.size(); ++i) {
    const FlatNode& node = code.node(i);
    if (!node.named) continue;
    if (contains_kind(code.kinds.call, node.kind)) {
      const size_t callee = code.callee_of(i);
      const size_t list = code.tree.child_by_field(i, "arguments");
      if (callee == kNoNode || list == kNoNode) continue;
      if (code.node(list).end - code.node(list).begin <= 80 && code.is_on_one_line(list) &&
          code.node(callee).end - code.node(callee).begin <= 50)
        add_to(donors.arguments_of, code.text_of(callee), code.text_of(list));
    } else if (code.is_member_name(i)) {
      const std::string name = code.text_of(i);
      if (donors.n_members.size() < kMaxKeys || donors.n_members.count(name) != 0)
        ++donors.n_members[name];
      if (const size_t receiver = code.receiver_of(node.parent);
          receiver != kNoNode && code.node(receiver).end - code.node(receiver).begin <= 40)
        add_to(donors.members_of, code.text_of(receiver), name);
    } else if (code.is_statement(i) && donors.statements.size() < kMaxStatements &&
               node.end - node.begin <= 80 && code.is_on_one_line(i) && !code.is_docstring(i) &&
               code.function_of(i) != kNoNode) {
      donors.statements.push_back(code.text_of(i));
    }
  }
}

Hints read_hints(std::string_view failure) {
  Hints hints;
  failure = failure.substr(0, 24000);
  hints.changes = text_changes(failure);
  std::map<std::string, size_t> names;
  std::set<std::string> strings;
  std::set<long long> numbers;
  const auto is_word = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  for (size_t i = 0; i < failure.size();) {
    const char c = failure[i];
    if (c == '\'' || c == '"') {
      size_t end = i + 1;
      while (end < failure.size() && failure[end] != c && failure[end] != '\n') ++end;
      if (end < failure.size() && failure[end] == c && end - i <= 40 && end > i + 1)
        strings.insert(std::string(failure.substr(i + 1, end - i - 1)));
      // The inside is read for names, too.
      ++i;
      continue;
    }
    if (!is_word(c)) {
      ++i;
      continue;
    }
    size_t end = i;
    while (end < failure.size() && is_word(failure[end])) ++end;
    const std::string word(failure.substr(i, end - i));
    i = end;
    if (word[0] >= '0' && word[0] <= '9') {
      long long value = 0;
      const auto [stop, error] = std::from_chars(word.data(), word.data() + word.size(), value);
      if (error == std::errc() && stop == word.data() + word.size() && value < 100000)
        numbers.insert(value);
    } else if (word.size() >= 2 && word.size() <= 40) {
      ++names[word];
    }
  }
  for (const std::string& name : by_count(names, 400)) {
    if (looks_like_exception(name) && hints.exceptions.size() < 6 && name != "AssertionError")
      hints.exceptions.push_back(name);
    hints.names.push_back(name);
  }
  for (const std::string& text : strings)
    if (hints.strings.size() < 24) hints.strings.push_back(text);
  for (const long long number : numbers)
    if (hints.numbers.size() < 16) hints.numbers.push_back(number);
  return hints;
}

size_t edit_distance(std::string_view a, std::string_view b, size_t cap) {
  if (a.size() > 200 || b.size() > 200) return cap;
  const size_t gap = a.size() > b.size() ? a.size() - b.size() : b.size() - a.size();
  if (gap >= cap) return cap;
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return std::min(row[b.size()], cap);
}

}  // namespace engramd::agent
