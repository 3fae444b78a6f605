// Another name: a variable of the function, a member of the same object, a sibling function.
#include <algorithm>
#include <array>

#include "agent/repair/templates/template.h"

namespace engramd::agent {
namespace {

using repoindex::contains_kind;

// Library names of opposite or neighbouring meaning, which are confused with each other.
constexpr std::array<std::string_view, 2> kNeighbours[] = {{"any", "all"},
                                                           {"min", "max"},
                                                           {"floor", "ceil"},
                                                           {"append", "extend"},
                                                           {"append", "add"},
                                                           {"append", "insert"},
                                                           {"add", "update"},
                                                           {"sorted", "reversed"},
                                                           {"startswith", "endswith"},
                                                           {"startsWith", "endsWith"},
                                                           {"lower", "upper"},
                                                           {"lower", "casefold"},
                                                           {"toLowerCase", "toUpperCase"},
                                                           {"lstrip", "rstrip"},
                                                           {"strip", "rstrip"},
                                                           {"strip", "lstrip"},
                                                           {"trim", "trimEnd"},
                                                           {"trim", "trimStart"},
                                                           {"trimStart", "trimEnd"},
                                                           {"find", "rfind"},
                                                           {"find", "index"},
                                                           {"index", "rindex"},
                                                           {"indexOf", "lastIndexOf"},
                                                           {"split", "rsplit"},
                                                           {"split", "partition"},
                                                           {"split", "splitlines"},
                                                           {"partition", "rpartition"},
                                                           {"keys", "values"},
                                                           {"values", "items"},
                                                           {"keys", "items"},
                                                           {"push", "unshift"},
                                                           {"pop", "shift"},
                                                           {"slice", "splice"},
                                                           {"slice", "substring"},
                                                           {"some", "every"},
                                                           {"find", "filter"},
                                                           {"find", "findIndex"},
                                                           {"map", "flatMap"},
                                                           {"map", "forEach"},
                                                           {"push_back", "push_front"},
                                                           {"front", "back"},
                                                           {"begin", "end"},
                                                           {"begin", "rbegin"},
                                                           {"int", "float"},
                                                           {"str", "repr"},
                                                           {"list", "tuple"},
                                                           {"list", "set"},
                                                           {"dict", "OrderedDict"},
                                                           {"type", "isinstance"},
                                                           {"lower_bound", "upper_bound"},
                                                           {"minmax", "max"},
                                                           {"first", "second"},
                                                           {"get", "setdefault"},
                                                           {"get", "pop"},
                                                           {"remove", "discard"},
                                                           {"appendleft", "append"},
                                                           {"popleft", "pop"},
                                                           {"union", "intersection"},
                                                           {"left", "right"},
                                                           {"start", "end"},
                                                           {"round", "floor"},
                                                           {"issubset", "issuperset"},
                                                           {"match", "search"},
                                                           {"match", "fullmatch"},
                                                           {"match", "test"},
                                                           {"replace", "replaceAll"},
                                                           {"isdigit", "isdecimal"},
                                                           {"isdigit", "isnumeric"},
                                                           {"isalpha", "isalnum"},
                                                           {"read", "readline"},
                                                           {"write", "writelines"},
                                                           {"dump", "dumps"},
                                                           {"load", "loads"},
                                                           {"exists", "isfile"},
                                                           {"isfile", "isdir"},
                                                           {"abspath", "realpath"},
                                                           {"basename", "dirname"},
                                                           {"is_none", "is_some"},
                                                           {"is_ok", "is_err"},
                                                           {"unwrap_or", "unwrap_or_else"},
                                                           {"iter", "into_iter"},
                                                           {"now", "utcnow"},
                                                           {"localtime", "gmtime"},
                                                           {"setTimeout", "setImmediate"},
                                                           {"call", "apply"},
                                                           {"apply_async", "apply"},
                                                           {"in", "of"},
                                                           {"const", "let"},
                                                           {"getattr", "hasattr"},
                                                           {"HasPrefix", "HasSuffix"},
                                                           {"TrimLeft", "TrimPrefix"},
                                                           {"TrimRight", "TrimSuffix"},
                                                           {"Index", "LastIndex"},
                                                           {"ToLower", "ToUpper"},
                                                           {"Lock", "RLock"},
                                                           {"Errorf", "Fatalf"},
                                                           {"length", "size"},
                                                           {"height", "width"},
                                                           {"x", "y"},
                                                           {"row", "col"},
                                                           {"top", "bottom"},
                                                           {"src", "dst"},
                                                           {"source", "target"},
                                                           {"prev", "next"},
                                                           {"before", "after"},
                                                           {"read", "write"},
                                                           {"key", "value"},
                                                           {"name", "value"}};

// Names that look alike are confused more often; names that the failure tells of, too. A name that
// nothing would read any more was rarely written by mistake.
double nearness(const Site& site, const std::string& now, const std::string& other) {
  double discount = one_of(other, site.scope.unused) ? 0.35 : 0;
  if (!site.code.is_target(site.node) && one_of(now, site.scope.read_once)) discount -= 0.35;
  const size_t longest = std::max(now.size(), other.size());
  const size_t distance = edit_distance(now, other, longest);
  if (longest >= 4 && distance * 3 <= longest) discount += 0.35;
  if (one_of(other, site.hints.names) && !one_of(now, site.hints.names)) discount += 0.15;
  return discount;
}

void member(const Site& site) {
  const CodeView& code = site.code;
  const size_t i = site.node;
  const std::string now = code.text_of(i);
  const size_t receiver = code.receiver_of(code.parent(i));
  if (receiver != kNoNode) {
    const std::string of = code.text_of(receiver);
    for (const auto* lists : {&site.offer.members_of, &site.donors.members_of})
      if (const auto found = lists->find(of); found != lists->end())
        for (const std::string& other : found->second)
          site.out.replace(i, other, 1.7 - nearness(site, now, other), "member of the same object");
  }
  for (const std::string& other : site.offer.members)
    site.out.replace(i, other, 2.1 - nearness(site, now, other), "member name");
  for (const std::string& other : site.offer.common_members)
    if (!one_of(other, site.offer.members))
      site.out.replace(i, other, 2.4 - nearness(site, now, other), "member name");
  // A name of the failure report or the red test that looks like this one.
  for (const std::string& other : site.hints.names)
    if (other.size() >= 4 && edit_distance(now, other, 4) <= std::max<size_t>(2, now.size() / 4))
      site.out.replace(i, other, 1.9, "name of the failure");
}

}  // namespace

void propose_names(const Site& site) {
  const CodeView& code = site.code;
  const size_t i = site.node;
  if (!contains_kind(code.kinds.identifier, code.kind_of(i))) return;
  if (code.is_keyword_name(i) || code.is_definition_name(i) || code.is_type(i)) return;
  const std::string now = code.text_of(i);
  for (const auto& pair : kNeighbours) {
    if (now == pair[0]) site.out.replace(i, std::string(pair[1]), 1.3, "neighbouring name");
    if (now == pair[1]) site.out.replace(i, std::string(pair[0]), 1.3, "neighbouring name");
  }
  if (code.is_member_name(i)) return member(site);
  if (code.is_parameter(i)) return;
  if (code.is_callee(i)) {
    for (const std::string& other : site.scope.callees)
      site.out.replace(i, other, 1.9 - nearness(site, now, other), "called function");
    for (const std::string& other : site.offer.callees)
      site.out.replace(i, other, 2.3 - nearness(site, now, other), "called function");
    return;
  }
  const bool target = code.is_target(i);
  for (size_t k = 0; k < site.scope.variables.size(); ++k) {
    const std::string& other = site.scope.variables[k];
    site.out.replace(
        i, other, (target ? 2.1 : 1.5) + 0.02 * static_cast<double>(k) - nearness(site, now, other),
        "name");
  }
}

}  // namespace engramd::agent
