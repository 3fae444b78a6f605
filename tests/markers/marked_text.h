// tests/markers/marked_text.h - one string literal that is a workspace, with marks and questions.
//
//   //- /core.py                      a file begins; its text runs to the next such line
//   def [[:run]](): ...               a range called "run"; [[name:text]] gives it another name
//   //- /app.py
//   x = "$~"; $0run()                 $0 is the cursor; $~ becomes non-ASCII text in a second round
//   //? definition -> run             a question; what may stand here is in verbs.h
//
// Lines before the first file and lines of //? or # may say how the case is run:
//   #init git                         the workspace is a repository with one commit
//   //? client {"textDocument": ...}  merged into the capabilities of the client (null removes)
//   //? client plain                  a client that announces nothing but its encodings
//   //? lines crlf                    all files have CRLF (or cr: CR) instead of LF
//
// Several ranges may have one name: the name then means all of them. Marks are byte offsets into
// the text without marks. Plain data; a text that breaks the notation throws.
#pragma once

#include <cstddef>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace engramd::test {

// Bytes begin..end of a file.
struct Span {
  std::string path;
  size_t begin = 0, end = 0;
  auto operator<=>(const Span&) const = default;
};

struct Mark {
  std::string name;  // "$0" for the cursor
  Span span;
};

// One "//? verb[@mark] argument RELATION expected" line, taken apart.
struct Question {
  std::string line;  // as written
  std::string verb;
  std::string at;  // name of a mark, or a path; empty: the cursor
  std::string argument;
  std::string relation;  // "->", has, lacks, first, order, contains; may be empty
  std::string expected;  // all after the relation
  std::vector<std::string> expected_items() const;  // split at commas; "nothing" is no item
};

struct MarkedText {
  std::map<std::string, std::string> files;  // by path without a leading slash
  std::vector<Mark> marks;
  std::vector<Question> questions;
  nlohmann::json client;  // patch of the capabilities
  bool plain_client = false;
  bool with_git = false;
  bool has_shift = false;  // $~ occurs

  std::vector<Span> spans(const std::string& name) const;  // throws when there is none
};

// shift is what $~ becomes.
MarkedText read_marked_text(std::string_view text, std::string_view shift);

}  // namespace engramd::test
