// agent/repair/siblings.h - the same edit at the same lines close by.
//
// Pure: any thread.
#pragma once

#include <optional>
#include <string>

#include "agent/repair/candidate.h"

namespace engramd::agent {

// The text with the candidate's change made to every equal line within 40 lines of it, its own
// included; nothing when there is no other, when there are more than four, or when the edit is not
// within one line that says enough to be told from others (`return result` does not).
std::optional<std::string> at_siblings(const std::string& text, const Candidate& candidate);

}  // namespace engramd::agent
