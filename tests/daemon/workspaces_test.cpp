// An editor that watches no files still gets answers of the present.
#include <catch2/catch.hpp>
#include <thread>

#include "base/thread_pool.h"
#include "daemon/session/workspaces.h"
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

TEST_CASE("what is saved and not committed is known a moment later, until it is committed") {
  const Workspace workspace("#init git\n//- /a.py\nx = 1\n//- /b.py\ny = 1\n");
  ThreadPool pool(1, 16);
  repoindex::IndexOptions options;
  options.use_cache = false;
  daemon::WorkspaceRegistry registry(pool, options);
  auto index = *registry.open(workspace.root());
  const auto wait_for = [&](size_t n_files) {
    for (int i = 0; i < 1000 && index->uncommitted()->files.size() != n_files; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return index->uncommitted();
  };
  index->refresh({});
  workspace.write("b.py", "y = 1\nz = 2\n");
  index->changed({"b.py"});
  const auto found = wait_for(1);
  REQUIRE(found->files.size() == 1);
  CHECK(found->files[0].path == "b.py");
  REQUIRE(found->files[0].lines.size() == 1);
  CHECK(found->files[0].lines[0].first == 1);
  workspace.git({"commit", "-q", "-a", "-m", "two"});
  index->refresh({});
  CHECK(wait_for(0)->files.empty());
  registry.stop();
}
