// tests/markers/check.h - the one function that a marker test calls.
//
// The text (marked_text.h says how it is written, verbs.h what it may ask) is a workspace on disk,
// run through a real session over JSON messages: in UTF-16, in UTF-8 or UTF-32 by turns, and, when
// it has $~, in both again with emoji and accents in these places. A question that is answered
// wrongly fails the test and prints the workspace with what was found.
#pragma once

#include <string>
#include <vector>

namespace engramd::test {

void check(const char* text);

// The same as data: one text for each question and encoding that was answered wrongly.
std::vector<std::string> wrong_answers(const char* text);

}  // namespace engramd::test
