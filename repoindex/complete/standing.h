// repoindex/complete/standing.h - what stands around a cursor, told from the text alone: code,
// comment or string, the brackets that are open, and the expression in front of it.
//
// By a scan of the text, not by a parse: what is being typed does not parse. A string that is not
// closed ends with its line, so one mistake does not spoil the rest. Pure functions: any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "repoindex/complete/writing.h"

namespace engramd::repoindex {

struct OpenBracket {
  size_t at = 0;
  char bracket = '(';
  std::vector<size_t> commas;  // between it and the cursor, at its own depth
};

struct Standing {
  enum class In { code, comment, string };
  In in = In::code;
  size_t text_begin = 0;  // of the comment or string, behind its opening quotes
  char quote = 0;
  std::vector<OpenBracket> open;  // outermost first; at most kMaxOpen
};

constexpr size_t kMaxOpen = 200;

Standing standing_at(std::string_view text, size_t offset, const Writing& writing);

// Behind the list that starts at the bracket: the parts between the commas and whether it closes
// before `end`.
struct ListParts {
  std::vector<std::pair<size_t, size_t>> parts;  // trimmed; begin and end in the text
  size_t close = 0;                              // of the closing bracket
  bool closed = false;
};
ListParts list_parts_at(std::string_view text, size_t open, size_t end, const Writing& writing);

bool is_name_letter(char c, const Writing& writing);
// Where the name that ends at the offset begins: the offset itself when none does.
size_t name_begin(std::string_view text, size_t offset, const Writing& writing);
size_t name_end(std::string_view text, size_t offset, const Writing& writing);
std::string_view line_before(std::string_view text, size_t offset);  // up to the offset
bool ends_with(std::string_view text, std::string_view what);
bool ends_with_word(std::string_view text, std::string_view word);  // a whole word
size_t blank_begin(std::string_view text, size_t offset);  // of the blanks and lines that end there
// The operator that ends at the offset, "" when none does.
std::string_view member_operator_before(std::string_view text, size_t offset,
                                        const Writing& writing);

// a.b(x)[0].c as steps from the left. Bounded: kMaxSteps; what is longer is not followed.
struct ExpressionStep {
  enum class Kind {
    name,     // the first name, or a member by `member_operator`
    call,     // (…) behind what is before it
    element,  // […]
    string,   // a literal
    group,    // (…) that is no call: what is inside
    other,    // a list, a dictionary, a number: nothing is known of it
  };
  Kind kind = Kind::name;
  std::string_view text;             // the name; what is inside of a group
  std::string_view member_operator;  // in front of a name; empty for the first step
  size_t begin = 0, end = 0;         // in the text
};
std::vector<ExpressionStep> expression_before(std::string_view text, size_t end,
                                              const Writing& writing);

}  // namespace engramd::repoindex
