// repoindex/git/quoting.h - git's double-quoted names, as in attribute files and blame.
#pragma once

#include <string>
#include <string_view>

namespace engramd::repoindex {

// text begins with a double quote: out gets what is meant, text is moved behind the closing quote.
// False when there is none.
bool unquote_c_style(std::string_view* text, std::string* out);

}  // namespace engramd::repoindex
