#include "repoindex/git/quoting.h"

namespace engramd::repoindex {

bool unquote_c_style(std::string_view* text, std::string* out) {
  for (size_t i = 1; i < text->size(); ++i) {
    char c = (*text)[i];
    if (c == '"') {
      text->remove_prefix(i + 1);
      return true;
    }
    if (c == '\\' && i + 1 < text->size()) {
      c = (*text)[++i];
      constexpr std::string_view kLetters = "abfnrtv", kMeant = "\a\b\f\n\r\t\v";
      if (const size_t at = kLetters.find(c); at != std::string_view::npos) {
        c = kMeant[at];
      } else if (c >= '0' && c <= '3' && i + 2 < text->size()) {
        c = static_cast<char>((c - '0') * 64 + ((*text)[i + 1] - '0') * 8 + ((*text)[i + 2] - '0'));
        i += 2;
      }
    }
    *out += c;
  }
  return false;
}

}  // namespace engramd::repoindex
