// An editor that watches no files still gets answers of the present.
#include <catch2/catch.hpp>
#include <thread>

#include "tests/daemon/editor.h"

using namespace engramd;
using namespace engramd::test;

namespace {

bool wait_for_symbol(Editor& editor, const std::string& name, size_t n) {
  for (int i = 0; i < 1000; ++i) {
    if (editor.ask("workspace/symbol", {{"query", name}}).size() == n) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return false;
}

size_t n_watched(Editor& editor) {
  size_t n = 0;
  for (const auto& state : editor.services().workspaces.states()) n += state.n_watched_folders;
  return n;
}

}  // namespace

TEST_CASE("files that change on disk are seen without the editor saying anything") {
  const Workspace workspace(
      "#init git\n//- /a.py\ndef first(): pass\n//- /.gitignore\nout/\n//- /sub/b.py\n");
  Editor editor(workspace);
  CHECK(wait_for_symbol(editor, "first", 1));
  workspace.write("a.py", "def second(): pass\n");
  CHECK(wait_for_symbol(editor, "second", 1));
  CHECK(wait_for_symbol(editor, "first", 0));
  workspace.write("new/deep/c.py", "def third(): pass\n");
  workspace.write("out/d.py", "def ignored(): pass\n");
  CHECK(wait_for_symbol(editor, "third", 1));
  workspace.git({"add", "-A"});
  workspace.git({"commit", "-q", "-m", "more"});
  workspace.git({"checkout", "-q", "HEAD~1"});
  CHECK(wait_for_symbol(editor, "third", 0));
  CHECK(wait_for_symbol(editor, "first", 1));
  CHECK(editor.ask("workspace/symbol", {{"query", "ignored"}}).empty());
  CHECK(n_watched(editor) > 0);
}

TEST_CASE("an editor that watches files itself costs no watches of ours, unless it declines") {
  const Workspace workspace("//- /a.py\ndef first(): pass\n");
  EditorOptions options;
  options.capabilities = {
      {"workspace", {{"didChangeWatchedFiles", {{"dynamicRegistration", true}}}}}};
  Editor watching(workspace, options);
  watching.wait_for("client/registerCapability");
  watching.wait_for_index();
  CHECK(n_watched(watching) == 0);
  // A second editor of the same folder that watches nothing: now we do.
  Editor other(watching, workspace);
  workspace.write("a.py", "def second(): pass\n");
  CHECK(wait_for_symbol(watching, "second", 1));
  CHECK(n_watched(watching) > 0);
}
