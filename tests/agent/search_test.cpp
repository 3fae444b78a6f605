// Trials of candidates: a loaded pytest that one of them ends, and a command that hangs.
#include <catch2/catch.hpp>

#include "agent/edit/text_edit.h"
#include "agent/repair/search.h"
#include "base/process.h"
#include "tests/support/workspace.h"

using namespace engramd;
using namespace engramd::agent;
using engramd::test::Workspace;

namespace {

constexpr const char* kProject = R"(
//- /calc.py
def add(a, b):
    return a - b
//- /test_calc.py
from calc import add
def test_add(): assert add(1, 2) == 3
)";
constexpr const char* kBase = "def add(a, b):\n    return a - b\n";

struct Tried {
  SearchResult found;
  std::string text_after;  // of the file in the place that was used
  size_t n_loaded = 0;     // beyond the first time
};

// The texts of calc.py, one after the other in one place.
std::optional<Tried> try_texts(const std::vector<std::string>& texts, bool may_load_again = true) {
  if (find_program("pytest").empty()) {
    WARN("skipped: no pytest");
    return std::nullopt;
  }
  const Workspace ws(kProject);
  std::vector<Workplace> places;
  auto place = Workplace::make(ws.root(), SandboxMode::automatic, {}, {});
  REQUIRE(place);
  places.push_back(std::move(*place));
  SearchOptions options;
  options.command = read_test_command("pytest -q -p no:cacheprovider");
  options.trial_wall_s = 30;
  const auto load = [&](const Workplace& at) {
    WarmPytest::Setup setup;
    setup.start_s = 60;
    auto warm = WarmPytest::start(*at.sandbox, options.command, setup);
    return warm ? std::move(*warm) : nullptr;
  };
  places[0].warm = load(places[0]);
  REQUIRE(places[0].warm);
  Tried tried;
  if (may_load_again)
    options.load_again = [&](const Workplace& at) {
      ++tried.n_loaded;
      return load(at);
    };
  std::vector<Candidate> candidates;
  for (const std::string& text : texts) {
    Candidate candidate;
    candidate.path = "calc.py";
    candidate.edit = {{0, std::string_view(kBase).size()}, text};
    candidates.push_back(candidate);
  }
  const auto accept = [](const std::string&, const std::string&) -> Result<Comparison> {
    Comparison sure;
    sure.ran = sure.run.green = true;
    sure.fixed = {"test_calc.py::test_add"};
    return sure;
  };
  tried.found = search(places, candidates, [&](const std::string& path) { return ws.read(path); },
                       accept, options, {});
  tried.text_after = places[0].tree->read("calc.py").value_or("");
  return tried;
}

std::string body(const std::string& line) {
  return "def add(a, b):\n    " + line + "\n";
}
const std::string kKillsInHot = body("import os; os.kill(os.getppid(), 9); return a - b");
const std::string kKillsInCold = "import os\nos.kill(os.getppid(), 9)\n" + body("return a - b");

bool says(const SearchResult& found, const std::string& text) {
  for (const std::string& note : found.notes)
    if (note.find(text) != std::string::npos) return true;
  return false;
}

}  // namespace

TEST_CASE("a candidate that ends the loaded pytest costs itself, not the others") {
  const auto tried =
      try_texts({kKillsInHot, body("return a * b"), kKillsInCold, body("return a + b")});
  if (!tried) return;
  REQUIRE(tried->found.passing.size() == 1);
  CHECK(tried->found.passing[0].index == 3);
  CHECK(tried->n_loaded == 2);
  CHECK(tried->found.n_hot == 4);
  CHECK(tried->found.n_cold == 2);  // what passes in place is imported anew
  CHECK(tried->found.n_plain == 2);
  CHECK(says(tried->found, "it is loaded again"));
  CHECK(tried->text_after == kBase);
}

TEST_CASE("without another one to load, plain runs go on, on the file as it was") {
  const auto tried = try_texts({kKillsInCold, "def add(a, b:\n", body("return a + b")}, false);
  if (!tried) return;
  REQUIRE(tried->found.passing.size() == 1);
  CHECK(tried->found.passing[0].index == 2);
  CHECK(tried->found.n_plain == 2);  // what does not parse is not run
  CHECK(says(tried->found, "plain test runs from there on"));
  CHECK(tried->text_after == kBase);
}

TEST_CASE("a pytest that is ended by every candidate is not loaded without end") {
  std::vector<std::string> texts;
  for (int i = 0; i < 8; ++i) {
    const std::string number = std::to_string(i);
    texts.push_back(body("import os; os.kill(os.getppid(), 9); return " + number));
  }
  texts.push_back(body("return a + b"));
  const auto tried = try_texts(texts);
  if (!tried) return;
  CHECK(tried->n_loaded == 5);
  CHECK(says(tried->found, "plain test runs from there on"));
  REQUIRE(tried->found.passing.size() == 1);
  CHECK(tried->found.passing[0].index == 8);
}

TEST_CASE("of a command that hangs, what does not end at once gets more time later") {
  const Workspace ws("//- /a.sh\nsleep 60\n");
  std::vector<Workplace> places;
  auto place = Workplace::make(ws.root(), SandboxMode::automatic, {}, {});
  REQUIRE(place);
  places.push_back(std::move(*place));
  SearchOptions options;
  options.command = read_test_command("sh a.sh");
  options.first_wall_s = 1;
  options.trial_wall_s = 20;
  options.more_s = 60;
  std::vector<Candidate> candidates;
  for (const char* text : {"sleep 3", "exit 1", "exit 0"}) {
    Candidate candidate;
    candidate.path = "a.sh";
    candidate.edit = {{0, 8}, text};
    candidates.push_back(candidate);
  }
  std::vector<std::string> accepted;
  const auto accept = [&](const std::string&, const std::string& text) -> Result<Comparison> {
    accepted.push_back(text);
    Comparison sure;
    sure.ran = sure.run.green = true;
    sure.fixed = {"sh a.sh"};
    return sure;
  };
  const SearchResult found =
      search(places, candidates, [&](const std::string& path) { return ws.read(path); }, accept,
             options, {});
  CHECK(accepted == std::vector<std::string>{"exit 0\n", "sleep 3\n"});
  CHECK(found.n_tried == 3);
  CHECK(found.n_plain == 4);
  CHECK(found.passing.size() == 2);
}
