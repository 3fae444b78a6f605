// Habits of a language's library: a lookup that may miss, an encoding, a copy, a chain that may
// end.
#include <algorithm>

#include "agent/repair/templates/template.h"

namespace engramd::agent {
namespace {

using repoindex::contains_kind;

bool is_read(const CodeView& code, size_t i) {
  return !code.is_target(i) && code.kind_of(code.parent(i)) != "delete_statement";
}

void python_lookup(const Site& site) {
  const CodeView& code = site.code;
  const size_t i = site.node;
  if (code.kind_of(i) == "subscript" && is_read(code, i)) {
    const std::vector<size_t> parts = code.named_children(i);
    if (parts.size() == 2 && code.kind_of(parts[1]) != "slice") {
      const std::string of = code.text_of(parts[0]), key = code.text_of(parts[1]);
      site.out.replace(i, of + ".get(" + key + ")", 1.8, "lookup that may miss");
      for (const std::string_view fallback : {"None", "''", "[]", "0", "{}", "False", "()"})
        if (fallback != "None")
          site.out.replace(i, of + ".get(" + key + ", " + std::string(fallback) + ")", 2.2,
                           "lookup that may miss");
      for (const std::string& name : site.scope.variables)
        site.out.replace(i, of + ".get(" + key + ", " + name + ")", 2.7, "lookup that may miss");
      site.out.replace(i, of + ".pop(" + key + ")", 2.7, "take out of a map");
    }
  }
  if (!contains_kind(code.kinds.call, code.kind_of(i))) {
    if (code.kind_of(i) == "attribute" && is_read(code, i) && !code.is_callee(i)) {
      const size_t receiver = code.receiver_of(i), name = code.member_name_of(i);
      if (receiver != kNoNode && name != kNoNode && code.node(i).end - code.node(i).begin < 60)
        for (const std::string_view fallback : {"None", "False", "''"})
          site.out.replace(i,
                           "getattr(" + code.text_of(receiver) + ", '" + code.text_of(name) +
                               "', " + std::string(fallback) + ")",
                           2.5, "lookup that may miss");
    }
    return;
  }
  const size_t callee = code.callee_of(i);
  const size_t list = code.tree.child_by_field(i, "arguments");
  if (callee == kNoNode || list == kNoNode) return;
  const std::vector<size_t> arguments = code.arguments_of(i);
  const std::string name = code.text_of(callee);
  const size_t end = code.node(list).end - 1;
  const std::string comma = arguments.empty() ? "" : ", ";
  const auto add = [&](std::string_view argument, double cost, std::string_view kind) {
    if (code.text_of(list).find(argument.substr(0, argument.find('=') + 1)) == std::string::npos ||
        argument.find('=') == std::string_view::npos)
      site.out.replace_range({end, end}, comma + std::string(argument), cost, kind);
  };
  const auto ends = [&](std::string_view tail) { return name.ends_with(tail); };
  if ((ends(".pop") || name == "next" || ends(".get")) && arguments.size() == 1)
    for (const std::string_view fallback : {"None", "''", "[]", "{}", "0", "False", "True"})
      add(fallback, 1.9, "lookup that may miss");
  if (name == "getattr" && arguments.size() == 2)
    for (const std::string_view fallback : {"None", "False", "''"})
      add(fallback, 1.7, "lookup that may miss");
  if ((name == "max" || name == "min") && !arguments.empty())
    for (const std::string_view argument : {"default=0", "default=None", "default=''"})
      add(argument, 2.0, "lookup that may miss");
  if (name == "sum" && arguments.size() == 1) add("[]", 2.6, "lookup that may miss");
  if (name == "open" || ends(".open") || ends(".read_text") || ends(".write_text") ||
      ends(".run") || ends(".Popen") || ends(".check_output"))
    for (const std::string_view argument :
         {"encoding='utf-8'", "newline=''", "errors='replace'", "text=True"})
      add(argument, 2.0, "encoding");
  if (ends(".decode") || ends(".encode") || name == "str" || name == "bytes") {
    if (arguments.empty()) add("'utf-8'", 2.0, "encoding");
    add("errors='replace'", 2.3, "encoding");
    add("errors='ignore'", 2.4, "encoding");
    add("'latin-1'", 2.6, "encoding");
  }
  if (ends(".split") || ends(".rsplit")) {
    if (arguments.size() == 1) add("1", 1.9, "limit of a split");
    if (arguments.empty()) add("None, 1", 2.2, "limit of a split");
    add("maxsplit=1", 2.2, "limit of a split");
  }
  if (ends(".replace") && arguments.size() == 2) add("1", 2.0, "limit of a replacement");
  if (ends(".makedirs")) add("exist_ok=True", 1.7, "library option");
  if (ends(".mkdir"))
    for (const std::string_view argument :
         {"exist_ok=True", "parents=True", "parents=True, exist_ok=True"})
      add(argument, 1.8, "library option");
  if (name == "sorted" || ends(".sort"))
    for (const std::string_view argument :
         {"reverse=True", "key=str", "key=len", "key=repr", "key=str.lower"})
      add(argument, 2.1, "library option");
  if (ends(".dumps") || ends(".dump"))
    for (const std::string_view argument :
         {"ensure_ascii=False", "sort_keys=True", "default=str", "indent=2"})
      add(argument, 2.2, "library option");
  if (ends(".strip") || ends(".rstrip") || ends(".lstrip"))
    for (const std::string_view argument : {"'\\n'", "' '", "'/'", "'\"'"})
      if (arguments.empty()) add(argument, 2.3, "library option");
  if (name == "enumerate" && arguments.size() == 1) add("1", 2.0, "library option");
  if (name == "zip") add("strict=True", 2.8, "library option");
  if (name == "round" && arguments.size() == 1) add("2", 2.6, "library option");
  if (name == "int" && arguments.size() == 1)
    for (const std::string_view argument : {"16", "0", "8"}) add(argument, 2.6, "library option");
}

// A list or map that is shared where a copy was meant.
void copies(const Site& site) {
  const CodeView& code = site.code;
  const size_t i = site.node;
  if (!code.is_expression(i) || code.is_target(i)) return;
  if (!code.is_plain_name(i) && !code.is_member(i)) return;
  const std::string_view parent = code.kind_of(code.parent(i));
  const bool value = code.node(i).field == "right" || code.node(i).field == "value" ||
                     contains_kind(code.kinds.return_, parent) ||
                     contains_kind(code.kinds.arguments, parent) || parent == "keyword_argument";
  if (!value) return;
  const std::string now = code.text_of(i);
  if (code.is_python) {
    for (const std::string_view maker : {"list(", "dict(", "set(", "copy.copy(", "copy.deepcopy("})
      site.out.replace(i, std::string(maker) + now + ")", 2.4, "copy");
    site.out.replace(i, now + "[:]", 2.4, "copy");
    site.out.replace(i, now + ".copy()", 2.3, "copy");
  } else if (code.is_script) {
    site.out.replace(i, "[..." + now + "]", 2.3, "copy");
    site.out.replace(i, "{ ..." + now + " }", 2.3, "copy");
    site.out.replace(i, now + ".slice()", 2.3, "copy");
  }
}

void script_chain(const Site& site) {
  const CodeView& code = site.code;
  const size_t i = site.node;
  if (code.kind_of(i) == "member_expression" && !code.is_target(i)) {
    const size_t receiver = code.receiver_of(i), name = code.member_name_of(i);
    if (receiver == kNoNode || name == kNoNode) return;
    const std::string between =
        code.text.substr(code.node(receiver).end, code.node(name).begin - code.node(receiver).end);
    if (between == ".")
      site.out.replace_range({code.node(receiver).end, code.node(name).begin}, "?.", 1.7,
                             "chain that may end");
    if (!code.is_callee(i))
      site.out.replace(i, code.fitted(i, code.text_of(receiver) + " && " + code.text_of(i)), 2.1,
                       "chain that may end");
  }
  if (code.kind_of(i) == "subscript_expression" && is_read(code, i)) {
    const std::vector<size_t> parts = code.named_children(i);
    if (parts.size() == 2)
      site.out.replace(i, code.text_of(parts[0]) + "?.[" + code.text_of(parts[1]) + "]", 2.2,
                       "chain that may end");
  }
  if (!contains_kind(code.kinds.call, code.kind_of(i))) return;
  const size_t callee = code.callee_of(i);
  const size_t list = code.tree.child_by_field(i, "arguments");
  if (callee == kNoNode || list == kNoNode) return;
  const std::string name = code.text_of(callee);
  const size_t end = code.node(list).end - 1;
  const std::vector<size_t> arguments = code.arguments_of(i);
  // A text replaces only its first occurrence.
  if (name.ends_with(".replace") && !arguments.empty() && code.kind_of(arguments[0]) == "string") {
    const std::string literal = code.text_of(arguments[0]);
    const std::string body = literal.size() < 2 ? "" : literal.substr(1, literal.size() - 2);
    std::string escaped;
    for (const char c : body) {
      if (std::string_view("^$.|?*+()[]{}/").find(c) != std::string_view::npos) escaped += '\\';
      escaped += c;
    }
    if (!body.empty()) {
      site.out.replace(arguments[0], "/" + escaped + "/g", 1.7, "text to regular expression");
      site.out.replace(arguments[0], "/" + escaped + "/", 2.4, "text to regular expression");
    }
    if (body == "\\n")
      for (const std::string_view lines : {"/\\r?\\n/", "/\\r?\\n/g"})
        site.out.replace(arguments[0], std::string(lines), 1.9, "text to regular expression");
  }
  if (name == "parseInt" && arguments.size() == 1)
    site.out.replace_range({end, end}, ", 10", 1.9, "library option");
  if (name.ends_with(".sort") && arguments.empty())
    site.out.replace_range({end, end}, "(a, b) => a - b", 1.9, "library option");
  if (name.ends_with(".flat") && arguments.empty())
    site.out.replace_range({end, end}, "Infinity", 2.0, "library option");
  if (name.ends_with(".reduce") && arguments.size() == 1)
    for (const std::string_view start : {", 0", ", []", ", {}", ", ''"})
      site.out.replace_range({end, end}, std::string(start), 1.9, "library option");
}

void script_default(const Site& site) {
  const CodeView& code = site.code;
  const size_t i = site.node;
  if (!code.is_expression(i) || code.is_target(i) || code.is_literal(i)) return;
  const std::string_view parent = code.kind_of(code.parent(i));
  if (!(code.is_plain_name(i) || code.is_member(i) ||
        contains_kind(code.kinds.call, code.kind_of(i)) ||
        contains_kind(code.kinds.subscript, code.kind_of(i))))
    return;
  const bool value = code.node(i).field == "right" || code.node(i).field == "value" ||
                     contains_kind(code.kinds.return_, parent) ||
                     contains_kind(code.kinds.arguments, parent);
  if (!value || code.node(i).end - code.node(i).begin > 60) return;
  const std::string now = code.text_of(i);
  const std::string_view kFallbacks[] = {"''", "[]", "{}", "0", "null"};
  if (code.is_script)
    for (const std::string_view fallback : kFallbacks) {
      site.out.replace(i, code.fitted(i, now + " || " + std::string(fallback)), 2.2,
                       "default for nothing");
      site.out.replace(i, code.fitted(i, now + " ?? " + std::string(fallback)), 2.3,
                       "default for nothing");
    }
  if (code.is_python)
    for (const std::string_view fallback : {"''", "[]", "{}", "0", "()"})
      site.out.replace(i,
                       code.binds_tightly(i) || code.is_operation(code.parent(i))
                           ? "(" + now + " or " + std::string(fallback) + ")"
                           : now + " or " + std::string(fallback),
                       2.3, "default for nothing");
}

}  // namespace

void propose_library(const Site& site) {
  if (site.code.is_python) python_lookup(site);
  if (site.code.is_script) script_chain(site);
  script_default(site);
  copies(site);
}

}  // namespace engramd::agent
