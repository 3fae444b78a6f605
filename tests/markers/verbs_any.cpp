// The verb for what has no verb, and the steps that change documents.
#include "tests/markers/verbs.h"

namespace engramd::test {

// ask METHOD [{params}] [/pointer]; textDocument and position are filled in where the question has
// a place. An error answer can be looked into as /error/code and /error/message.
std::string ask_any(Run& run, const Question& question) {
  std::string rest = question.argument;
  const auto word = [&rest](char end) {
    const size_t at = std::min(rest.find(end), rest.size());
    std::string out = rest.substr(0, at);
    rest.erase(0, at);
    rest.erase(0, rest.find_first_not_of(' '));
    return out;
  };
  const std::string method = word(' ');
  json params = json::object();
  if (method.rfind("textDocument/", 0) == 0) params = run.at(question);
  if (!rest.empty() && rest[0] == '{') {
    const size_t end = rest.rfind('}') + 1;
    params.update(json::parse(rest.substr(0, end)));
    rest.erase(0, end);
    rest.erase(0, rest.find_first_not_of(' '));
  }
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

std::string type_text(Run& run, const Question& question) {
  run.edit(run.place_of(question), json::parse(question.argument).get<std::string>());
  return {};
}

std::string close_document(Run& run, const Question& question) {
  run.close(question.argument.empty() ? run.path_of(question) : question.argument);
  return {};
}

}  // namespace engramd::test
