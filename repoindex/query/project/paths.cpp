#include "repoindex/query/project/paths.h"

#include <algorithm>

namespace engramd::repoindex {

std::string parent_path(std::string_view path) {
  size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string() : std::string(path.substr(0, slash));
}

std::string_view base_name(std::string_view path) {
  size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::string joined_path(std::string_view folder, std::string_view rest) {
  if (folder.empty()) return std::string(rest);
  if (rest.empty()) return std::string(folder);
  std::string out;
  out.reserve(folder.size() + 1 + rest.size());
  out.append(folder).append("/").append(rest);
  return out;
}

std::optional<std::string> normal_path(std::string_view path) {
  std::vector<std::string_view> parts;
  for (size_t begin = 0; begin <= path.size();) {
    size_t end = std::min(path.find('/', begin), path.size());
    std::string_view part = path.substr(begin, end - begin);
    begin = end + 1;
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      if (parts.empty()) return std::nullopt;
      parts.pop_back();
    } else {
      parts.push_back(part);
    }
  }
  std::string out;
  for (std::string_view part : parts) out = joined_path(out, part);
  return out;
}

bool ends_with_path(std::string_view path, std::string_view suffix) {
  if (path.size() < suffix.size() || path.substr(path.size() - suffix.size()) != suffix) {
    return false;
  }
  return path.size() == suffix.size() || path[path.size() - suffix.size() - 1] == '/';
}

bool is_below(std::string_view path, std::string_view folder) {
  return folder.empty() || (path.size() > folder.size() && path[folder.size()] == '/' &&
                            path.substr(0, folder.size()) == folder);
}

std::vector<std::string> folders_up(std::string_view path) {
  constexpr int kMaxFolders = 60;
  std::vector<std::string> out;
  std::string folder = parent_path(path);
  for (int i = 0; i < kMaxFolders; ++i) {
    out.push_back(folder);
    if (folder.empty()) break;
    folder = parent_path(folder);
  }
  return out;
}

size_t shared_prefix(std::string_view a, std::string_view b) {
  size_t n = 0;
  while (n < a.size() && n < b.size() && a[n] == b[n]) ++n;
  return n;
}

size_t shared_folders(std::string_view a, std::string_view b) {
  std::string_view same = a.substr(0, shared_prefix(a, b));
  return static_cast<size_t>(std::count(same.begin(), same.end(), '/'));
}

std::string_view extension_of(std::string_view path) {
  std::string_view name = base_name(path);
  size_t dot = name.rfind('.');
  return dot == std::string_view::npos ? std::string_view() : name.substr(dot + 1);
}

}  // namespace engramd::repoindex
