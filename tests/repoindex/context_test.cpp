#include "repoindex/context.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>

#include "base/environment.h"
#include "base/file.h"
#include "repoindex/index.h"
#include "repoindex/locate.h"
#include "repoindex/search/secrets.h"
#include "tests/support/workspace.h"

using namespace engramd;
using namespace engramd::repoindex;
using engramd::test::Workspace;

namespace {

View view_of(const Workspace& workspace) {
  IndexOptions options;
  options.use_cache = false;
  auto index = RepoIndex::open(workspace.root(), options);
  REQUIRE(index);
  REQUIRE((*index)->refresh());
  return View{(*index)->snapshot(), nullptr};
}

size_t words(std::string_view text) {
  size_t n = 0;
  bool inside = false;
  for (char c : text) {
    const bool letter = std::isalnum(static_cast<unsigned char>(c)) || c == '_';
    n += (letter && !inside) || (!letter && c != ' ');
    inside = letter;
  }
  return n;
}

std::string rendered(const Window& window) {
  std::string text;
  for (const WindowPart& part : window.parts) {
    text += "[" + part.path + "] " + part.why + ", " + std::to_string(part.n_tokens) + " tokens\n" +
            part.text;
    if (!part.text.ends_with('\n')) text += '\n';
  }
  if (!window.path.empty()) {
    text += "[" + window.path + " before]\n" + window.prefix + "<|>\n[after]\n" + window.suffix;
    if (!text.ends_with('\n')) text += '\n';
  }
  return text + "[total] " + std::to_string(window.n_tokens) + " tokens\n";
}

size_t counted(const Window& window, const TokenCounter& count) {
  size_t n = count(window.prefix) + count(window.suffix);
  for (const WindowPart& part : window.parts) n += count(part.text);
  return n;
}

// The best files and functions with their scores, as a person reads them in a diff.
std::string rendered(const LocateResult& located) {
  std::string text;
  char line[256];
  auto add = [&](size_t rank, double score, const std::string& name) {
    std::snprintf(line, sizeof line, "%2zu. %.2f %s\n", rank, score, name.c_str());
    text += line;
  };
  for (size_t i = 0; i < located.files.size(); ++i)
    add(i + 1, located.files[i].score, located.files[i].path);
  for (size_t i = 0; i < located.functions.size(); ++i) {
    const RankedFunction& function = located.functions[i];
    add(i + 1, function.score, function.path + ": " + function.name);
  }
  return text;
}

// A golden file: "//= window BUDGET", "//= task BUDGET TEXT" or "//= ranks TEXT", a workspace,
// perhaps "//= unsaved PATH" with the text of an open document, "//= expected", text.
void check_golden(const std::filesystem::path& path) {
  const auto golden = read_file(path);
  REQUIRE(golden);
  const std::string mark = "//= expected\n";
  const size_t first_end = golden->find('\n');
  const size_t expected_at = golden->find(mark);
  REQUIRE(first_end != std::string::npos);
  REQUIRE(expected_at != std::string::npos);
  const std::string command = golden->substr(0, first_end);
  const size_t unsaved_at = std::min(golden->find("//= unsaved "), expected_at);
  const Workspace workspace(golden->substr(first_end + 1, unsaved_at - first_end - 1));
  View view = view_of(workspace);
  if (unsaved_at < expected_at) {
    const size_t text_at = golden->find('\n', unsaved_at) + 1;
    const std::string open = golden->substr(unsaved_at + 12, text_at - unsaved_at - 13);
    auto overlay = std::make_shared<Overlay>();
    (*overlay)[open] =
        Document::open(open, golden->substr(text_at, expected_at - text_at), 1)->publish();
    view.overlay = overlay;
  }
  std::string ranks;
  Result<Window> window = fail(ErrorCode::invalid_input, "unknown command " + command);
  if (command.starts_with("//= window ")) {
    const Budget budget{std::strtoul(command.c_str() + 11, nullptr, 10)};
    window = window_at(view, workspace.cursor().path, workspace.cursor().offset, words, budget);
  } else if (command.starts_with("//= task ")) {
    char* rest = nullptr;
    const Budget budget{std::strtoul(command.c_str() + 9, &rest, 10)};
    window = window_for_task(view, rest, words, budget);
  } else if (command.starts_with("//= ranks ")) {
    const auto located = locate(view, command.substr(10));
    REQUIRE(located);
    ranks = rendered(*located);
    window = Window{};
  }
  REQUIRE(window);
  const std::string got = ranks.empty() ? rendered(*window) : ranks;
  if (environment("UPDATE_GOLDEN")) {
    REQUIRE(write_file_atomic(path, golden->substr(0, expected_at + mark.size()) + got));
    return;
  }
  CHECK(got == golden->substr(expected_at + mark.size()));
}

constexpr std::string_view kProject = R"(
//- /app.py
import json
from pkg.core import Engine, run_all

def helper(x):
    return x + 1

def main(path):
    engine = Engine(path)
    for item in engine.items():
        run_all(engine, item)
        ite<|>
    return helper(3)
//- /pkg/__init__.py
//- /pkg/core.py
"""The core."""

class Engine:
    """Runs things."""

    def __init__(self, path):
        self.path = path

    def items(self):
        return open(self.path).readlines()

def run_all(engine, *items):
    """Runs every item."""
    for item in items:
        engine.run(item)
)";

}  // namespace

TEST_CASE("windows look as they did") {
  size_t n = 0;
  const std::filesystem::path folder =
      std::filesystem::path(ENGRAMD_SOURCE_DIR) / "tests" / "golden" / "context";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    CAPTURE(entry.path().filename().string());
    check_golden(entry.path());
    ++n;
  }
  CHECK(n >= 8);
}

TEST_CASE("a window never costs more than its budget, as its counter counts") {
  const Workspace workspace(kProject);
  const View view = view_of(workspace);
  const TokenCounter bytes = [](std::string_view text) { return text.size(); };
  // Adding one to every text: the sum of the pieces is more than the count of the whole.
  const TokenCounter uneven = [](std::string_view text) {
    return text.empty() ? 0 : text.size() / 3 + 1;
  };
  for (const TokenCounter& count :
       {TokenCounter(words), bytes, uneven, TokenCounter(approximate_tokens)}) {
    for (size_t budget = 0; budget < 400; budget += budget < 20 ? 1 : 7) {
      const auto window = window_at(view, "app.py", workspace.cursor().offset, count, {budget});
      REQUIRE(window);
      CHECK(counted(*window, count) <= budget);
      CHECK(window->n_tokens == counted(*window, count));
      const auto for_task =
          window_for_task(view, "run_all runs every item of the Engine", count, {budget});
      REQUIRE(for_task);
      CHECK(counted(*for_task, count) <= budget);
      CHECK(for_task->n_tokens == counted(*for_task, count));
    }
  }
}

TEST_CASE("typing a word changes nothing but the end of the prefix") {
  const Workspace workspace(kProject);
  View view = view_of(workspace);
  std::string text = workspace.read("app.py");
  size_t at = workspace.cursor().offset;
  const auto document = Document::open("app.py", text, 1);
  const auto look = [&](size_t budget) {
    auto overlay = std::make_shared<Overlay>();
    (*overlay)["app.py"] = document->publish();
    view.overlay = overlay;
    const auto window = window_at(view, "app.py", at, words, {budget});
    REQUIRE(window);
    return *window;
  };
  for (const size_t budget : {size_t{120}, size_t{400}}) {
    const Window before = look(budget);
    for (const char c : std::string("m_counter")) {
      document->edit({at, at}, std::string(1, c));
      ++at;
      const Window after = look(budget);
      CHECK(after.suffix == before.suffix);
      CHECK(after.prefix.starts_with(before.prefix));
      REQUIRE(after.parts.size() == before.parts.size());
      for (size_t i = 0; i < after.parts.size(); ++i)
        CHECK(after.parts[i].text == before.parts[i].text);
    }
  }
}

TEST_CASE("a kind of parts can be left out, and parts come in the order of their kinds") {
  const Workspace workspace(kProject);
  const View view = view_of(workspace);
  Budget budget{400};
  budget.without = 1u << static_cast<unsigned>(PartKind::definition);
  const auto without = window_at(view, "app.py", workspace.cursor().offset, words, budget);
  const auto with = window_at(view, "app.py", workspace.cursor().offset, words, {400});
  REQUIRE(without);
  REQUIRE(with);
  const auto is_definition = [](const WindowPart& part) {
    return part.kind == PartKind::definition;
  };
  CHECK(std::none_of(without->parts.begin(), without->parts.end(), is_definition));
  CHECK(std::any_of(with->parts.begin(), with->parts.end(), is_definition));
  CHECK(std::is_sorted(with->parts.begin(), with->parts.end(),
                       [](const WindowPart& a, const WindowPart& b) { return a.kind < b.kind; }));
}

TEST_CASE("the prefix ends and the suffix begins at the cursor") {
  const Workspace workspace(kProject);
  const View view = view_of(workspace);
  const std::string text = workspace.read("app.py");
  for (size_t offset = 0; offset <= text.size(); ++offset) {
    const auto window = window_at(view, "app.py", offset, words, {60});
    REQUIRE(window);
    CHECK(text.substr(0, offset).ends_with(window->prefix));
    CHECK(text.substr(offset).starts_with(window->suffix));
    // Cut at line starts unless a single line was too long.
    const size_t begin = offset - window->prefix.size();
    CHECK((begin == 0 || begin == offset || text[begin - 1] == '\n'));
  }
}

TEST_CASE("an offset past the end is the end, an unknown path an error") {
  const Workspace workspace(kProject);
  const View view = view_of(workspace);
  const auto window = window_at(view, "pkg/core.py", 1u << 30, words, {1000});
  REQUIRE(window);
  CHECK(window->suffix.empty());
  CHECK(window->prefix == workspace.read("pkg/core.py"));
  CHECK(window_at(view, "no/such.py", 0, words, {100}).error().code == ErrorCode::not_found);
}

TEST_CASE("a file of one endless line is cut inside the line") {
  const Workspace workspace("//- /a.py\n");
  std::string line = "x = '";
  for (int i = 0; i < 20000; ++i) line += "\xC3\xA4 ";
  workspace.write("a.py", line);
  const View view = view_of(workspace);
  const auto window = window_at(view, "a.py", 20000, approximate_tokens, {100});
  REQUIRE(window);
  CHECK(window->n_tokens <= 100);
  CHECK(window->prefix.size() > 100);
  CHECK(utf8_valid(window->prefix));
}

TEST_CASE("secrets never enter a window") {
  // Put together here, so that nobody's scanner finds a key in this file.
  const std::string key = std::string("AKI") + "A" + "QX7ZP3L9VW2MN8KD";
  const std::string block = std::string("-----BEGIN RSA PRIV") + "ATE KEY-----";
  const Workspace workspace(R"(
//- /settings.py
def connect():
    return 1
//- /app.py
from settings import connect
connect()
//- /.env
A=1
)");
  workspace.write("settings.py", "def connect():\n    \"\"\"Uses it.\"\"\"\n    access = '" + key +
                                     "'\n    return access\n\nPEM = '''" + block +
                                     "\nabcdefghijk\n-----END RSA PRIV" +
                                     "ATE KEY-----'''\nother = 2\n");
  workspace.write("app.py",
                  "from settings import connect\napi_token = 'f8aZ91kQmX04bTy7Lw2e'\nconnect()\n");
  const View view = view_of(workspace);
  const std::string app = workspace.read("app.py");
  for (size_t offset = 0; offset <= app.size(); offset += 5) {
    const auto window = window_at(view, "app.py", offset, words, {2000});
    REQUIRE(window);
    const std::string text = rendered(*window);
    CHECK(text.find(key) == std::string::npos);
    CHECK(text.find("f8aZ91kQmX04") == std::string::npos);
    CHECK(text.find("abcdefghijk") == std::string::npos);
  }
  const auto for_task = window_for_task(view, "connect in settings", words, {2000});
  REQUIRE(for_task);
  CHECK(rendered(*for_task).find("connect") != std::string::npos);
  CHECK(rendered(*for_task).find(key) == std::string::npos);
  CHECK(!window_at(view, ".env", 0, words, {100}));
}

TEST_CASE("secret-looking lines are told from ordinary ones") {
  const std::string github = std::string("gh") + "p_" + "16C7e42F292c6912E7710c838347Ae178B4a";
  for (const std::string& line : std::vector<std::string>{
           "password = \"q8Zr2LxP0vKt5NwB\"", std::string("token: " + github),
           std::string("x = '" + github + "'"),
           std::string("AWS_SECRET_ACCESS_KEY=wJa1rXUtnF3MIK7MDENGbPxRfi9CYEX"),
           std::string("url = 'https://x/?api_key=a8f5f167f44f4964e6c998dee827110c'")}) {
    CAPTURE(line);
    CHECK(secret_lines(line).size() == 1);
    const auto ranges = secret_lines("a\n" + line + "\nb\n");
    REQUIRE(ranges.size() == 1);
    CHECK(ranges[0] == ByteRange{2, 2 + line.size()});  // its line end stays
  }
  for (const char* line :
       {"password = getpass.getpass()", "token = tokens[index_of_first_token + 1]",
        "sha = '0123456789'", "def test_password_reset_token_is_checked_2(self):",
        "self.assertEqual(auth.get_secret_name(), None)",
        "digest = 'da39a3ee5e6b4b0d3255bfef95601890afd80709'", "import secrets, tokenize"}) {
    CAPTURE(line);
    CHECK(secret_lines(line).empty());
  }
  CHECK(is_secret_path("deploy/id_rsa"));
  CHECK(is_secret_path(".env"));
  CHECK(!is_secret_path(".env.example"));
  CHECK(!is_secret_path("src/environment.py"));
}
