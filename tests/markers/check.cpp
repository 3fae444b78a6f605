#include "tests/markers/check.h"

#include <catch2/catch.hpp>

#include "tests/markers/client.h"
#include "tests/markers/verbs.h"

namespace engramd::test {
namespace {

constexpr const char* kShift = "é\U0001F600ñ";

std::string workspace_text(const MarkedText& marked) {
  std::string text = marked.with_git ? "#init git\n" : "";
  for (const auto& [path, body] : marked.files) {
    text += "//- /" + path + "\n" + body;
    if (!body.empty() && body.back() != '\n') text += "\n";
  }
  return text;
}

std::string answer(Run& run, const Question& question) {
  for (const VerbRow& row : kVerbs) {
    if (question.verb != row.name) continue;
    try {
      return row.verb(run, question);
    } catch (const std::exception& error) {
      return std::string("  ") + error.what() + "\n";
    }
  }
  return "  no verb is called " + question.verb + "\n";
}

void ask_all(const MarkedText& marked, const Workspace& workspace, Editor& editor,
             const std::string& encoding, std::vector<std::string>& wrong) {
  if (editor.initialize_result()["capabilities"]["positionEncoding"] != encoding)
    wrong.push_back("the session is not in " + encoding + "\n");
  Run run(marked, workspace, editor, encoding);
  for (const Question& question : marked.questions) {
    const std::string found = answer(run, question);
    if (!found.empty()) wrong.push_back("--- in " + encoding + ": " + question.line + "\n" + found);
  }
  for (const auto& [path, body] : marked.files) run.close(path);
}

}  // namespace

std::vector<std::string> wrong_answers(const char* text) {
  std::vector<std::string> wrong;
  // The second encoding depends on the text alone, so that a failure comes again.
  const std::string other = std::string_view(text).size() % 2 == 0 ? "utf-8" : "utf-32";
  for (const char* shift : {"", kShift}) {
    const MarkedText marked = read_marked_text(text, shift);
    if (*shift && !marked.has_shift) break;
    if (marked.questions.empty()) throw std::runtime_error("the text asks nothing");
    const Workspace workspace(workspace_text(marked));
    Editor first(workspace, options_for(marked, "utf-16"));
    ask_all(marked, workspace, first, "utf-16", wrong);
    Editor second(first, workspace, options_for(marked, other));
    ask_all(marked, workspace, second, other, wrong);
  }
  return wrong;
}

void check(const char* text) {
  std::string wrong;
  for (const std::string& one : wrong_answers(text)) wrong += one;
  if (!wrong.empty()) FAIL_CHECK(text << "\n" << wrong);
  CHECK(wrong.empty());
}

}  // namespace engramd::test
