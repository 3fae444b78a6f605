// tests/support/workspace.h - one string literal is a whole project on disk.
//
//   Workspace ws(R"(
//   //- /pkg/core.py
//   def run(): ...
//   //- /app.py
//   from pkg.core import run
//   ru<|>n()
//   )");
//
// Each "//- /path" line starts a file; its text runs to the next one. The mark <|> is a cursor: it
// is removed, and its place is cursor(). "#init git" as a first line makes it a git repository with
// one commit. Files live in a temporary folder that goes with the object.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/file.h"

namespace engramd::test {

struct Cursor {
  std::string path;  // relative to the root
  size_t offset = 0;
};

class Workspace {
 public:
  explicit Workspace(std::string_view text);
  const std::filesystem::path& root() const { return folder_.path(); }
  std::filesystem::path path(std::string_view relative) const { return root() / relative; }
  const Cursor& cursor() const;  // throws when the text has no <|>
  std::string read(std::string_view relative) const;
  void write(std::string_view relative, std::string_view text) const;
  // Runs git in the root with a fixed identity; throws when it fails. Returns stdout.
  std::string git(std::initializer_list<std::string> arguments) const;

 private:
  TemporaryFolder folder_;
  std::optional<Cursor> cursor_;
};

// The folder of files that tests read: tests/fixtures.
std::filesystem::path fixtures();

}  // namespace engramd::test
