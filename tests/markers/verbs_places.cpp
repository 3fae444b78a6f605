// Verbs whose answers are places: where something is, where it is used, what would be edited.
#include "tests/markers/verbs.h"

namespace engramd::test {
namespace {

std::vector<Span> spans_of(const Run& run, const json& answer) {
  std::vector<Span> spans;
  if (answer.is_null()) return spans;
  if (answer.is_object()) return {run.span_of_location(answer)};
  for (const json& location : answer) spans.push_back(run.span_of_location(location));
  return spans;
}

std::string ask_places(Run& run, const Question& question, const std::string& method,
                       const json& more = json::object()) {
  json params = run.at(question);
  params.update(more);
  return compare(question.relation, run.expected_places(question),
                 run.show(spans_of(run, run.ask(method, params))));
}

// Every edit of a WorkspaceEdit, as the place and what it becomes.
std::vector<std::string> edits_of(const Run& run, const json& edit, const std::string& usual) {
  std::vector<std::string> out;
  const auto add = [&](const std::string& uri, const json& edits) {
    for (const json& one : edits) {
      const std::string text = one.at("newText");
      out.push_back(run.show(run.span(run.path_of_uri(uri), one.at("range"))) +
                    (text == usual ? "" : " becomes " + json(text).dump()));
    }
  };
  if (edit.contains("documentChanges")) {
    for (const json& change : edit["documentChanges"])
      if (change.contains("edits")) add(change["textDocument"]["uri"], change["edits"]);
  } else if (edit.contains("changes")) {
    for (const auto& [uri, edits] : edit["changes"].items()) add(uri, edits);
  }
  return out;
}

}  // namespace

std::string ask_definition(Run& run, const Question& question) {
  return ask_places(run, question, "textDocument/definition");
}
std::string ask_declaration(Run& run, const Question& question) {
  return ask_places(run, question, "textDocument/declaration");
}
std::string ask_type_definition(Run& run, const Question& question) {
  return ask_places(run, question, "textDocument/typeDefinition");
}
std::string ask_implementation(Run& run, const Question& question) {
  return ask_places(run, question, "textDocument/implementation");
}
std::string ask_references(Run& run, const Question& question) {
  return ask_places(run, question, "textDocument/references",
                    {{"context", {{"includeDeclaration", true}}}});
}
std::string ask_uses(Run& run, const Question& question) {
  return ask_places(run, question, "textDocument/references",
                    {{"context", {{"includeDeclaration", false}}}});
}

std::string ask_search(Run& run, const Question& question) {
  constexpr std::string_view kNames = " names";
  std::string query = question.argument;
  const bool names =
      query.size() > kNames.size() && query.substr(query.size() - kNames.size()) == kNames;
  if (names) query.resize(query.size() - kNames.size());
  if (query == "\"\"") query.clear();
  json answer = run.ask("workspace/symbol", {{"query", query}});
  for (json& symbol : answer)
    if (!symbol.at("location").contains("range"))
      symbol = run.ask("workspaceSymbol/resolve", symbol);
  if (!names)
    return compare(question.relation, run.expected_places(question),
                   run.show(spans_of(run, answer)));
  std::vector<std::string> found;
  for (const json& symbol : answer)
    found.push_back(symbol_kind_name(symbol.at("kind")) + " " +
                    symbol.at("name").get<std::string>());
  return compare(question.relation, question.expected_items(), found);
}

std::string ask_rename(Run& run, const Question& question) {
  json params = run.at(question);
  params["newName"] = question.argument;
  const json answer = run.ask("textDocument/rename", params);
  return compare(
      question.relation, run.expected_places(question),
      answer.is_null() ? std::vector<std::string>{} : edits_of(run, answer, question.argument));
}

}  // namespace engramd::test
