// repoindex/complete/habits.h - what has been written behind a word before: in this file, and in
// the files nearest to it that have the word. Says something where types say nothing (`np.`,
// `response.` of an unwritten type). Bounded; any thread.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "repoindex/view.h"

namespace engramd::repoindex {

struct Habit {
  double weight = 0;
  bool is_call = false;
};
using Habits = std::unordered_map<std::string, Habit>;

// Names written as `word.name`; word is what the facts call the receiver: "np", "make()". Names at
// the cursor itself do not count.
Habits habits_behind(const View& view, const std::string& path, const FileFacts& facts,
                     std::string_view word, size_t cursor, bool this_file_only);
// Names written behind any receiver in this file.
Habits members_in_file(const FileFacts& facts, size_t cursor);

}  // namespace engramd::repoindex
