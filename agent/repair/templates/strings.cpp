// Text literals: another one of the file or the failure, case, ends, format codes.
#include <algorithm>
#include <cctype>

#include "agent/repair/templates/template.h"

namespace engramd::agent {
namespace {

using repoindex::contains_kind;

// Where the inside of a literal begins and ends; false for what is no simple literal.
bool inside_of(const std::string& literal, size_t& begin, size_t& end) {
  begin = literal.find_first_of("'\"`");
  if (begin == std::string::npos || literal.size() < begin + 2) return false;
  const char quote = literal[begin];
  size_t width = 1;
  if (quote != '`' && literal.compare(begin, 3, std::string(3, quote)) == 0 &&
      literal.size() >= begin + 6)
    width = 3;
  begin += width;
  end = literal.size() - width;
  return end >= begin && literal[end] == quote;
}

void formats(const Site& site, const std::string& literal) {
  const auto swap_code = [&](std::string_view from, std::string_view to, double cost) {
    for (size_t at = literal.find(from); at != std::string::npos; at = literal.find(from, at + 1)) {
      std::string changed = literal;
      changed.replace(at, from.size(), to);
      site.out.replace(site.node, changed, cost, "format code");
    }
  };
  swap_code("%s", "%r", 2.0);
  swap_code("%r", "%s", 2.0);
  swap_code("%d", "%s", 1.9);
  swap_code("%s", "%d", 2.3);
  swap_code("%i", "%s", 2.0);
  swap_code("%d", "%ld", 2.4);
  swap_code("%d", "%u", 2.4);
  swap_code("%v", "%q", 2.2);
  swap_code("%v", "%w", 2.0);
  swap_code("%v", "%+v", 2.3);
  swap_code("%s", "%q", 2.2);
  if (!site.code.is_python) return;
  swap_code("{}", "{!r}", 2.1);
  swap_code("!r}", "}", 2.1);
  swap_code("%H", "%I", 2.3);
  swap_code("%m", "%M", 2.3);
  swap_code("%y", "%Y", 2.0);
  swap_code("%Y", "%y", 2.3);
}

void case_and_ends(const Site& site, const std::string& literal, size_t begin, size_t end) {
  const std::string head = literal.substr(0, begin), tail = literal.substr(end),
                    body = literal.substr(begin, end - begin);
  const auto put = [&](const std::string& inner, double cost) {
    if (inner != body) site.out.replace(site.node, head + inner + tail, cost, "text edit");
  };
  const auto mapped = [&](int (*change)(int)) {
    std::string out = body;
    for (char& c : out) c = static_cast<char>(change(static_cast<unsigned char>(c)));
    return out;
  };
  put(mapped(std::tolower), 2.2);
  put(mapped(std::toupper), 2.3);
  if (!body.empty()) {
    std::string capital = body;
    capital[0] = static_cast<char>(std::isupper(static_cast<unsigned char>(body[0]))
                                       ? std::tolower(static_cast<unsigned char>(body[0]))
                                       : std::toupper(static_cast<unsigned char>(body[0])));
    put(capital, 2.2);
    put(body.substr(1), 2.5);
    put(body.substr(0, body.size() - 1), 2.4);
  }
  for (const std::string_view piece : {" ", "\\n", "s", ".", ":", "/", ",", "-", "_"}) {
    put(body + std::string(piece), 2.6);
    put(std::string(piece) + body, 2.7);
  }
  for (const std::string_view pair : {"[]", "()", "{}", "<>", "\"\"", "``"})
    if (head.find(pair[0]) == std::string::npos) put(pair[0] + body + pair[1], 2.8);
  put("", 2.5);
  put(" ", 2.7);
  const auto everywhere = [&](char from, std::string_view to) {
    std::string out;
    for (const char c : body) c == from ? out += to : out += c;
    put(out, 2.5);
  };
  everywhere('_', "-");
  everywhere('-', "_");
  everywhere(' ', "_");
  everywhere('.', "_");
  everywhere('"', "'");
  everywhere(' ', "");
}

// Alike as coo_matrix and coo_array, or as LerchPhi and HurwitzLerchPhi.
bool alike(std::string_view a, std::string_view b) {
  const size_t shorter = std::min(a.size(), b.size()), longer = std::max(a.size(), b.size());
  if (shorter < 4 || longer > shorter + 12) return false;
  size_t head = 0, tail = 0;
  while (head < shorter && a[head] == b[head]) ++head;
  while (tail < shorter - head && a[a.size() - 1 - tail] == b[b.size() - 1 - tail]) ++tail;
  return head + tail == shorter || (head + tail >= 4 && 2 * (head + tail) >= longer) ||
         (std::max(head, tail) >= 2 && edit_distance(a, b, 3) <= 2);
}

// What the failure says this text should have been: a place in which what was expected differs from
// what came, or a word that looks like one of this text.
void told_by_the_failure(const Site& site, const std::string& literal, size_t begin, size_t end) {
  const std::string head = literal.substr(0, begin), tail = literal.substr(end),
                    body = literal.substr(begin, end - begin);
  const char quote = tail.empty() ? '"' : tail[0];
  const auto put = [&](const std::string& text, double cost) {
    if (text.find(quote) == std::string::npos || body.find(quote) != std::string::npos)
      site.out.replace(site.node, head + text + tail, cost, "as the test expects it");
  };
  for (const TextChange& change : site.hints.changes)
    for (const std::string& changed : changed_texts(body, change)) put(changed, 1.8);
  const auto is_word = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
  };
  size_t offered = 0;
  for (size_t at = 0; at < body.size();) {
    if (!is_word(body[at])) {
      ++at;
      continue;
    }
    size_t stop = at;
    while (stop < body.size() && is_word(body[stop])) ++stop;
    const std::string word = body.substr(at, stop - at);
    for (const std::string& name : site.hints.names)
      if (name != word && offered < 8 && alike(word, name) && !one_of(word, site.hints.names)) {
        put(body.substr(0, at) + name + body.substr(stop), 2.1);
        ++offered;
      } else if (name != word && offered < 8 && alike(word, name)) {
        put(body.substr(0, at) + name + body.substr(stop), 2.5);
        ++offered;
      }
    at = stop;
  }
}

// Pieces of one text that all lack the mark of a format: 'a {b} ' 'c {d}'.
void formats_of_all_pieces(const Site& site) {
  const CodeView& code = site.code;
  const size_t begin = code.node(site.node).begin, end = code.node(site.node).end;
  std::string text;
  size_t at = begin, marked = 0;
  for (const size_t piece : code.named_children(site.node)) {
    const std::string literal = code.text_of(piece);
    text += code.text.substr(at, code.node(piece).begin - at);
    const bool is_plain = literal[0] == '"' || literal[0] == '\'';
    const size_t brace = literal.find('{');
    if (is_plain && brace != std::string::npos) {
      text += 'f';
      ++marked;
    }
    text += literal;
    at = code.node(piece).end;
  }
  text += code.text.substr(at, end - at);
  if (marked > 1) site.out.replace(site.node, text, 1.9, "prefix of a text");
}

}  // namespace

void propose_strings(const Site& site) {
  const CodeView& code = site.code;
  const size_t i = site.node;
  const FlatNode& node = code.node(i);
  if (node.kind == "concatenated_string" && code.is_python) return formats_of_all_pieces(site);
  if (!contains_kind(code.kinds.string, node.kind) || node.kind == "concatenated_string") return;
  if (code.is_docstring(node.parent) || node.end - node.begin > 200) return;
  const std::string literal = code.text_of(i);
  size_t begin = 0, end = 0;
  if (!inside_of(literal, begin, end)) return;
  const std::string body = literal.substr(begin, end - begin);
  // Other literals of the file, nearest in spelling first.
  for (const std::string& other : site.offer.strings) {
    if (other == literal) continue;
    const size_t distance = edit_distance(literal, other, 30);
    site.out.replace(i, other, distance <= 3 ? 2.1 : 2.7, "another text of the file");
  }
  size_t offered = 0;
  for (const std::string& other : site.hints.strings) {
    if (other.find_first_of("'\"`\\\n") != std::string::npos || other == body) continue;
    const size_t distance = edit_distance(body, other, 30);
    const bool close = distance * 2 <= std::max(body.size(), other.size());
    if (!close && ++offered > 8) continue;
    site.out.replace(i, literal.substr(0, begin) + other + literal.substr(end), close ? 2.0 : 2.9,
                     "text of the failure");
  }
  told_by_the_failure(site, literal, begin, end);
  formats(site, literal);
  case_and_ends(site, literal, begin, end);
  if (!code.is_python) return;
  // A missing or superfluous prefix of the literal itself.
  const auto put = [&](const std::string& text, double cost) {
    site.out.replace(i, text, cost, "prefix of a text");
  };
  if (literal[0] != '"' && literal[0] != '\'') {
    put(literal.substr(1), 2.4);
    return;
  }
  if (body.find('{') != std::string::npos) put("f" + literal, 1.8);
  if (body.find('\\') != std::string::npos) put("r" + literal, 2.0);
  put("b" + literal, 2.5);
}

}  // namespace engramd::agent
