#include "lsp/uri.h"

#include <cctype>

namespace engramd::lsp {
namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string shown(std::string_view uri) {
  return "'" + std::string(uri.substr(0, 200)) + (uri.size() > 200 ? "...'" : "'");
}

}  // namespace

Result<std::filesystem::path> path_of_uri(std::string_view uri) {
  constexpr std::string_view kScheme = "file://";
  if (uri.substr(0, kScheme.size()) != kScheme)
    return fail(ErrorCode::invalid_input, "uri " + shown(uri) + ", expected file:///...");
  std::string_view rest = uri.substr(kScheme.size());
  constexpr std::string_view kLocal = "localhost";
  if (rest.substr(0, kLocal.size()) == kLocal) rest.remove_prefix(kLocal.size());
  if (rest.empty() || rest.front() != '/')
    return fail(ErrorCode::invalid_input,
                "uri " + shown(uri) + " names a host, expected a local file");
  rest = rest.substr(0, rest.find_first_of("?#"));
  std::string path;
  path.reserve(rest.size());
  for (size_t i = 0; i < rest.size(); ++i) {
    if (rest[i] != '%') {
      path += rest[i];
      continue;
    }
    const int high = i + 2 < rest.size() ? hex_value(rest[i + 1]) : -1;
    const int low = i + 2 < rest.size() ? hex_value(rest[i + 2]) : -1;
    const int value = high * 16 + low;
    if (high < 0 || low < 0 || value == 0)
      return fail(ErrorCode::invalid_input, "uri " + shown(uri) + " has a broken % escape");
    path += static_cast<char>(value);
    i += 2;
  }
  std::filesystem::path normal = std::filesystem::path(path).lexically_normal();
  // A trailing slash would make "/a/b/" and "/a/b" two workspaces.
  if (normal.has_relative_path() && !normal.has_filename()) normal = normal.parent_path();
  return normal;
}

std::string uri_of_path(const std::filesystem::path& path) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out = "file://";
  for (const char c : path.string()) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) || std::string_view("/-._~").find(c) != std::string_view::npos) {
      out += c;
    } else {
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  return out;
}

}  // namespace engramd::lsp
