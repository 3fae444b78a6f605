// lsp/uri.h - file URIs and paths. Pure functions, any thread.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"

namespace engramd::lsp {

// "file:///a%20b" -> "/a b"; the path is absolute and lexically normal. Another scheme, another
// host or a broken escape is invalid_input.
Result<std::filesystem::path> path_of_uri(std::string_view uri);
std::string uri_of_path(const std::filesystem::path& path);

}  // namespace engramd::lsp
