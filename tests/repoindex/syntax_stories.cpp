#include "tests/repoindex/syntax_stories.h"

#include <stdexcept>

namespace engramd::repoindex::test {

Opened opened(const std::string& path, std::string_view text) {
  Opened out;
  auto document = Document::open(path, std::string(text), 1);
  auto overlay = std::make_shared<Overlay>();
  (*overlay)[path] = document->publish();
  out.view.overlay = std::move(overlay);
  auto file = syntax_file(out.view, path, WithTree::yes);
  if (!file) throw std::runtime_error(path + " cannot be read");
  out.file = std::move(*file);
  return out;
}

std::string without_cursor(std::string_view text, size_t* offset) {
  const size_t at = text.find("<|>");
  if (at == std::string_view::npos) throw std::runtime_error("the text has no <|>");
  *offset = at;
  return std::string(text.substr(0, at)) + std::string(text.substr(at + 3));
}

std::string text_of(const SyntaxFile& file, const ByteRange& range) {
  return file.text->substr(range.begin, range.size());
}

}  // namespace engramd::repoindex::test
