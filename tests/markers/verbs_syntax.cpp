// Verbs about what is exact from syntax: selection, tokens, highlights, linked names, links.
#include <algorithm>
#include <stdexcept>

#include "tests/markers/verbs.h"

namespace engramd::test {

// From the innermost outwards.
std::string ask_selection(Run& run, const Question& question) {
  const json at = run.at(question);
  const std::string path = run.path_of(question);
  const json answer = run.ask(
      "textDocument/selectionRange",
      {{"textDocument", at.at("textDocument")}, {"positions", json::array({at.at("position")})}});
  std::vector<std::string> found;
  Span inner{path, 0, 0};
  for (const json* step = &answer.at(0);;) {
    const Span span = run.span(path, step->at("range"));
    if (!found.empty() && (span.begin > inner.begin || span.end < inner.end ||
                           span.end - span.begin == inner.end - inner.begin))
      throw std::runtime_error("a selection is not inside the next: " + run.show(span));
    inner = span;
    found.push_back(run.show(span));
    if (!step->contains("parent")) break;
    step = &step->at("parent");
  }
  const std::string relation = question.relation == "->" ? "order" : question.relation;
  return compare(relation, run.expected_places(question), found);
}

// "parameter x", "variable.readonly LIMIT": the type with its modifiers, and the text. With the
// argument "range" only what is asked for at the cursor's line.
std::string ask_tokens(Run& run, const Question& question) {
  const std::string path = run.path_of(question);
  const json document = run.document(path);
  const json& legend =
      run.editor().initialize_result().at("capabilities").at("semanticTokensProvider").at("legend");
  json params = {{"textDocument", document}};
  std::string method = "textDocument/semanticTokens/full";
  if (question.argument == "range") {
    json position = run.at(question).at("position");
    position["character"] = 0;
    json end = position;
    end["line"] = end["line"].get<int>() + 1;
    params["range"] = {{"start", position}, {"end", end}};
    method = "textDocument/semanticTokens/range";
  }
  const json data = run.ask(method, params).at("data");
  if (data.size() % 5 != 0) throw std::runtime_error("numbers that are no whole tokens");
  std::vector<std::string> found;
  int line = 0, character = 0;
  for (size_t i = 0; i < data.size(); i += 5) {
    line += data[i].get<int>();
    character = (data[i] == 0 ? character : 0) + data[i + 1].get<int>();
    const json start = {{"line", line}, {"character", character}};
    const json end = {{"line", line}, {"character", character + data[i + 2].get<int>()}};
    const Span span = run.span(path, {{"start", start}, {"end", end}});
    std::string token = legend.at("tokenTypes").at(data[i + 3].get<size_t>());
    for (size_t bit = 0; bit < legend.at("tokenModifiers").size(); ++bit)
      if ((data[i + 4].get<unsigned>() >> bit & 1) != 0)
        token += "." + legend["tokenModifiers"][bit].get<std::string>();
    found.push_back(token + " " + run.text(path).substr(span.begin, span.end - span.begin));
  }
  return compare(question.relation, question.expected_items(), found);
}

// All, or those of the kind that is asked for: "read" or "write".
std::string ask_highlights(Run& run, const Question& question) {
  const std::string path = run.path_of(question);
  const json answer = run.ask("textDocument/documentHighlight", run.at(question));
  std::vector<std::string> found;
  if (answer.is_array()) {
    for (const json& one : answer) {
      const std::string kind = one.value("kind", 1) == 3   ? "write"
                               : one.value("kind", 1) == 2 ? "read"
                                                           : "text";
      if (question.argument.empty() || question.argument == kind)
        found.push_back(run.show(run.span(path, one.at("range"))));
    }
  }
  return compare(question.relation, run.expected_places(question), found);
}

std::string ask_linked(Run& run, const Question& question) {
  const std::string path = run.path_of(question);
  const json answer = run.ask("textDocument/linkedEditingRange", run.at(question));
  std::vector<std::string> found;
  if (!answer.is_null())
    for (const json& range : answer.at("ranges")) found.push_back(run.show(run.span(path, range)));
  return compare(question.relation, run.expected_places(question), found);
}

// The places, or with the argument "targets" where they lead: a path of the workspace or a URL.
std::string ask_links(Run& run, const Question& question) {
  const std::string path = run.path_of(question);
  const json answer = run.ask("textDocument/documentLink", {{"textDocument", run.document(path)}});
  std::vector<std::string> places, targets;
  if (answer.is_array()) {
    for (const json& link : answer) {
      places.push_back(run.show(run.span(path, link.at("range"))));
      const std::string target = link.at("target");
      targets.push_back(target.rfind("file:", 0) == 0 ? run.path_of_uri(target) : target);
    }
  }
  if (question.argument == "targets")
    return compare(question.relation, question.expected_items(), targets);
  return compare(question.relation, run.expected_places(question), places);
}

}  // namespace engramd::test
