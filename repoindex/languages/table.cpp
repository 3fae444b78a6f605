#include <algorithm>

#include "repoindex/languages/language.h"

namespace engramd::repoindex {

// The build lists the folders beside this file: one ENGRAMD_LANGUAGE(folder) each.
namespace rows {
#define ENGRAMD_LANGUAGE(folder) extern const Language folder;
#include "language_rows.inc"
#undef ENGRAMD_LANGUAGE
}  // namespace rows

namespace {
constexpr const Language* kLanguages[] = {
#define ENGRAMD_LANGUAGE(folder) &rows::folder,
#include "language_rows.inc"
#undef ENGRAMD_LANGUAGE
};

bool contains(const std::vector<std::string_view>& list, std::string_view item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

std::string_view interpreter_of(std::string_view text) {
  if (text.substr(0, 2) != "#!") return {};
  std::string_view line = trim(text.substr(2, std::min<size_t>(text.find('\n'), 200) - 2));
  std::string_view program;
  while (!line.empty()) {  // the program, or what /usr/bin/env is told to run
    size_t end = std::min(line.find_first_of(" \t"), line.size());
    program = line.substr(0, end);
    line = trim(line.substr(end));
    size_t slash = program.rfind('/');
    if (slash != std::string_view::npos) program = program.substr(slash + 1);
    if (program != "env" && program.substr(0, 1) != "-") break;
  }
  while (!program.empty() &&
         (isdigit(static_cast<unsigned char>(program.back())) || program.back() == '.')) {
    program.remove_suffix(1);  // python3.11
  }
  return program;
}
}  // namespace

std::span<const Language* const> languages() {
  return kLanguages;
}

bool contains_kind(const std::vector<std::string_view>& kinds, std::string_view kind) {
  return contains(kinds, kind);
}

const Language* find_language(std::string_view name) {
  for (const Language* language : kLanguages) {
    if (language->name == name) return language;
  }
  for (const Language* language : kLanguages) {
    if (contains(language->other_names, name)) return language;
  }
  return nullptr;
}

const Language* language_for_path(std::string_view path, std::string_view text) {
  size_t slash = path.rfind('/');
  std::string_view file = slash == std::string_view::npos ? path : path.substr(slash + 1);
  size_t dot = file.rfind('.');
  std::string extension;
  if (dot != std::string_view::npos && dot > 0) {
    extension = std::string(file.substr(dot + 1));
    std::string exact = extension;
    for (const Language* language : kLanguages) {  // .C and .H are C++, so exact comes first
      if (contains(language->extensions, exact)) return language;
    }
    std::transform(extension.begin(), extension.end(), extension.begin(),
                   [](unsigned char c) { return static_cast<char>(tolower(c)); });
    for (const Language* language : kLanguages) {
      if (contains(language->extensions, extension)) return language;
    }
  }
  for (const Language* language : kLanguages) {
    if (contains(language->file_names, file)) return language;
  }
  std::string_view interpreter = extension.empty() ? interpreter_of(text) : std::string_view();
  if (interpreter.empty()) return nullptr;
  for (const Language* language : kLanguages) {
    if (contains(language->interpreters, interpreter)) return language;
  }
  return nullptr;
}

}  // namespace engramd::repoindex
