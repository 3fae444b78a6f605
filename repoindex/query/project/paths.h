// repoindex/query/project/paths.h - paths relative to the root, as text: no disk. Any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace engramd::repoindex {

std::string parent_path(std::string_view path);  // "" at the top
std::string_view base_name(std::string_view path);
std::string joined_path(std::string_view folder, std::string_view rest);
// "a/./b/../c" without its dots; nothing when it leads out of the root.
std::optional<std::string> normal_path(std::string_view path);
bool ends_with_path(std::string_view path, std::string_view suffix);  // whole components
bool is_below(std::string_view path, std::string_view folder);        // "" holds everything
// The folder of the path, then every folder above it, down to "".
std::vector<std::string> folders_up(std::string_view path);
size_t shared_prefix(std::string_view a, std::string_view b);
size_t shared_folders(std::string_view a, std::string_view b);  // leading ones
std::string_view extension_of(std::string_view path);           // without the dot

}  // namespace engramd::repoindex
