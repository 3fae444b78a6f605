// agent/swebench/shell.h - words for a shell, and names as git prints them.
//
// Pure functions: any thread.
#pragma once

#include <string>
#include <string_view>

namespace engramd::agent::swebench {

// One word of a shell command, whatever is in it.
std::string shell_word(std::string_view text);

// A path that git wrote in double quotes with C escapes; other text as it is.
std::string unquote_git_path(std::string_view text);

std::string replace_all(std::string text, std::string_view from, std::string_view to);

}  // namespace engramd::agent::swebench
