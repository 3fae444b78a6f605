// Verbs about one document: hover, outline, completion, folds, diagnostics.
#include <algorithm>
#include <stdexcept>

#include "tests/markers/verbs.h"

namespace engramd::test {
namespace {

std::string text_of_markup(const json& contents) {
  if (contents.is_string()) return contents;
  if (contents.is_object()) return contents.at("value");
  std::string text;
  for (const json& part : contents) text += text_of_markup(part) + "\n";
  return text;
}

// "class A{method b}", with the rules that LSP has for the ranges of a tree.
std::string outline_of(const Run& run, const std::string& path, const json& symbol,
                       const Span* around) {
  const Span whole = run.span(path, symbol.at("range"));
  const Span name = run.span(path, symbol.at("selectionRange"));
  const std::string text =
      symbol_kind_name(symbol.at("kind")) + " " + symbol.at("name").get<std::string>();
  if (name.begin < whole.begin || name.end > whole.end)
    throw std::runtime_error(text + ": selectionRange is not inside range");
  if (around && (whole.begin < around->begin || whole.end > around->end))
    throw std::runtime_error(text + ": its range is not inside that of its parent");
  std::string below;
  if (symbol.contains("children"))
    for (const json& child : symbol["children"])
      below += (below.empty() ? "" : ", ") + outline_of(run, path, child, &whole);
  return text + (below.empty() ? "" : "{" + below + "}");
}

}  // namespace

std::string symbol_kind_name(int kind) {
  static constexpr const char* kNames[] = {
      "",         "file",        "module",      "namespace", "package",   "class",    "method",
      "property", "field",       "constructor", "enum",      "interface", "function", "variable",
      "constant", "string",      "number",      "boolean",   "array",     "object",   "key",
      "null",     "enum-member", "struct",      "event",     "operator",  "type"};
  if (kind < 1 || kind >= static_cast<int>(std::size(kNames)))
    throw std::runtime_error("symbol kind " + std::to_string(kind));
  return kNames[kind];
}

std::string ask_hover(Run& run, const Question& question) {
  const json answer = run.ask("textDocument/hover", run.at(question));
  if (answer.is_null()) return compare_text(question, "");
  if (answer.contains("range")) {
    const Span at = run.place_of(question);
    const Span about = run.span(at.path, answer["range"]);
    if (at.begin < about.begin || at.begin > about.end)
      return "  the range of the hover is elsewhere: " + run.show(about) + "\n";
  }
  return compare_text(question, text_of_markup(answer.at("contents")));
}

std::string ask_symbols(Run& run, const Question& question) {
  const std::string path = run.path_of(question);
  const json answer =
      run.ask("textDocument/documentSymbol", {{"textDocument", run.document(path)}});
  std::vector<std::string> found;
  if (answer.is_array())
    for (const json& symbol : answer)
      found.push_back(symbol.contains("location") ? symbol_kind_name(symbol.at("kind")) + " " +
                                                        symbol.at("name").get<std::string>()
                                                  : outline_of(run, path, symbol, nullptr));
  return compare(question.relation == "->" ? "order" : question.relation, question.expected_items(),
                 found);
}

std::string ask_completion(Run& run, const Question& question) {
  const json answer = run.ask("textDocument/completion", run.at(question));
  json items = answer.is_object() ? answer.at("items") : answer;
  if (items.is_null()) items = json::array();
  // An editor sorts by sortText, or by the label where there is none.
  std::vector<std::pair<std::string, std::string>> sorted;
  for (const json& item : items) {
    const std::string label = item.at("label");
    sorted.emplace_back(item.value("sortText", label), label);
  }
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string> labels;
  for (const auto& [key, label] : sorted) labels.push_back(label);
  return compare(question.relation, question.expected_items(), labels);
}

std::string ask_folding(Run& run, const Question& question) {
  const json answer =
      run.ask("textDocument/foldingRange", {{"textDocument", run.document(run.path_of(question))}});
  std::vector<std::string> found;
  if (answer.is_array()) {
    for (const json& fold : answer) {
      const int start = fold.at("startLine"), end = fold.at("endLine");
      const std::string kind = fold.value("kind", "");
      if (question.argument.empty() || kind == question.argument)
        found.push_back(std::to_string(start + 1) + "-" + std::to_string(end + 1));
    }
  }
  return compare(question.relation, question.expected_items(), found);
}

std::string ask_diagnostics(Run& run, const Question& question) {
  const std::string path = run.path_of(question);
  const json answer = run.ask("textDocument/diagnostic", {{"textDocument", run.document(path)}});
  std::vector<std::string> places;
  std::string texts;
  for (const json& one : answer.at("items")) {
    places.push_back(run.show(run.span(path, one.at("range"))));
    texts += text_of_markup(one.at("message")) + "\n";
  }
  if (question.argument == "text") return compare_text(question, texts);
  return compare(question.relation, run.expected_places(question), places);
}

}  // namespace engramd::test
