// repoindex/query/moved_spelling.h - how an import spells a file, and how it does after a move.
// Inside query/ only. Pure functions of paths: any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace engramd::repoindex {

// One file that an import leads to. All paths are relative to the root.
struct Moved {
  std::string importer, new_importer;
  std::string file, new_file;
};

// "../b/c" from a file to another; "./c" beside it.
std::string relative_path(std::string_view from_file, std::string_view to);

// The new text of a specifier that is a path; nothing: it stays, or it is not known how to say it.
std::optional<std::string> script_specifier(std::string_view written, const Moved& moved);
std::optional<std::string> include_path(std::string_view written, const Moved& moved);
// What is loaded by a path relative to the importer, with or without its extension.
std::optional<std::string> loaded_path(std::string_view written, const Moved& moved);

// A Python module: its dotted name below the folder that is searched, and that folder.
struct PythonModule {
  std::string root;
  std::string dotted;
};
// Of a file that `dotted` leads to: where the search for it began. Nothing when it does not end so.
std::optional<std::string> python_root(std::string_view file, std::string_view dotted);
// "a.b" of root/a/b.py and root/a/b/__init__.py; nothing when it is not below the root.
std::optional<std::string> python_dotted(std::string_view file, std::string_view root);
// "..a.b" with its dots; nothing when the two have no folder in common.
std::optional<std::string> python_relative(std::string_view from_file, std::string_view file);

}  // namespace engramd::repoindex
