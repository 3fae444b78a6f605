// agent/edit/lines.h - a text as lines that know where they are, for everything that edits by line.
//
// Views into the caller's text: keep it alive. Pure functions: any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace engramd::agent {

struct Line {
  std::string_view text;  // without its end
  size_t begin = 0;
  size_t end = 0;  // its line end included
};

std::vector<Line> lines_of(std::string_view text);
// How many bytes of blanks and tabs a line begins with.
size_t indentation(std::string_view line);
// "\r\n" when most lines of the text end so, else "\n".
std::string_view line_end_of(std::string_view text);

// How strictly two lines are compared, from "byte for byte" down.
enum class Likeness {
  exact,
  trailing,     // blanks and carriage returns at the end do not count
  indentation,  // nor do those at the begin
  characters,   // nor which quote, dash or space was typed, nor how many spaces between words
};
inline constexpr Likeness kLikenesses[] = {Likeness::exact, Likeness::trailing,
                                           Likeness::indentation, Likeness::characters};

// A text as compared at one strictness: made once, then asked for many blocks.
class ComparedLines {
 public:
  ComparedLines(const std::vector<Line>& lines, Likeness likeness);
  // Line numbers (from 0) at or after `from` where all wanted lines stand in a row; at most max.
  std::vector<size_t> places_of(const ComparedLines& wanted, size_t from, size_t max) const;

 private:
  std::vector<std::string> keys_;
};

// The lines of the text that are most like the wanted ones, "12: text" each, and where the first
// difference is. For errors: never empty, bounded in bytes, some milliseconds for 100,000 lines.
std::string nearest_lines(const std::vector<Line>& lines, const std::vector<Line>& wanted);
// n lines from `begin` (from 0), "12: text" each, each on a line of its own.
std::string quoted_lines(const std::vector<Line>& lines, size_t begin, size_t n);

// New lines that take the place of matched ones: indentation as in the file, tabs or blanks as in
// the file, and lines that were kept stay byte for byte what the file has.
class Indenter {
 public:
  // wanted[i] was found to be found[i].
  Indenter(const std::vector<std::string_view>& wanted, const std::vector<std::string_view>& found);
  std::string fitted(std::string_view line) const;

 private:
  std::string converted(std::string_view blanks) const;
  std::vector<std::pair<std::string, std::string>> indents_;  // as written -> as in the file
  bool file_has_tabs_ = false, wanted_has_tabs_ = false;
  size_t tab_width_ = 4;
};

}  // namespace engramd::agent
