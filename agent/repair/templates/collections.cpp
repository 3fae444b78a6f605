// Elements, indexes and slices.
#include <array>

#include "agent/repair/templates/template.h"

namespace engramd::agent {
namespace {

using repoindex::contains_kind;

constexpr std::string_view kLists[] = {"list", "array", "tuple", "set"};

void swap_elements(const Site& site, const std::vector<size_t>& parts) {
  const CodeView& code = site.code;
  if (parts.size() < 2 || parts.size() > 8) return;
  for (size_t a = 0; a < parts.size(); ++a)
    for (size_t b = a + 1; b < parts.size(); ++b) {
      const FlatNode &first = code.node(parts[a]), &second = code.node(parts[b]);
      site.out.replace_range({first.begin, second.end},
                             code.text_of(parts[b]) +
                                 code.text.substr(first.end, second.begin - first.end) +
                                 code.text_of(parts[a]),
                             1.7 + 0.1 * static_cast<double>(b - a - 1), "swap elements");
    }
}

void literal(const Site& site) {
  const CodeView& code = site.code;
  const size_t i = site.node;
  if (code.is_target(i)) return;
  const std::vector<size_t> parts = code.named_children(i);
  if (parts.empty()) {
    if (code.kind_of(i) == "tuple") return;
    site.out.replace(i, "[[]]", 2.0, "list literal");
    for (const std::string& name : site.scope.variables)
      site.out.replace(i, "[" + name + "]", 2.1, "list literal");
    site.out.replace(i, "[0]", 2.6, "list literal");
    site.out.replace(i, std::string(code.spelling.null_), 2.6, "list literal");
    return;
  }
  for (size_t a = 0; a < parts.size() && parts.size() > 1 && parts.size() <= 80; ++a) {
    const size_t begin = a == 0 ? code.node(parts[a]).begin : code.node(parts[a - 1]).end;
    const size_t end = a == 0 ? code.node(parts[1]).begin : code.node(parts[a]).end;
    site.out.replace_range({begin, end}, "", 2.5, "drop an element");
  }
  // One more element of the same sort: a text of the failure next to texts.
  if (!contains_kind(code.kinds.string, code.kind_of(parts.back()))) return;
  const std::string last = code.text_of(parts.back());
  const char quote = last.back();
  size_t offered = 0;
  for (const std::string& text : site.hints.strings) {
    if (text.find_first_of("'\"\\`") != std::string::npos || ++offered > 16) continue;
    const size_t end = code.node(parts.back()).end;
    site.out.replace_range({end, end}, std::string(", ") + quote + text + quote, 2.6,
                           "one more element");
  }
}

void subscript(const Site& site, const std::vector<size_t>& parts) {
  const CodeView& code = site.code;
  const size_t i = site.node;
  if (parts.size() < 2 || code.is_target(i)) return;
  const std::string now = code.text_of(i);
  site.out.replace(i, code.fitted(i, now + " + 1"), 2.0, "off by one");
  site.out.replace(i, code.fitted(i, now + " - 1"), 2.0, "off by one");
  site.out.replace(i, code.text_of(parts[0]), 2.2, "drop an index");
  const size_t index = parts[1];
  if (contains_kind(code.kinds.slice, code.kind_of(index))) return;
  if (code.kind_of(index) != "identifier" && !code.is_literal(index)) {
    site.out.replace(index, code.text_of(index) + " + 1", 1.7, "off by one");
    site.out.replace(index, code.text_of(index) + " - 1", 1.7, "off by one");
  }
}

void slice(const Site& site) {
  const CodeView& code = site.code;
  const size_t i = site.node;
  const std::string now = code.text_of(i);
  const size_t colon = now.find(':');
  if (colon == std::string::npos || !code.is_python) return;
  const std::string start = now.substr(0, colon), stop = now.substr(colon + 1);
  const auto put = [&](const std::string& text, double cost) {
    site.out.replace(i, text, cost, "slice bound");
  };
  put(start.empty() ? "1:" + stop : ":" + stop, start.empty() ? 1.7 : 1.9);
  if (stop.empty())
    put(start + ":-1", 1.8);
  else if (stop.find(':') == std::string::npos)
    put(start + ":", 1.9);
  put(stop + ":" + start, 2.0);
  for (const std::string& name : site.scope.variables) {
    if (start.empty()) put(name + ":" + stop, 2.4);
    if (stop.empty()) put(start + ":" + name, 2.4);
  }
  for (const char* step : {" + 1", " - 1"}) {
    if (!start.empty()) put(start + step + ":" + stop, 1.7);
    if (!stop.empty() && stop.find(':') == std::string::npos) put(start + ":" + stop + step, 1.7);
  }
}

}  // namespace

void propose_collections(const Site& site) {
  const CodeView& code = site.code;
  const size_t i = site.node;
  const std::string_view kind = code.kind_of(i);
  if (one_of(kind, kLists)) literal(site);
  const bool is_subscript = contains_kind(code.kinds.subscript, kind);
  if (is_subscript || kind == "tuple") {
    std::vector<size_t> parts = code.named_children(i);
    if (is_subscript) subscript(site, parts);
    if (is_subscript && !parts.empty()) parts.erase(parts.begin());
    swap_elements(site, parts);
  }
  if (contains_kind(code.kinds.slice, kind)) slice(site);
}

}  // namespace engramd::agent
