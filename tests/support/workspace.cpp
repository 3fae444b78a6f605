#include "tests/support/workspace.h"

#include <stdexcept>

#include "base/process.h"
#include "base/text.h"

namespace engramd::test {
namespace {

TemporaryFolder make_folder() {
  auto folder = TemporaryFolder::make("engramd-test");
  if (!folder) throw std::runtime_error(folder.error().message);
  return std::move(*folder);
}

}  // namespace

Workspace::Workspace(std::string_view text) : folder_(make_folder()) {
  constexpr std::string_view kHeader = "//- /";
  constexpr std::string_view kCursor = "<|>";
  bool with_git = false;
  std::string name, body;
  const auto finish = [&] {
    if (name.empty()) return;
    if (const size_t at = body.find(kCursor); at != std::string::npos) {
      body.erase(at, kCursor.size());
      cursor_ = Cursor{name, at};
    }
    write(name, body);
    body.clear();
  };
  size_t begin = 0;
  while (begin < text.size()) {
    size_t end = text.find('\n', begin);
    end = end == std::string_view::npos ? text.size() : end + 1;
    const std::string_view line = text.substr(begin, end - begin);
    if (line.substr(0, kHeader.size()) == kHeader) {
      finish();
      name = std::string(trim(line.substr(kHeader.size())));
    } else if (name.empty()) {
      if (trim(line) == "#init git") with_git = true;
    } else {
      body += line;
    }
    begin = end;
  }
  finish();
  if (with_git) {
    git({"init", "-q", "-b", "main"});
    git({"add", "-A"});
    git({"commit", "-q", "--allow-empty", "-m", "first"});
  }
}

const Cursor& Workspace::cursor() const {
  if (!cursor_) throw std::runtime_error("the workspace text has no <|> mark");
  return *cursor_;
}

std::string Workspace::read(std::string_view relative) const {
  auto text = read_file(path(relative));
  if (!text) throw std::runtime_error(text.error().message);
  return *text;
}

void Workspace::write(std::string_view relative, std::string_view text) const {
  if (auto written = write_file_atomic(path(relative), text); !written)
    throw std::runtime_error(written.error().message);
}

std::string Workspace::git(std::initializer_list<std::string> arguments) const {
  ProcessOptions options;
  options.argv = {"git",
                  "-c",
                  "user.name=test",
                  "-c",
                  "user.email=test@example.invalid",
                  "-c",
                  "commit.gpgsign=false"};
  options.argv.insert(options.argv.end(), arguments);
  options.cwd = root();
  auto result = run_process(options);
  if (!result) throw std::runtime_error(result.error().message);
  if (!result->ok()) throw std::runtime_error("git failed: " + result->stderr_text);
  return result->stdout_text;
}

std::filesystem::path fixtures() {
  return std::filesystem::path(ENGRAMD_SOURCE_DIR) / "tests/fixtures";
}

}  // namespace engramd::test
