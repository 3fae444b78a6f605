// The verb for what has no verb, and the steps that change documents.
#include <algorithm>

#include "tests/markers/verbs.h"

namespace engramd::test {

namespace {

constexpr std::string_view kWithPosition[] = {"textDocument/definition",
                                              "textDocument/declaration",
                                              "textDocument/typeDefinition",
                                              "textDocument/implementation",
                                              "textDocument/references",
                                              "textDocument/documentHighlight",
                                              "textDocument/hover",
                                              "textDocument/completion",
                                              "textDocument/signatureHelp",
                                              "textDocument/prepareRename",
                                              "textDocument/rename",
                                              "textDocument/linkedEditingRange",
                                              "textDocument/moniker",
                                              "textDocument/prepareCallHierarchy",
                                              "textDocument/inlineCompletion",
                                              "textDocument/prepareTypeHierarchy"};

// What comes before the first `end` of the text, which is taken away with the blanks behind it.
std::string take_until(std::string& text, char end) {
  const size_t at = std::min(text.find(end), text.size());
  std::string out = text.substr(0, at);
  text.erase(0, at);
  text.erase(0, text.find_first_not_of(' '));
  return out;
}

std::string ask_and_look(Run& run, const Question& question, bool broken) {
  std::string rest = question.argument;
  const std::string method = take_until(rest, ' ');
  json params = json::object();
  if (method.rfind("textDocument/", 0) == 0) {
    params = run.at(question);
    if (std::find(std::begin(kWithPosition), std::end(kWithPosition), method) ==
        std::end(kWithPosition))
      params.erase("position");
  }
  if (!rest.empty() && rest[0] == '{') {
    const size_t end = rest.rfind('}') + 1;
    params.update(json::parse(rest.substr(0, end)));
    rest.erase(0, end);
    rest.erase(0, rest.find_first_not_of(' '));
  }
  if (broken) run.editor().broken();
  const json response = run.editor().end(run.editor().begin(method, params));
  const json answer =
      response.contains("error") ? json({{"error", response["error"]}}) : response.at("result");
  const json::json_pointer pointer(rest);
  const json found = answer.contains(pointer) ? answer.at(pointer) : json();
  if (question.relation == "contains" || question.relation == "lacks")
    return compare_text(question, found.is_string() ? found.get<std::string>() : found.dump());
  if (question.relation != "->") return "this verb knows no relation \"" + question.relation + "\"";
  if (found == json::parse(question.expected)) return {};
  return "  expected: " + question.expected + "\n  found: " + found.dump(2) + "\n";
}

}  // namespace

// ask METHOD [{params}] [/pointer]; textDocument and position are filled in where the method has
// them. An error answer can be looked into as /error/code and /error/message.
std::string ask_any(Run& run, const Question& question) {
  return ask_and_look(run, question, false);
}

std::string ask_wrongly(Run& run, const Question& question) {
  return ask_and_look(run, question, true);
}

std::string type_text(Run& run, const Question& question) {
  run.edit(run.place_of(question), json::parse(question.argument).get<std::string>());
  return {};
}

std::string close_document(Run& run, const Question& question) {
  run.close(question.argument.empty() ? run.path_of(question) : question.argument);
  return {};
}

}  // namespace engramd::test
