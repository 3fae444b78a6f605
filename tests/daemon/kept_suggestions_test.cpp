// Ghost text that is typed along, accepted in parts, and withdrawn.
#include <atomic>
#include <catch2/catch.hpp>

#include "daemon/completion/kept_suggestions.h"
#include "tests/daemon/editor.h"

using namespace engramd;
using namespace engramd::test;
using daemon::KeptSuggestions;

namespace {

// Suggests the same text wherever it is asked; says how often it was asked.
struct Suggester {
  std::string text;
  std::atomic<int> n_asked{0};
  EditorOptions options() {
    EditorOptions out;
    out.ports.complete =
        [this](const daemon::CompletionQuery& query,
               const CancelToken&) -> Result<std::vector<daemon::CompletionSuggestion>> {
      ++n_asked;
      return std::vector<daemon::CompletionSuggestion>{{text, {query.offset, query.offset}}};
    };
    return out;
  }
};

std::string suggested(Editor& editor, int line, int character, int trigger = 2) {
  json params = editor.at("a.py", line, character);
  params["context"] = {{"triggerKind", trigger}};
  const json items = editor.ask("textDocument/inlineCompletion", params)["items"];
  return items.empty() ? "" : items[0]["insertText"].get<std::string>();
}

}  // namespace

TEST_CASE("what is typed along a suggestion is answered without the model") {
  const Workspace workspace("//- /a.py\nx = 1\ny\n");
  Suggester suggester{" = run(a)\nz = 2", {}};
  Editor editor(workspace, suggester.options());
  editor.open("a.py");
  CHECK(suggested(editor, 1, 1) == " = run(a)\nz = 2");
  editor.edit("a.py", 2, {1, 1, 1, 1}, " ");
  CHECK(suggested(editor, 1, 2) == "= run(a)\nz = 2");
  editor.edit("a.py", 3, {1, 2, 1, 2}, "= ");
  CHECK(suggested(editor, 1, 4) == "run(a)\nz = 2");
  CHECK(suggester.n_asked == 1);

  SECTION("a word that is accepted is typed along") {
    editor.edit("a.py", 4, {1, 4, 1, 4}, "run");
    CHECK(suggested(editor, 1, 7) == "(a)\nz = 2");
    CHECK(suggester.n_asked == 1);
  }
  SECTION("so is a line") {
    editor.edit("a.py", 4, {1, 4, 1, 4}, "run(a)\n");
    CHECK(suggested(editor, 2, 0) == "z = 2");
    CHECK(suggester.n_asked == 1);
  }
  SECTION("all of it leaves nothing: the model goes on") {
    editor.edit("a.py", 4, {1, 4, 1, 4}, "run(a)\nz = 2");
    CHECK(suggested(editor, 2, 5) == " = run(a)\nz = 2");
    CHECK(suggester.n_asked == 2);
  }
  SECTION("another letter asks the model, and going back finds the suggestion made there") {
    editor.edit("a.py", 4, {1, 4, 1, 4}, "q");
    CHECK(suggested(editor, 1, 5) == " = run(a)\nz = 2");
    CHECK(suggester.n_asked == 2);
  }
  SECTION("an edit elsewhere asks the model") {
    editor.edit("a.py", 4, {0, 0, 0, 0}, "#");
    CHECK(suggested(editor, 1, 4) == " = run(a)\nz = 2");
    CHECK(suggester.n_asked == 2);
  }
  SECTION("who asks by hand gets the model's answer") {
    CHECK(suggested(editor, 1, 4, 1) == " = run(a)\nz = 2");
    CHECK(suggester.n_asked == 2);
  }
}

TEST_CASE("an outdated completion shows in the status how long the engine went on") {
  const Workspace workspace("//- /a.py\nx = 1\n");
  EditorOptions options;
  std::atomic<int> n_begun{0};
  options.ports.complete =
      [&](const daemon::CompletionQuery&,
          const CancelToken& cancel) -> Result<std::vector<daemon::CompletionSuggestion>> {
    ++n_begun;
    while (!cancel.cancelled()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return fail(ErrorCode::cancelled, "cancelled");
  };
  Editor editor(workspace, options);
  editor.open("a.py");
  json params = editor.at("a.py", 0, 1);
  params["context"] = {{"triggerKind", 2}};
  const int outdated = editor.begin("textDocument/inlineCompletion", params);
  while (n_begun < 1) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  editor.edit("a.py", 2, {0, 0, 0, 0}, "y");
  CHECK(editor.end(outdated)["result"]["items"].empty());
  const auto heard = [&] {
    const json status = json::parse(editor.services().status_json());
    for (const json& row : status["methods"]) {
      if (row["method"] == "textDocument/inlineCompletion, until a cancel is heard")
        return row["count"] == 1;
    }
    return false;
  };
  for (int i = 0; i < 2000 && !heard(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  CHECK(heard());
}

TEST_CASE("suggestions are kept for the text they were made for, and not too many") {
  KeptSuggestions kept;
  kept.keep("a", "one two", 3, {" and", " an", " or"});
  CHECK(kept.rest("a", "one a two", 5) == std::vector<std::string>{"nd", "n"});
  CHECK(kept.rest("a", "one two", 3) == std::vector<std::string>{" and", " an", " or"});
  CHECK(kept.rest("a", "ona a two", 5).empty());  // before it
  CHECK(kept.rest("a", "one a twx", 5).empty());  // behind it
  CHECK(kept.rest("a", "one a two", 4).empty());  // not at the end of what was typed
  CHECK(kept.rest("a", "on", 2).empty());
  CHECK(kept.rest("b", "one a two", 5).empty());
  kept.keep("a", "one two", 3, {});
  CHECK(kept.rest("a", "one two", 3).empty());
  for (size_t i = 0; i < 3 * KeptSuggestions::kMaxDocuments; ++i)
    kept.keep(std::to_string(i), "x", 1, {"y"});
  CHECK(kept.rest("0", "x", 1).empty());
  CHECK(kept.rest(std::to_string(3 * KeptSuggestions::kMaxDocuments - 1), "x", 1).size() == 1);
  kept.keep("long", "x", 1, {std::string(KeptSuggestions::kMaxTyped + 1, 'y')});
  CHECK(kept.rest("long", "x", 1).empty());
}
