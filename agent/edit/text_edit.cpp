#include "agent/edit/text_edit.h"

#include <algorithm>
#include <cctype>
#include <optional>

#include "agent/edit/lines.h"

namespace engramd::agent {
namespace {

constexpr size_t kMaxPlaces = 5;

std::vector<Line> block_lines(std::string_view search) {
  std::vector<Line> wanted = lines_of(search);
  while (!wanted.empty() && trim(wanted.back().text).empty()) wanted.pop_back();
  while (!wanted.empty() && trim(wanted.front().text).empty()) wanted.erase(wanted.begin());
  return wanted;
}

// The text without the line numbers that `open` shows and models copy ("12<tab>text"); nothing
// when some line has none.
std::optional<std::string> without_line_numbers(std::string_view text) {
  std::string out;
  bool any = false;
  for (const Line& line : lines_of(text)) {
    std::string_view rest = line.text;
    if (!trim(rest).empty()) {
      rest.remove_prefix(indentation(rest));
      size_t digits = 0;
      while (digits < rest.size() && std::isdigit(static_cast<unsigned char>(rest[digits])))
        ++digits;
      if (digits == 0) return std::nullopt;
      rest.remove_prefix(digits);
      if (rest.starts_with('\t'))
        rest.remove_prefix(1);
      else if (rest.starts_with(": "))
        rest.remove_prefix(2);
      else if (!rest.empty())
        return std::nullopt;
      any = true;
    }
    out += rest;
    out += '\n';
  }
  if (!any) return std::nullopt;
  return out;
}

struct Found {
  ByteRange range;
  bool exact = true;         // byte for byte; else whole lines:
  size_t first = 0, n = 0;   // lines of the text
  std::vector<Line> wanted;  // what was looked for there
};

tl::unexpected<Error> ambiguous(const std::vector<size_t>& lines) {
  std::string list;
  for (const size_t line : lines) list += (list.empty() ? "" : ", ") + std::to_string(line + 1);
  return fail(ErrorCode::invalid_input,
              "the text to search for is there several times, expected once: lines " + list +
                  "; give more of the lines around it");
}

Result<Found> find(std::string_view text, const std::vector<Line>& lines, std::string_view search) {
  if (trim(search).empty())
    return fail(ErrorCode::invalid_input, "the text to search for is empty");
  std::vector<size_t> places;
  for (size_t at = text.find(search); at != std::string_view::npos && places.size() < kMaxPlaces;
       at = text.find(search, at + 1))
    places.push_back(at);
  if (places.size() == 1) return Found{{places[0], places[0] + search.size()}, true, 0, 0, {}};
  if (places.size() > 1) {
    for (size_t& place : places)
      place = static_cast<size_t>(std::upper_bound(lines.begin(), lines.end(), place,
                                                   [](size_t offset, const Line& line) {
                                                     return offset < line.begin;
                                                   }) -
                                  lines.begin()) -
              1;
    return ambiguous(places);
  }
  const std::vector<Line> wanted = block_lines(search);
  for (const Likeness how : kLikenesses) {
    const ComparedLines in(lines, how);
    const std::vector<size_t> matches = in.places_of(ComparedLines(wanted, how), 0, kMaxPlaces);
    if (matches.size() > 1) return ambiguous(matches);
    if (matches.empty()) continue;
    const size_t first = matches[0], last = first + wanted.size() - 1;
    return Found{{lines[first].begin, lines[last].begin + lines[last].text.size()},
                 false,
                 first,
                 wanted.size(),
                 wanted};
  }
  return fail(ErrorCode::not_found, "the text to search for is not there; the nearest lines are" +
                                        nearest_lines(lines, wanted));
}

std::string with_line_ends(std::string_view text, std::string_view end) {
  if (end == "\n") return std::string(text);
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r')) out += '\r';
    out += text[i];
  }
  return out;
}

// The replacement as whole lines of the file, without the last line end.
std::string fitted(std::string_view text, const std::vector<Line>& lines, const Found& found,
                   std::string_view replacement) {
  const std::string_view end = line_end_of(text);
  std::vector<std::string_view> wanted_texts, found_texts;
  for (size_t i = 0; i < found.n; ++i) {
    wanted_texts.push_back(found.wanted[i].text);
    found_texts.push_back(lines[found.first + i].text);
  }
  const Indenter indenter(wanted_texts, found_texts);
  std::string out;
  size_t next_kept = 0;
  const std::vector<Line> replaced = block_lines(replacement);
  for (size_t i = 0; i < replaced.size(); ++i) {
    if (i > 0) out += end;
    const std::string_view line = replaced[i].text;
    const auto same = std::find(wanted_texts.begin() + static_cast<std::ptrdiff_t>(next_kept),
                                wanted_texts.end(), line);
    if (same != wanted_texts.end()) {
      // A line that stays is the file's own, with what the model did not see of it.
      next_kept = static_cast<size_t>(same - wanted_texts.begin());
      out += found_texts[next_kept++];
    } else {
      out += indenter.fitted(line);
    }
  }
  return out;
}

Result<TextEdit> edit_of(std::string_view text, const std::vector<Line>& lines,
                         std::string_view search, std::string_view replacement) {
  auto found = find(text, lines, search);
  std::string plain_search, plain_replacement;
  if (!found && found.error().code == ErrorCode::not_found) {
    if (const auto plain = without_line_numbers(search)) {
      plain_search = *plain;
      plain_replacement = without_line_numbers(replacement).value_or(std::string(replacement));
      if (auto again = find(text, lines, plain_search)) {
        found = std::move(again);
        replacement = plain_replacement;
      }
    }
  }
  if (!found) return fail(found.error());
  if (found->exact) return TextEdit{found->range, with_line_ends(replacement, line_end_of(text))};
  TextEdit edit{found->range, fitted(text, lines, *found, replacement)};
  // The emptied line goes too.
  if (edit.replacement.empty()) edit.range.end = lines[found->first + found->n - 1].end;
  return edit;
}

}  // namespace

std::string apply_edit(std::string_view text, const TextEdit& edit) {
  const size_t begin = std::min(edit.range.begin, text.size());
  const size_t end = std::clamp(edit.range.end, begin, text.size());
  std::string out;
  out.reserve(text.size() + edit.replacement.size());
  out.append(text.substr(0, begin)).append(edit.replacement).append(text.substr(end));
  return out;
}

Result<ByteRange> find_block(std::string_view text, std::string_view search) {
  const std::vector<Line> lines = lines_of(text);
  ENGRAMD_TRY(const Found found, find(text, lines, search));
  return found.range;
}

Result<std::string> search_and_replace(std::string_view text, std::string_view search,
                                       std::string_view replacement) {
  ENGRAMD_TRY(const TextEdit edit, edit_of(text, lines_of(text), search, replacement));
  return apply_edit(text, edit);
}

Result<std::string> replace_blocks(std::string_view text,
                                   const std::vector<SearchReplace>& blocks) {
  const std::vector<Line> lines = lines_of(text);
  std::vector<std::pair<TextEdit, size_t>> edits;
  for (size_t i = 0; i < blocks.size(); ++i) {
    auto edit = edit_of(text, lines, blocks[i].search, blocks[i].replace);
    if (!edit)
      return fail(blocks.size() == 1 ? edit.error()
                                     : edit.error().with("block " + std::to_string(i + 1)));
    edits.emplace_back(std::move(*edit), i + 1);
  }
  std::sort(edits.begin(), edits.end(),
            [](const auto& a, const auto& b) { return a.first.range.begin < b.first.range.begin; });
  for (size_t i = 1; i < edits.size(); ++i)
    if (edits[i].first.range.begin < edits[i - 1].first.range.end)
      return fail(ErrorCode::invalid_input, "blocks " + std::to_string(edits[i - 1].second) +
                                                " and " + std::to_string(edits[i].second) +
                                                " change the same lines; write them as one block");
  std::string out(text);
  for (size_t i = edits.size(); i-- > 0;) out = apply_edit(out, edits[i].first);
  return out;
}

Result<std::string> replace_every(std::string_view text, std::string_view search,
                                  std::string_view replacement, size_t* n_replaced) {
  if (search.empty()) return fail(ErrorCode::invalid_input, "the text to search for is empty");
  std::string out;
  size_t from = 0, n = 0;
  for (size_t at = text.find(search); at != std::string_view::npos; at = text.find(search, from)) {
    out.append(text.substr(from, at - from)).append(replacement);
    from = at + search.size();
    ++n;
  }
  if (n == 0) {
    const std::vector<Line> lines = lines_of(text);
    return fail(ErrorCode::not_found, "the text to search for is not there; the nearest lines are" +
                                          nearest_lines(lines, block_lines(search)));
  }
  if (n_replaced != nullptr) *n_replaced = n;
  return out.append(text.substr(from));
}

Result<std::vector<SearchReplace>> read_search_blocks(std::string_view text) {
  const auto is_mark = [](std::string_view line, char mark) {
    size_t n = 0;
    while (n < line.size() && line[n] == mark) ++n;
    return n >= 5 && n <= 9 && (n == line.size() || line[n] == ' ');
  };
  enum class Part { outside, search, replace } part = Part::outside;
  std::vector<SearchReplace> blocks;
  for (const Line& line : lines_of(text)) {
    const std::string_view body = trim(line.text);
    const std::string_view whole = text.substr(line.begin, line.end - line.begin);
    if (part == Part::outside && is_mark(body, '<')) {
      blocks.emplace_back();
      part = Part::search;
    } else if (part == Part::search && is_mark(body, '=')) {
      part = Part::replace;
    } else if (part == Part::replace && is_mark(body, '>')) {
      part = Part::outside;
    } else if (part == Part::search) {
      blocks.back().search += whole;
    } else if (part == Part::replace) {
      blocks.back().replace += whole;
    }
  }
  if (blocks.empty() || part != Part::outside)
    return fail(ErrorCode::invalid_input,
                "expected blocks of the form <<<<<<< SEARCH, old lines, =======, new lines, "
                ">>>>>>> REPLACE, each mark on a line of its own");
  return blocks;
}

}  // namespace engramd::agent
