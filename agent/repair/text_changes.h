// agent/repair/text_changes.h - what a failure says a text should have been.
//
// Tests print the text that they expected beside the one that they got. Where two such texts differ
// in one place, that place is likely wrong in a literal, too. Pure: any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace engramd::agent {

// One place in which two texts differ, with up to eight characters on both sides of it. Which of
// the two is the right one is not known.
struct TextChange {
  std::string before, one, other, after;
};

// Of quoted texts close to each other and of lines marked with - and +; at most 16.
std::vector<TextChange> text_changes(std::string_view failure);

// The texts that the change can make of this one, both ways round; empty when it does not fit.
std::vector<std::string> changed_texts(const std::string& text, const TextChange& change);

}  // namespace engramd::agent
