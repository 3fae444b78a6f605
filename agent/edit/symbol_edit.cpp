#include "agent/edit/symbol_edit.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "agent/edit/lines.h"
#include "base/text.h"

namespace engramd::agent {
namespace {

using namespace repoindex;

constexpr size_t kMaxKnown = 60;

// "Foo::bar", "Foo#bar", "Foo.prototype.bar()" as the index writes names: "Foo.bar".
std::string plain_name(std::string_view given) {
  std::string name(trim(given));
  for (const std::string_view prefix :
       {"def ", "class ", "function ", "func ", "fn ", "async def "})
    if (name.starts_with(prefix)) name.erase(0, prefix.size());
  if (const size_t bracket = name.find('('); bracket != std::string::npos && bracket > 0)
    name.erase(bracket);
  std::string out;
  for (size_t i = 0; i < name.size(); ++i) {
    if (name[i] == '#' || name[i] == '/') {
      out += '.';
    } else if (name[i] == ':' && i + 1 < name.size() && name[i + 1] == ':') {
      out += '.';
      ++i;
    } else if (name[i] == '-' && i + 1 < name.size() && name[i + 1] == '>') {
      out += '.';
      ++i;
    } else {
      out += name[i];
    }
  }
  return std::string(trim(out));
}

std::string full_name(const SymbolHit& hit) {
  return (hit.container.empty() ? "" : hit.container + ".") + hit.symbol.name;
}

bool fits(const std::string& full, const std::string& name) {
  return full == name || (full.size() > name.size() && full.ends_with(name) &&
                          full[full.size() - name.size() - 1] == '.');
}

size_t line_start(std::string_view text, size_t offset) {
  const size_t before = offset == 0 ? std::string_view::npos : text.rfind('\n', offset - 1);
  return before == std::string_view::npos ? 0 : before + 1;
}

bool opens_attribute(std::string_view line) {
  line = trim(line);
  return line.starts_with("@") || line.starts_with("#[") || line.starts_with("[[");
}
bool opens_comment(std::string_view line) {
  line = trim(line);
  return line.starts_with("//") || line.starts_with("/*") || line.starts_with("*") ||
         (line.starts_with("#") && !line.starts_with("#[") && !line.starts_with("#include") &&
          !line.starts_with("#define") && !line.starts_with("#if"));
}

// Where what the new text replaces begins: decorators and comments right above a definition belong
// to it when the new text brings them too.
size_t begin_with_lines_above(std::string_view text, size_t begin, std::string_view new_text) {
  const std::vector<Line> own = lines_of(new_text);
  if (own.empty() || trim(new_text).empty()) return begin;
  const bool attributes = opens_attribute(own.front().text);
  const bool comments = opens_comment(own.front().text);
  size_t at = begin;
  // Decorators that the index counts in stay when the new text has none.
  while (!attributes && opens_attribute(text.substr(at, text.find('\n', at) - at))) {
    const size_t next = text.find('\n', at);
    if (next == std::string_view::npos) return begin;
    at = next + 1;
  }
  if (!attributes && !comments) return at;
  while (at > 0) {
    const size_t above = line_start(text, at - 1);
    const std::string_view line = text.substr(above, at - above);
    if (!(attributes && opens_attribute(line)) && !(comments && opens_comment(line)) &&
        !(comments && opens_attribute(line)))
      break;
    at = above;
  }
  return at;
}

// JavaScript's `export` belongs to the definition for the index, and to the file for a model.
std::string with_export(std::string_view old, std::string block, std::string_view indent) {
  for (const std::string_view word : {"export default ", "export "}) {
    const std::string_view body =
        std::string_view(block).substr(std::min(indent.size(), block.size()));
    if (!old.substr(std::min(indent.size(), old.size())).starts_with(word) || block.empty() ||
        body.starts_with("export") || body.find("\nexport ") != std::string_view::npos ||
        opens_comment(body) || opens_attribute(body))
      continue;
    return block.insert(indent.size(), word);
  }
  return block;
}

// The block with the indentation of its first line taken off everywhere and the file's put on.
std::string indented(std::string_view block, std::string_view indent, std::string_view end) {
  std::vector<Line> lines = lines_of(block);
  while (!lines.empty() && trim(lines.back().text).empty()) lines.pop_back();
  while (!lines.empty() && trim(lines.front().text).empty()) lines.erase(lines.begin());
  if (lines.empty()) return {};
  // Models often leave out the indentation of the first line only; then the shallowest of the
  // others that is deeper than nothing tells nothing, and their indentation is the file's already.
  const std::string_view own = lines[0].text.substr(0, indentation(lines[0].text));
  bool all_deeper = true, keeps_file_indent = !indent.empty() && own.empty();
  for (size_t i = 1; i < lines.size(); ++i) {
    if (trim(lines[i].text).empty()) continue;
    all_deeper = all_deeper && lines[i].text.starts_with(own);
    keeps_file_indent = keeps_file_indent && lines[i].text.starts_with(indent) &&
                        indentation(lines[i].text) >= indent.size();
  }
  // Without an own indentation, lines that all have the file's at least: a closing line (or one at
  // exactly that depth) shows that the text stands as in the file but for its first line. A body
  // one step deeper than the file's indentation shows the same.
  if (keeps_file_indent && lines.size() > 1) {
    size_t shallowest = std::string_view::npos;
    for (size_t i = 1; i < lines.size(); ++i)
      if (!trim(lines[i].text).empty())
        shallowest = std::min(shallowest, indentation(lines[i].text));
    const bool tabs = indent.find('\t') != std::string_view::npos;
    // A body of a definition at the margin is one step in, which is the file's own depth for a
    // method: so only deeper lines, or a closing bracket at that depth, tell.
    const std::string_view last = trim(lines.back().text);
    const bool closes = !last.empty() &&
                        std::string_view("})]").find(last[0]) != std::string_view::npos &&
                        indentation(lines.back().text) == indent.size();
    keeps_file_indent = closes || shallowest >= indent.size() + (tabs ? 1 : 2);
  } else {
    keeps_file_indent = false;
  }
  std::string out;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) out += end;
    std::string_view line = lines[i].text;
    if (trim(line).empty()) continue;
    if (keeps_file_indent) {
      if (i == 0) out += indent;
      out += line;
      continue;
    }
    if (all_deeper || line.starts_with(own)) line.remove_prefix(own.size());
    out += indent;
    out += line;
  }
  return out;
}

}  // namespace

Result<SymbolHit> symbol_named(const View& view, const std::string& path,
                               const std::string& given) {
  std::string name = plain_name(given);
  std::optional<uint32_t> line;
  if (const size_t at = name.find_last_of(":@"); at != std::string::npos && at > 0) {
    uint32_t value = 0;
    const char* end = name.data() + name.size();
    const auto parsed = std::from_chars(name.data() + at + 1, end, value);
    if (parsed.ec == std::errc{} && parsed.ptr == end && value > 0) {
      line = value - 1;
      name.erase(at);
    }
  }
  if (name.empty()) return fail(ErrorCode::invalid_input, "the symbol's name is empty");
  const std::vector<SymbolHit> symbols = document_symbols(view, path);
  std::vector<SymbolHit> matches;
  for (const SymbolHit& hit : symbols)
    if (fits(full_name(hit), name)) matches.push_back(hit);
  // The written name as it is beats longer ones.
  if (std::any_of(matches.begin(), matches.end(),
                  [&](const SymbolHit& hit) { return full_name(hit) == name; }))
    std::erase_if(matches, [&](const SymbolHit& hit) { return full_name(hit) != name; });
  if (line && matches.size() > 1)
    std::erase_if(matches, [&](const SymbolHit& hit) {
      return *line < hit.full_start.line || *line > hit.full_end.line;
    });
  if (matches.size() == 1) return matches.front();
  if (matches.empty()) {
    std::string known;
    size_t n = 0;
    for (const SymbolHit& hit : symbols)
      if (++n <= kMaxKnown) known += (known.empty() ? "" : ", ") + full_name(hit);
    if (n > kMaxKnown) known += " and " + std::to_string(n - kMaxKnown) + " more";
    return fail(ErrorCode::not_found,
                path + " defines no " + name + (known.empty() ? "" : "; it defines: " + known));
  }
  std::string places;
  for (const SymbolHit& hit : matches)
    places += "\n" + full_name(hit) + ":" + std::to_string(hit.full_start.line + 1) + "  " +
              hit.symbol.signature.substr(0, 120);
  return fail(ErrorCode::invalid_input, path + " defines " + std::to_string(matches.size()) +
                                            " things named " + name +
                                            "; say which by Container.name or name:line:" + places);
}

Result<std::string> edit_symbol(std::string_view text, const SymbolHit& symbol, SymbolPlace place,
                                std::string_view new_text) {
  if (symbol.full_range.end > text.size() || symbol.full_range.begin > symbol.full_range.end)
    return fail(ErrorCode::internal, "the index of " + symbol.place.path + " is out of date");
  const std::string_view end = line_end_of(text);
  const size_t first = line_start(text, symbol.full_range.begin);
  const std::string_view lead = text.substr(first, symbol.full_range.begin - first);
  // Not the first thing on its line ("export function …"): then only the definition itself moves.
  const bool own_line = trim(lead).empty();
  const std::string_view indent = lead.substr(0, indentation(lead));
  const std::string block = indented(new_text, indent, end);
  if (block.empty() && place != SymbolPlace::replace)
    return fail(ErrorCode::invalid_input, "the new text is empty");
  std::string out;
  if (place == SymbolPlace::replace) {
    const size_t begin = own_line ? begin_with_lines_above(text, first, new_text) : first;
    size_t stop = symbol.full_range.end;
    if (own_line) {
      out = std::string(text.substr(0, begin)) + with_export(text.substr(begin), block, indent);
      if (block.empty() && text.substr(stop).starts_with(end)) stop += end.size();
    } else {
      // What stands before it on the line stays, unless the new text brings it too.
      const std::string_view whole =
          std::string_view(block).substr(std::min(indent.size(), block.size()));
      const std::string_view words = trim(lead);
      out = std::string(text.substr(
                0, whole.starts_with(words) ? first + indent.size() : symbol.full_range.begin)) +
            std::string(whole);
    }
    return out.append(text.substr(stop));
  }
  // Between definitions the distance that the file has, at most two blank lines.
  if (place == SymbolPlace::before) {
    size_t begin = first;
    while (begin > 0) {
      const size_t above = line_start(text, begin - 1);
      const std::string_view line = text.substr(above, begin - above);
      if (!opens_attribute(line) && !opens_comment(line)) break;
      begin = above;
    }
    size_t n_blank = 0;
    for (size_t at = begin; at > 0;) {
      const size_t above = line_start(text, at - 1);
      if (!trim(text.substr(above, at - above)).empty()) break;
      ++n_blank;
      at = above;
    }
    out = std::string(text.substr(0, begin)) + block + std::string(end);
    for (size_t i = 0; i < std::clamp<size_t>(n_blank, 1, 2); ++i) out += end;
    return out.append(text.substr(begin));
  }
  size_t stop = text.find('\n', symbol.full_range.end);
  stop = stop == std::string_view::npos ? text.size() : stop + 1;
  size_t n_blank = 0;
  for (size_t at = stop; at < text.size();) {
    const size_t next = std::min(text.find('\n', at), text.size() - 1) + 1;
    if (!trim(text.substr(at, next - at)).empty()) break;
    ++n_blank;
    at = next;
  }
  out = std::string(text.substr(0, stop));
  if (!out.ends_with('\n')) out += end;
  for (size_t i = 0; i < std::clamp<size_t>(n_blank, 1, 2); ++i) out += end;
  out += block;
  out += end;
  return out.append(text.substr(stop));
}

}  // namespace engramd::agent
