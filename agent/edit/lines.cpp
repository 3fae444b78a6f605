#include "agent/edit/lines.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <cstdint>
#include <set>

#include "base/text.h"

namespace engramd::agent {
namespace {

constexpr size_t kQuotedLines = 8, kQuotedBytes = 200;
constexpr size_t kComparedLines = 12;  // of the wanted block, when the nearest lines are looked for
constexpr size_t kMaxCompared = 200000;  // lines of the text that are looked at

// What a model types for what an editor inserted, and the other way round.
struct Spelling {
  std::string_view from;
  char to;
};
constexpr Spelling kSpellings[] = {
    {"\xE2\x80\x98", '\''}, {"\xE2\x80\x99", '\''}, {"\xE2\x80\x9A", '\''}, {"\xE2\x80\x9B", '\''},
    {"\xE2\x80\x9C", '"'},  {"\xE2\x80\x9D", '"'},  {"\xE2\x80\x9E", '"'},  {"\xE2\x80\x90", '-'},
    {"\xE2\x80\x91", '-'},  {"\xE2\x80\x92", '-'},  {"\xE2\x80\x93", '-'},  {"\xE2\x80\x94", '-'},
    {"\xE2\x88\x92", '-'},  {"\xC2\xA0", ' '},      {"\xE2\x80\xAF", ' '},  {"\xE2\x80\x87", ' '},
    {"\xE3\x80\x80", ' '},
};

std::string folded(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  const auto put = [&](char c) {
    if (c == '\t') c = ' ';
    if (c != ' ' || (!out.empty() && out.back() != ' ')) out += c;
  };
  for (size_t i = 0; i < text.size();) {
    if (static_cast<unsigned char>(text[i]) < 0x80) {
      put(text[i++]);
      continue;
    }
    bool known = false;
    for (const Spelling& spelling : kSpellings) {
      if (text.substr(i, spelling.from.size()) != spelling.from) continue;
      put(spelling.to);
      i += spelling.from.size();
      known = true;
      break;
    }
    if (!known) out += text[i++];
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

std::string_view without_trailing(std::string_view text) {
  const size_t last = text.find_last_not_of(" \t\r");
  return last == std::string_view::npos ? std::string_view() : text.substr(0, last + 1);
}

// Which pairs of neighbouring characters a line has, as bits: enough to find the few lines that
// are worth a real comparison.
using Pairs = std::bitset<256>;
Pairs pairs_of(std::string_view line) {
  Pairs pairs;
  line = trim(line);
  for (size_t i = 0; i + 1 < line.size(); ++i)
    pairs.set(
        (static_cast<unsigned char>(line[i]) * 31u + static_cast<unsigned char>(line[i + 1])) &
        255u);
  return pairs;
}
double likeness(const Pairs& a, const Pairs& b) {
  const size_t n = a.count() + b.count();
  return n == 0 ? 0.2 : 2.0 * static_cast<double>((a & b).count()) / static_cast<double>(n);
}

// How alike two lines are, from the pairs they share; 1 when equal but for the blanks around.
double likeness(std::string_view a, std::string_view b) {
  a = trim(a);
  b = trim(b);
  if (a == b) return a.empty() ? 0.3 : 1;
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

std::string shown(std::string_view line) {
  line = line.substr(0, kQuotedBytes);
  return utf8_sanitized(without_trailing(line));
}

}  // namespace

std::vector<Line> lines_of(std::string_view text) {
  std::vector<Line> lines;
  for (size_t begin = 0; begin < text.size();) {
    size_t end = text.find('\n', begin);
    end = end == std::string_view::npos ? text.size() : end + 1;
    std::string_view body = text.substr(begin, end - begin);
    if (body.ends_with('\n')) body.remove_suffix(1);
    if (body.ends_with('\r')) body.remove_suffix(1);
    lines.push_back({body, begin, end});
    begin = end;
  }
  return lines;
}

size_t indentation(std::string_view line) {
  const size_t n = line.find_first_not_of(" \t");
  return n == std::string_view::npos ? line.size() : n;
}

std::string_view line_end_of(std::string_view text) {
  size_t n_lines = 0, n_carriage = 0;
  for (size_t at = text.find('\n'); at != std::string_view::npos && n_lines < 1000;
       at = text.find('\n', at + 1)) {
    ++n_lines;
    n_carriage += at > 0 && text[at - 1] == '\r' ? 1 : 0;
  }
  return n_carriage * 2 > n_lines ? "\r\n" : "\n";
}

ComparedLines::ComparedLines(const std::vector<Line>& lines, Likeness how) {
  keys_.reserve(lines.size());
  for (const Line& line : lines) {
    switch (how) {
      case Likeness::exact:
        keys_.emplace_back(line.text);
        break;
      case Likeness::trailing:
        keys_.emplace_back(without_trailing(line.text));
        break;
      case Likeness::indentation:
        keys_.emplace_back(trim(line.text));
        break;
      case Likeness::characters:
        keys_.push_back(folded(trim(line.text)));
        break;
    }
  }
}

std::vector<size_t> ComparedLines::places_of(const ComparedLines& wanted, size_t from,
                                             size_t max) const {
  std::vector<size_t> places;
  const size_t n = wanted.keys_.size();
  if (n == 0) return places;
  for (size_t i = from; i + n <= keys_.size() && places.size() < max; ++i)
    if (std::equal(wanted.keys_.begin(), wanted.keys_.end(),
                   keys_.begin() + static_cast<std::ptrdiff_t>(i)))
      places.push_back(i);
  return places;
}

std::string quoted_lines(const std::vector<Line>& lines, size_t begin, size_t n) {
  std::string out;
  for (size_t i = begin; i < std::min(begin + n, lines.size()); ++i)
    out += "\n" + std::to_string(i + 1) + ": " + shown(lines[i].text);
  return out;
}

std::string nearest_lines(const std::vector<Line>& lines, const std::vector<Line>& wanted) {
  if (lines.empty()) return " none: the file is empty";
  const size_t n_wanted = std::min(wanted.size(), kComparedLines);
  const size_t n_lines = std::min(lines.size(), kMaxCompared);
  std::vector<Pairs> wanted_pairs, pairs;
  for (size_t j = 0; j < n_wanted; ++j) wanted_pairs.push_back(pairs_of(wanted[j].text));
  pairs.reserve(n_lines);
  for (size_t i = 0; i < n_lines; ++i) pairs.push_back(pairs_of(lines[i].text));
  // The best few by the rough measure, then the best of them by the real one.
  constexpr size_t kKept = 8;
  std::vector<std::pair<double, size_t>> best;
  for (size_t i = 0; i < n_lines; ++i) {
    double score = 0;
    for (size_t j = 0; j < n_wanted && i + j < n_lines; ++j)
      score += likeness(wanted_pairs[j], pairs[i + j]);
    if (best.size() == kKept && score <= best.back().first) continue;
    if (best.size() == kKept) best.pop_back();
    const auto place = std::find_if(best.begin(), best.end(),
                                    [&](const auto& entry) { return entry.first < score; });
    best.insert(place, {score, i});
  }
  size_t nearest = 0;
  double best_score = -1;
  for (const auto& [rough, i] : best) {
    double score = 0;
    for (size_t j = 0; j < n_wanted && i + j < n_lines; ++j)
      score += likeness(lines[i + j].text, wanted[j].text);
    if (score > best_score + 1e-9 || (score > best_score - 1e-9 && i < nearest)) {
      best_score = score;
      nearest = i;
    }
  }
  const size_t n_shown = std::clamp<size_t>(wanted.size(), 6, kQuotedLines);
  std::string out = quoted_lines(lines, nearest, n_shown);
  for (size_t j = 0; j < wanted.size() && nearest + j < lines.size(); ++j) {
    if (folded(trim(lines[nearest + j].text)) == folded(trim(wanted[j].text))) continue;
    if (best_score >= 0.5 * static_cast<double>(n_wanted))
      out += "\nline " + std::to_string(nearest + j + 1) +
             " is: " + shown(lines[nearest + j].text) + "\nyou wrote: " + shown(wanted[j].text);
    break;
  }
  return out;
}

Indenter::Indenter(const std::vector<std::string_view>& wanted,
                   const std::vector<std::string_view>& found) {
  for (size_t i = 0; i < std::min(wanted.size(), found.size()); ++i) {
    if (trim(wanted[i]).empty()) continue;
    const std::string from(wanted[i].substr(0, indentation(wanted[i])));
    const std::string to(found[i].substr(0, indentation(found[i])));
    file_has_tabs_ = file_has_tabs_ || to.find('\t') != std::string::npos;
    wanted_has_tabs_ = wanted_has_tabs_ || from.find('\t') != std::string::npos;
    // One tab against n blanks says how wide a tab is meant to be.
    const bool from_tabs = !from.empty() && from.find(' ') == std::string::npos;
    const bool to_tabs = !to.empty() && to.find(' ') == std::string::npos;
    const bool from_blanks = !from.empty() && from.find('\t') == std::string::npos;
    const bool to_blanks = !to.empty() && to.find('\t') == std::string::npos;
    if (to_tabs && from_blanks && from.size() % to.size() == 0)
      tab_width_ = from.size() / to.size();
    if (from_tabs && to_blanks && to.size() % from.size() == 0)
      tab_width_ = to.size() / from.size();
    const bool known = std::any_of(indents_.begin(), indents_.end(),
                                   [&](const auto& entry) { return entry.first == from; });
    if (!known) indents_.emplace_back(from, to);
  }
}

std::string Indenter::converted(std::string_view blanks) const {
  if (file_has_tabs_ && blanks.find('\t') == std::string_view::npos)
    return std::string(blanks.size() / tab_width_, '\t') +
           std::string(blanks.size() % tab_width_, ' ');
  if (!file_has_tabs_ && wanted_has_tabs_) {
    std::string out;
    for (const char c : blanks) out += c == '\t' ? std::string(tab_width_, ' ') : std::string(1, c);
    return out;
  }
  return std::string(blanks);
}

std::string Indenter::fitted(std::string_view line) const {
  if (trim(line).empty()) return {};
  const std::string own(line.substr(0, indentation(line)));
  const std::string body(line.substr(own.size()));
  const std::pair<std::string, std::string>*under = nullptr, *over = nullptr;
  for (const auto& entry : indents_) {
    if (own.starts_with(entry.first) && (!under || entry.first.size() > under->first.size()))
      under = &entry;
    if (entry.first.size() > own.size() && (!over || entry.first.size() < over->first.size()))
      over = &entry;
  }
  if (under != nullptr)
    return under->second + converted(std::string_view(own).substr(under->first.size())) + body;
  if (over == nullptr) return own + body;
  // Less indented than anything that was matched: so much is taken off the file's indentation.
  const std::string less = converted(std::string(over->first).substr(own.size()));
  const std::string& base = over->second;
  return base.substr(0, base.size() - std::min(base.size(), less.size())) + body;
}

}  // namespace engramd::agent
