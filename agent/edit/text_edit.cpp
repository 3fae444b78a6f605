#include "agent/edit/text_edit.h"

#include <algorithm>
#include <set>
#include <vector>

#include "repoindex/index.h"

namespace engramd::agent {
namespace {

constexpr size_t kQuotedLines = 6;
constexpr size_t kMaxCompared = 20000;  // lines looked at to find the nearest ones

struct Line {
  std::string_view text;  // without its end
  size_t begin = 0;
  size_t end = 0;  // its line end included
};

std::vector<Line> lines_of(std::string_view text) {
  std::vector<Line> lines;
  for (size_t begin = 0; begin < text.size();) {
    size_t end = text.find('\n', begin);
    end = end == std::string_view::npos ? text.size() : end + 1;
    std::string_view body = text.substr(begin, end - begin);
    while (!body.empty() && (body.back() == '\n' || body.back() == '\r')) body.remove_suffix(1);
    lines.push_back({body, begin, end});
    begin = end;
  }
  return lines;
}

size_t indentation(std::string_view line) {
  const size_t n = line.find_first_not_of(" \t");
  return n == std::string_view::npos ? line.size() : n;
}

// How alike two lines are, from the pairs of neighbouring characters they share; 1 when equal.
double likeness(std::string_view a, std::string_view b) {
  a = trim(a);
  b = trim(b);
  if (a == b) return 1;
  if (a.size() < 2 || b.size() < 2) return 0;
  std::multiset<std::pair<char, char>> pairs;
  for (size_t i = 0; i + 1 < a.size(); ++i) pairs.insert({a[i], a[i + 1]});
  size_t shared = 0;
  for (size_t i = 0; i + 1 < b.size(); ++i) {
    const auto found = pairs.find({b[i], b[i + 1]});
    if (found == pairs.end()) continue;
    pairs.erase(found);
    ++shared;
  }
  return 2.0 * static_cast<double>(shared) / static_cast<double>(a.size() + b.size() - 2);
}

std::string quote_lines(const std::vector<Line>& lines, size_t begin) {
  std::string out;
  for (size_t i = begin; i < std::min(begin + kQuotedLines, lines.size()); ++i)
    out += "\n" + std::to_string(i + 1) + ": " + std::string(lines[i].text.substr(0, 200));
  return out;
}

std::vector<Line> block_lines(std::string_view search) {
  std::vector<Line> wanted = lines_of(search);
  while (!wanted.empty() && trim(wanted.back().text).empty()) wanted.pop_back();
  while (!wanted.empty() && trim(wanted.front().text).empty()) wanted.erase(wanted.begin());
  return wanted;
}

struct Found {
  ByteRange range;
  bool exact = true;
  size_t text_indent = 0, search_indent = 0;
};

Result<Found> find(std::string_view text, std::string_view search) {
  if (trim(search).empty())
    return fail(ErrorCode::invalid_input, "the text to search for is empty");
  const std::vector<Line> lines = lines_of(text);
  const auto line_number = [&](size_t offset) {
    return static_cast<size_t>(
        std::upper_bound(lines.begin(), lines.end(), offset,
                         [](size_t at, const Line& line) { return at < line.begin; }) -
        lines.begin());
  };
  std::vector<size_t> places;
  for (size_t at = text.find(search); at != std::string_view::npos && places.size() < 5;
       at = text.find(search, at + 1))
    places.push_back(at);
  if (places.size() == 1) return Found{{places[0], places[0] + search.size()}, true, 0, 0};
  const auto ambiguous = [&](const std::vector<size_t>& numbers) {
    std::string list;
    for (const size_t number : numbers) list += (list.empty() ? "" : ", ") + std::to_string(number);
    return fail(ErrorCode::invalid_input,
                "the text to search for is there several times, expected once: lines " + list);
  };
  if (places.size() > 1) {
    for (size_t& place : places) place = line_number(place);
    return ambiguous(places);
  }

  const std::vector<Line> wanted = block_lines(search);
  std::vector<size_t> matches;
  for (size_t i = 0; i + wanted.size() <= lines.size() && matches.size() < 5; ++i) {
    bool same = true;
    for (size_t j = 0; same && j < wanted.size(); ++j)
      same = trim(lines[i + j].text) == trim(wanted[j].text);
    if (same) matches.push_back(i);
  }
  if (matches.size() == 1) {
    const size_t first = matches[0], last = first + wanted.size() - 1;
    Found found;
    found.exact = false;
    found.range = {lines[first].begin, lines[last].begin + lines[last].text.size()};
    found.text_indent = indentation(lines[first].text);
    found.search_indent = indentation(wanted[0].text);
    return found;
  }
  if (matches.size() > 1) {
    for (size_t& match : matches) ++match;
    return ambiguous(matches);
  }

  size_t nearest = 0;
  double best = -1;
  for (size_t i = 0; i < std::min(lines.size(), kMaxCompared); ++i) {
    double score = 0;
    for (size_t j = 0; j < std::min(wanted.size(), kQuotedLines) && i + j < lines.size(); ++j)
      score += likeness(lines[i + j].text, wanted[j].text);
    if (score > best) {
      best = score;
      nearest = i;
    }
  }
  return fail(ErrorCode::not_found,
              "the text to search for is not there; the nearest lines are" +
                  (lines.empty() ? " none: the file is empty" : quote_lines(lines, nearest)));
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
  ENGRAMD_TRY(const Found found, find(text, search));
  return found.range;
}

Result<std::string> search_and_replace(std::string_view text, std::string_view search,
                                       std::string_view replacement) {
  ENGRAMD_TRY(const Found found, find(text, search));
  if (found.exact) return apply_edit(text, {found.range, std::string(replacement)});
  std::string fitted;
  std::vector<Line> lines = lines_of(replacement);
  while (!lines.empty() && trim(lines.back().text).empty()) lines.pop_back();
  const std::string_view indent_text = text.substr(found.range.begin, found.text_indent);
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) fitted += '\n';
    const std::string_view line = lines[i].text;
    if (trim(line).empty()) continue;
    // The block moves as a whole: what the first line of the search lacks or has too much of.
    const size_t own = indentation(line);
    const size_t deeper = own > found.search_indent ? own - found.search_indent : 0;
    fitted += indent_text;
    fitted += line.substr(own - deeper);
  }
  ByteRange range = found.range;
  if (fitted.empty() && range.end < text.size()) ++range.end;  // the emptied line goes too
  return apply_edit(text, {range, fitted});
}

Status check_still_parses(const std::string& path, std::string_view before,
                          std::string_view after) {
  LineColumn where;
  if (repoindex::parses_cleanly(path, after, &where)) return {};
  if (!repoindex::parses_cleanly(path, before)) return {};
  const std::vector<Line> lines = lines_of(after);
  return fail(ErrorCode::invalid_input,
              path + " would no longer parse: line " + std::to_string(where.line + 1) +
                  ", column " + std::to_string(where.column + 1) +
                  quote_lines(lines, where.line > 2 ? where.line - 2 : 0));
}

}  // namespace engramd::agent
