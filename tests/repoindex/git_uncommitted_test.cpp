// What was changed since the last commit: which lines, and what a cursor's window shows of it.
#include <algorithm>
#include <catch2/catch.hpp>

#include "repoindex/context.h"
#include "repoindex/git/uncommitted.h"
#include "repoindex/snapshot.h"
#include "tests/repoindex/git_stories.h"

using namespace engramd;
using namespace engramd::repoindex;
using namespace engramd::repoindex::stories;
using engramd::test::Workspace;
namespace fs = std::filesystem;

namespace {

View view_of(const fs::path& root, std::string revision = {}) {
  IndexOptions options;
  options.use_cache = false;
  options.revision = std::move(revision);
  auto index = RepoIndex::open(root, options);
  REQUIRE(index);
  REQUIRE((*index)->refresh());
  View view{(*index)->snapshot(), nullptr};
  auto found = find_uncommitted(*view.snapshot);
  REQUIRE(found);
  view.uncommitted = *found;
  return view;
}

// "a.py 1-2 9-9" for lines 1 and 2 and 9, counted from 1.
std::vector<std::string> told(const View& view) {
  std::vector<std::string> out;
  for (const UncommittedFile& file : view.uncommitted->files) {
    std::string line = file.path;
    for (const LineSpan& span : file.lines)
      line += " " + std::to_string(span.first + 1) + "-" + std::to_string(span.first + span.n);
    out.push_back(line);
  }
  return out;
}

using Told = std::vector<std::string>;

std::string shown(const View& view, const std::string& path) {
  const auto window = window_at(view, path, 0, approximate_tokens, Budget{1000});
  REQUIRE(window);
  std::string all;
  for (const WindowPart& part : window->parts)
    if (part.kind == PartKind::edited) all += "[" + part.why + "]\n" + part.text;
  return all;
}

}  // namespace

TEST_CASE("uncommitted: changed, added and new lines, the youngest file first; no removed ones") {
  Workspace ws(
      "#init git\n//- /a.py\na = 1\nb = 2\nc = 3\nd = 4\n//- /b.py\nx = 1\ny = 2\n"
      "//- /same.py\ns = 1\n//- /.gitignore\n*.log\n");
  CHECK(told(view_of(ws.root())).empty());
  ws.write("a.py", "a = 1\nb = 20\nc = 3\nd = 4\ne = 5\nf = 6\n");
  ws.write("b.py", "x = 1\n");
  ws.write("new.py", "n = 1\nm = 2");
  ws.write("made.log", "noise\n");
  make_old(ws.path("a.py"), 50);
  CHECK(told(view_of(ws.root())) == Told{"new.py 1-2", "a.py 2-2 5-6"});
  // Added to the index is not committed.
  ws.git({"add", "-A"});
  CHECK(told(view_of(ws.root())) == Told{"new.py 1-2", "a.py 2-2 5-6"});
  ws.git({"commit", "-q", "-m", "two"});
  CHECK(told(view_of(ws.root())).empty());
}

TEST_CASE("uncommitted: a root below the top, a moved file, and roots that have no commits") {
  Workspace ws("#init git\n//- /lib/a.py\na = 1\n//- /lib/deep/b.py\nb = 1\n//- /z.py\nz = 1\n");
  ws.write("lib/deep/b.py", "b = 2\n");
  ws.write("z.py", "z = 2\n");
  CHECK(told(view_of(ws.path("lib"))) == Told{"deep/b.py 1-1"});
  CHECK(told(view_of(ws.root(), "HEAD")).empty());
  ws.git({"checkout", "-q", "--", "."});
  ws.git({"mv", "z.py", "y.py"});
  CHECK(told(view_of(ws.root())) == Told{"y.py 1-1"});

  Workspace plain("//- /a.py\na = 1\n");
  CHECK(told(view_of(plain.root())).empty());
  plain.git({"init", "-q", "."});
  CHECK(told(view_of(plain.root())).empty());
}

TEST_CASE("uncommitted: what a filter or a line end conversion makes is nobody's change") {
  Workspace ws("#init git\n//- /.gitattributes\n*.py ident\n//- /a.py\nx = '$Id$'\n");
  fs::remove(ws.path("a.py"));
  ws.git({"checkout", "-q", "--", "a.py"});
  REQUIRE(ws.read("a.py").find("$Id: ") != std::string::npos);
  CHECK(told(view_of(ws.root())).empty());
}

TEST_CASE("uncommitted: a window shows what was saved elsewhere, unless it was edited further") {
  Workspace ws(
      "#init git\n//- /a.py\nimport os\n\n\n\n\n\n\n\n\n\n\n\nlast = 1\n"
      "//- /main.py\nimport a\n");
  ws.write("a.py", "import os\n\n\n\n\n\ndef fresh_helper(x):\n    return x\n\n\n\n\nlast = 1\n");
  View view = view_of(ws.root());
  CHECK(shown(view, "main.py").find("def fresh_helper(x):\n    return x\n") != std::string::npos);
  CHECK(shown(view, "main.py").find("since the last commit") != std::string::npos);
  CHECK(shown(view, "main.py").find("last = 1") == std::string::npos);
  CHECK(shown(view, "a.py").empty());  // the cursor's own file is seen anyway

  // Open and as saved: still shown. Edited further: what is not saved is shown instead.
  auto overlay = std::make_shared<Overlay>();
  (*overlay)["a.py"] = Document::open("a.py", ws.read("a.py"), 1)->publish();
  view.overlay = overlay;
  CHECK(shown(view, "main.py").find("fresh_helper") != std::string::npos);
  overlay = std::make_shared<Overlay>();
  (*overlay)["a.py"] =
      Document::open("a.py", "import os\nunsaved = 1\n" + ws.read("a.py"), 2)->publish();
  view.overlay = overlay;
  CHECK(shown(view, "main.py").find("unsaved = 1") != std::string::npos);
  CHECK(shown(view, "main.py").find("since the last commit") == std::string::npos);
}

TEST_CASE("uncommitted: a secret that was saved is not shown") {
  Workspace ws("#init git\n//- /a.py\nx = 1\n//- /main.py\nimport a\n");
  ws.write("a.py", "x = 1\napi_key = \"sk-abcdefghijklmnopqrstuvwxyz0123456789\"\nvalue = 2\n");
  const std::string text = shown(view_of(ws.root()), "main.py");
  CHECK(text.find("value = 2") != std::string::npos);
  CHECK(text.find("sk-abc") == std::string::npos);
}
