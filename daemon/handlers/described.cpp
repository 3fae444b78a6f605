#include "daemon/handlers/described.h"

#include <algorithm>

namespace engramd::daemon {

std::string fenced(const std::string& language, const std::string& text) {
  size_t longest = 0, run = 0;
  for (const char c : text) {
    run = c == '`' ? run + 1 : 0;
    longest = std::max(longest, run);
  }
  const std::string fence(std::max<size_t>(3, longest + 1), '`');
  return fence + language + "\n" + text + "\n" + fence + "\n";
}

lsp::Markup described(bool markdown, const std::string& language, const std::string& signature,
                      const std::string& doc) {
  lsp::Markup out;
  out.markdown = markdown;
  out.text = markdown ? fenced(language, signature) : signature + "\n";
  if (!doc.empty()) out.text += "\n" + doc + "\n";
  return out;
}

}  // namespace engramd::daemon
