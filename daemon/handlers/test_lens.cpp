#include "daemon/handlers/test_lens.h"

#include <algorithm>

#include "base/text.h"
#include "repoindex/index.h"

namespace engramd::daemon {
namespace {

using repoindex::SymbolHit;
using repoindex::SymbolKind;

bool starts_with(std::string_view text, std::string_view with) {
  return text.substr(0, with.size()) == with;
}
bool ends_with(std::string_view text, std::string_view with) {
  return text.size() >= with.size() && text.substr(text.size() - with.size()) == with;
}
std::string_view file_name(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}
std::string folder_of(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? "" : std::string(path.substr(0, slash));
}

// Paths and names go into a command line.
bool is_plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return isalnum(static_cast<unsigned char>(c)) ||
           std::string_view("_-./").find(c) != std::string_view::npos;
  });
}

std::string python_test(const std::string& path, const SymbolHit& hit) {
  const std::string_view file = file_name(path);
  if (!starts_with(file, "test_") && !ends_with(file, "_test.py")) return {};
  const bool test_class =
      hit.symbol.kind == SymbolKind::class_ && hit.container.empty() &&
      (starts_with(hit.symbol.name, "Test") || ends_with(hit.symbol.name, "Test") ||
       ends_with(hit.symbol.name, "Tests"));
  const bool test_function = hit.symbol.kind != SymbolKind::class_ &&
                             starts_with(hit.symbol.name, "test") &&
                             hit.container.find('.') == std::string::npos;
  if (!test_class && !test_function) return {};
  const std::string around = hit.container.empty() ? "" : hit.container + "::";
  return "python3 -m pytest " + path + "::" + around + hit.symbol.name;
}

std::string go_test(const std::string& path, const SymbolHit& hit) {
  if (!ends_with(path, "_test.go") || hit.symbol.kind != SymbolKind::function) return {};
  if (!starts_with(hit.symbol.name, "Test") || hit.symbol.name == "TestMain") return {};
  return "go test -run ^" + hit.symbol.name + "$ ./" + folder_of(path);
}

// #[test] in one of the lines above; other attributes may stand between.
std::string rust_test(std::string_view text, const SymbolHit& hit) {
  if (hit.symbol.kind != SymbolKind::function) return {};
  size_t at = std::min<size_t>(hit.symbol.name_begin, text.size());
  for (int n = 0; n < 6; ++n) {
    const size_t end = at == 0 ? std::string_view::npos : text.rfind('\n', at - 1);
    if (end == std::string_view::npos) return {};
    const size_t begin = end == 0 ? 0 : text.rfind('\n', end - 1) + 1;
    const std::string_view line = trim(text.substr(begin, end - begin));
    if (!starts_with(line, "#[")) return {};
    if (line == "#[test]" || line == "#[tokio::test]") return "cargo test " + hit.symbol.name;
    at = begin;
  }
  return {};
}

}  // namespace

std::string test_command(const std::string& path, std::string_view text, const SymbolHit& hit) {
  if (!is_plain(path) || !is_plain(hit.symbol.name) || !is_plain(hit.container)) return {};
  const std::string language = repoindex::language_of(path);
  if (language == "python") return python_test(path, hit);
  if (language == "go") return go_test(path, hit);
  if (language == "rust") return rust_test(text, hit);
  return {};
}

}  // namespace engramd::daemon
