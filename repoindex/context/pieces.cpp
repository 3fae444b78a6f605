#include "repoindex/context/pieces.h"

#include <algorithm>

#include "repoindex/search/secrets.h"

namespace engramd::repoindex {
namespace {

constexpr size_t kMaxOutlineLines = 400;
constexpr size_t kMaxDocLines = 3;
constexpr size_t kMaxNesting = 8;
// No tokenizer spends more bytes than this on a token for long; texts are cut to it before they
// are counted, so that a huge file costs no more than its window.
constexpr size_t kMaxBytesPerToken = 24;

bool is_container(SymbolKind kind) {
  return kind == SymbolKind::class_ || kind == SymbolKind::struct_ || kind == SymbolKind::enum_ ||
         kind == SymbolKind::interface_ || kind == SymbolKind::namespace_ ||
         kind == SymbolKind::module;
}

bool belongs_in_outline(const Symbol& symbol) {
  if (symbol.local || symbol.signature.empty()) return false;
  switch (symbol.kind) {
    case SymbolKind::file:
    case SymbolKind::key:
    case SymbolKind::heading:
    case SymbolKind::enum_member:
      return false;
    case SymbolKind::variable:
    case SymbolKind::field:
    case SymbolKind::property:
    case SymbolKind::constant:
      return symbol.parent == kNone;
    default:
      return true;
  }
}

size_t depth_of(const FileFacts& facts, const Symbol& symbol) {
  size_t depth = 0;
  for (uint32_t parent = symbol.parent; parent < facts.symbols.size() && depth < kMaxNesting;
       parent = facts.symbols[parent].parent) {
    ++depth;
  }
  return depth;
}

std::string outline_lines(const FileFacts& facts, const SourceText& source,
                          const std::vector<ByteRange>& shown, size_t max_depth) {
  std::string text;
  size_t n = 0;
  for (const Symbol& symbol : facts.symbols) {
    if (!belongs_in_outline(symbol)) continue;
    const size_t depth = depth_of(facts, symbol);
    if (depth > max_depth) continue;
    // A signature with a secret in it (a constant, say) is left out with its line.
    const bool secret =
        std::any_of(source.secrets.begin(), source.secrets.end(), [&](ByteRange line) {
          return line.begin < symbol.name_end && symbol.name_begin < line.end;
        });
    if (secret) continue;
    const bool seen = std::any_of(shown.begin(), shown.end(), [&](ByteRange range) {
      return range.begin <= symbol.begin && symbol.end <= range.end;
    });
    if (seen) continue;
    if (++n > kMaxOutlineLines) break;
    text.append(depth * 4, ' ');
    text += symbol.signature;
    text += '\n';
  }
  return text;
}

std::string_view comment_mark(std::string_view language) {
  return language == "python" || language == "bash" ? "# " : "// ";
}

bool fits(std::string_view text, const TokenCounter& count, size_t max_tokens) {
  return text.size() / kMaxBytesPerToken <= max_tokens && count(text) <= max_tokens;
}

}  // namespace

std::string SourceText::slice(ByteRange range) const {
  range.end = std::min(range.end, text.size());
  std::string kept;
  size_t from = std::min(range.begin, range.end);
  for (const ByteRange& secret : secrets) {
    if (secret.end <= from) continue;
    if (secret.begin >= range.end) break;
    if (secret.begin > from) kept.append(text, from, secret.begin - from);
    from = std::min(secret.end, range.end);
  }
  kept.append(text, from, range.end - from);
  return kept;
}

std::optional<SourceText> read_source(const View& view, const std::string& path) {
  if (is_secret_path(path)) return std::nullopt;
  std::optional<std::string> text = view.text(path);
  if (!text) return std::nullopt;
  SourceText source;
  source.text = std::move(*text);
  source.secrets = secret_lines(source.text);
  return source;
}

std::string outline(const FileFacts& facts, const SourceText& source,
                    const std::vector<ByteRange>& shown, const TokenCounter& count,
                    size_t max_tokens) {
  std::string text;
  for (size_t depth : {size_t{2}, size_t{1}, size_t{0}}) {
    text = outline_lines(facts, source, shown, depth);
    if (fits(text, count, max_tokens)) return text;
  }
  std::string cut = first_lines(text, count, max_tokens);
  const size_t last = cut.rfind('\n');
  cut.resize(last == std::string::npos ? 0 : last + 1);
  return cut.size() * 2 >= text.size() ? cut : std::string();
}

std::string definition_text(const FileFacts& facts, const SourceText& source, const Symbol& symbol,
                            const TokenCounter& count, size_t max_body, size_t max_tokens,
                            bool& whole) {
  // From the start of its line, so that the first line is indented like the others.
  size_t begin = std::min<size_t>(symbol.begin, source.text.size());
  while (begin > 0 && (source.text[begin - 1] == ' ' || source.text[begin - 1] == '\t')) --begin;
  if (begin > 0 && source.text[begin - 1] != '\n') begin = symbol.begin;
  std::string body = source.slice({begin, symbol.end});
  if (!body.empty() && body.back() != '\n') body += '\n';
  whole = fits(body, count, std::min(max_body, max_tokens));
  if (whole) return body;
  const bool secret = std::any_of(
      source.secrets.begin(), source.secrets.end(),
      [&](ByteRange line) { return line.begin < symbol.name_end && symbol.name_begin < line.end; });
  if (secret) return {};

  const std::string indent = source.text.substr(begin, symbol.begin - begin);
  std::string text = indent + symbol.signature + "\n";
  size_t n_lines = 0;
  for (std::string_view line : split_lines(symbol.doc)) {
    if (line.empty() || ++n_lines > kMaxDocLines) break;
    if (!secret_lines(line).empty()) break;
    text += indent + "    " + std::string(comment_mark(facts.language)) + std::string(trim(line)) +
            "\n";
  }
  if (is_container(symbol.kind)) {
    uint32_t last_end = 0;  // what lies inside a member (self.x = 1 in a method) is not one
    for (const Symbol& member : facts.symbols) {
      const bool inside = symbol.begin <= member.begin && member.end <= symbol.end &&
                          member.name_begin != symbol.name_begin;
      if (!inside || member.local || member.signature.empty() ||
          member.kind == SymbolKind::enum_member)
        continue;
      const bool hidden =
          std::any_of(source.secrets.begin(), source.secrets.end(), [&](ByteRange line) {
            return line.begin < member.name_end && member.name_begin < line.end;
          });
      if (!hidden && (member.parent >= facts.symbols.size() ||
                      facts.symbols[member.parent].name_begin == symbol.name_begin)) {
        if (member.begin < last_end) continue;
        last_end = member.end;
        text += indent + "    " + member.signature + "\n";
      }
    }
  }
  if (fits(text, count, max_tokens)) return text;
  text = first_lines(text, count, max_tokens);
  const size_t last = text.rfind('\n');
  return last == std::string::npos ? std::string() : text.substr(0, last + 1);
}

std::string last_lines(std::string_view text, const TokenCounter& count, size_t max_tokens,
                       size_t line_step) {
  if (max_tokens == 0) return {};
  if (fits(text, count, max_tokens)) return std::string(text);
  std::vector<size_t> starts{0};
  for (size_t i = 0; i + 1 < text.size(); ++i) {
    if (text[i] == '\n') starts.push_back(i + 1);
  }
  // Counters grow with the text as good as always; the loop after the search makes it exact.
  size_t low = 0, high = starts.size();
  while (low < high) {
    const size_t middle = (low + high) / 2;
    if (fits(text.substr(starts[middle]), count, max_tokens))
      high = middle;
    else
      low = middle + 1;
  }
  while (low < starts.size() && !fits(text.substr(starts[low]), count, max_tokens)) ++low;
  if (low == starts.size()) {
    // Not even the last line: as much of its end as fits.
    size_t keep = std::min(text.size() - starts.back(), max_tokens * kMaxBytesPerToken);
    while (keep > 0 && !fits(text.substr(text.size() - keep), count, max_tokens))
      keep -= (keep + 7) / 8;
    while (keep > 0 && (static_cast<unsigned char>(text[text.size() - keep]) & 0xC0) == 0x80)
      --keep;
    while (keep > 0 && count(text.substr(text.size() - keep)) > max_tokens) --keep;
    return std::string(text.substr(text.size() - keep));
  }
  if (line_step > 1) {
    const size_t rounded = (low + line_step - 1) / line_step * line_step;
    if (rounded < starts.size() &&
        (text.size() - starts[rounded]) * 2 > text.size() - starts[low] &&
        count(text.substr(starts[rounded])) <= max_tokens) {
      low = rounded;
    }
  }
  return std::string(text.substr(starts[low]));
}

std::string first_lines(std::string_view text, const TokenCounter& count, size_t max_tokens) {
  if (max_tokens == 0) return {};
  if (fits(text, count, max_tokens)) return std::string(text);
  std::vector<size_t> ends;
  const size_t limit = std::min(text.size(), (max_tokens + 1) * kMaxBytesPerToken);
  for (size_t i = 0; i < limit; ++i) {
    if (text[i] == '\n') ends.push_back(i + 1);
  }
  size_t low = 0, high = ends.size();  // how many lines fit
  while (low < high) {
    const size_t middle = (low + high + 1) / 2;
    if (fits(text.substr(0, ends[middle - 1]), count, max_tokens))
      low = middle;
    else
      high = middle - 1;
  }
  while (low > 0 && !fits(text.substr(0, ends[low - 1]), count, max_tokens)) --low;
  if (low > 0) return std::string(text.substr(0, ends[low - 1]));
  size_t keep = std::min(limit, ends.empty() ? limit : ends.front());
  while (keep > 0 && !fits(text.substr(0, keep), count, max_tokens)) keep -= (keep + 7) / 8;
  while (keep > 0 && keep < text.size() && (static_cast<unsigned char>(text[keep]) & 0xC0) == 0x80)
    --keep;
  while (keep > 0 && count(text.substr(0, keep)) > max_tokens) --keep;
  return std::string(text.substr(0, keep));
}

}  // namespace engramd::repoindex
