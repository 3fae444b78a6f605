// agent/edit/parse_check.h - refusing edits that break the syntax, with words that help to mend it.
//
// With parse hosts a text reaches a grammar of this process only after a host has survived it.
// Pure functions but for the hosts: any thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "repoindex/facts.h"

namespace engramd::agent {

// "line 12: missing ')'" and the lines around it.
std::string syntax_problem(std::string_view text, const repoindex::SyntaxError& error);

// Refuses an edit that turns a text which parses into one that does not. Texts that were broken
// before may be worked on, and where the grammar is not to be trusted with a text it has no say.
Status check_still_parses(const std::string& path, std::string_view before, std::string_view after);
// The same when the facts of the new text are known.
Status check_still_parses(const std::string& path, std::string_view before, std::string_view after,
                          const repoindex::FileFacts& after_facts);

}  // namespace engramd::agent
