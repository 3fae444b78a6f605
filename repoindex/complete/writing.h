// repoindex/complete/writing.h - how a language is written, as far as typing has to know it: what
// is a comment or a string, what stands between a receiver and a member, how parameters and named
// arguments look. One row per language, in writing.cpp. Constants: any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace engramd::repoindex {

enum class ParameterStyle : unsigned char {
  name_first,  // x: int = 1, x Int, x
  type_first,  // const int* x = 1
};

struct Writing {
  std::string_view language;
  std::vector<std::string_view> line_comments;
  std::string_view block_open, block_close;
  bool nested_blocks = false;            // /* /* */ */
  std::string_view quotes = "\"";        // open a string that ends on its line
  std::string_view long_quotes;          // open a string that may go on over lines
  bool triple_quotes = false;            // """ and, where ' is a quote, '''
  bool characters = false;               // ' holds one character: 'a'. What does not is no text
  std::string_view interpolation;        // opens code inside a string: "${"
  std::string_view prefix_interpolates;  // "f": f"{code}"
  std::vector<std::string_view> member_operators = {"."};
  std::string_view extra_letters;  // belong to names: "$"
  bool indented = false;           // blocks are what is further right
  // A bare name in a class means a member of it: C++, Java; not Python.
  bool members_by_bare_name = false;
  ParameterStyle parameters = ParameterStyle::name_first;
  std::string_view argument_name_end;  // behind the name of a named argument: "=", ":"
  // Left out of the parameters that a call gives: self, &self.
  std::vector<std::string_view> implicit_parameters;
  // A function that is chosen is nearly always called: its brackets are written along.
  bool call_snippets = false;
  // In front of a call that makes an object.
  std::string_view construct_keyword;
  // Names that every file sees and no file of the project defines.
  std::vector<std::string_view> predefined;
  // Keywords of the grammar that begin or belong to no statement a person types, and words that are
  // typed like keywords though the grammar knows them as something else.
  std::vector<std::string_view> more_keywords;
};

// The row of the language; one that says as much as most languages share when there is none.
const Writing& writing_of(std::string_view language);

}  // namespace engramd::repoindex
