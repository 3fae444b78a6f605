// agent/loop/step_text.h - one line about a step, for people who watch or read.
//
// Pure functions: any thread.
#pragma once

#include <map>
#include <string>

#include "agent/loop/changes.h"

namespace engramd::agent {

// "src/a.py 10-40", "\"total\"", "shop/basket.py: Basket.add": from the arguments of a call.
std::string call_text(const std::string& tool, const std::string& arguments_json);

// What a step did to the files: "src/a.py +3 -1"; several are joined. Empty: nothing.
// base: the text of the user's tree of each file that is in question.
std::string change_text(const Changes& before, const Changes& after,
                        const std::map<std::string, std::string>& base);

// Lines added and removed by a unified diff.
struct DiffSize {
  size_t n_files = 0, n_added = 0, n_removed = 0;
};
DiffSize size_of_diff(const std::string& patch);

// The first line, cut to so many bytes at a character.
std::string shortened_line(const std::string& text, size_t max_bytes);

}  // namespace engramd::agent
