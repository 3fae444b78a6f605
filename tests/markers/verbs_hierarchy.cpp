// Verbs of the call and type hierarchy: prepare at the cursor, then ask about the first item.
#include "tests/markers/verbs.h"

namespace engramd::test {
namespace {

// Items that were prepared there; an empty list for null.
json prepared(Run& run, const Question& question, const std::string& method) {
  const json items = run.ask(method, run.at(question));
  return items.is_null() ? json::array() : items;
}

Span selected(const Run& run, const json& item) {
  return run.span(run.path_of_uri(item.at("uri")), item.at("selectionRange"));
}

// What an item is, as "place"; a file as its path.
std::string shown(const Run& run, const json& item) {
  const std::string path = run.path_of_uri(item.at("uri"));
  return item.at("kind") == 1 ? path : run.show(selected(run, item));
}

// Names of ranges become their places; a path stays.
std::vector<std::string> expected(const Run& run, const Question& question) {
  Question ranges = question;
  ranges.expected.clear();
  std::vector<std::string> out;
  for (const std::string& item : question.expected_items()) {
    if (item.find('.') != std::string::npos) {
      out.push_back(item);
    } else {
      ranges.expected += (ranges.expected.empty() ? "" : ", ") + item;
    }
  }
  for (std::string& place : run.expected_places(ranges)) out.push_back(std::move(place));
  return out;
}

std::string ask_items(Run& run, const Question& question, const std::string& prepare,
                      const std::string& method, const char* side) {
  std::vector<std::string> found;
  for (const json& item : prepared(run, question, prepare)) {
    const json answer = run.ask(method, {{"item", item}});
    for (const json& one : answer.is_null() ? json::array() : answer)
      found.push_back(shown(run, side == nullptr ? one : one.at(side)));
  }
  return compare(question.relation, expected(run, question), found);
}

std::string ask_ranges(Run& run, const Question& question, const std::string& method, bool own) {
  std::vector<std::string> found;
  for (const json& item : prepared(run, question, "textDocument/prepareCallHierarchy")) {
    for (const json& call : run.ask(method, {{"item", item}})) {
      const std::string uri = own ? item.at("uri") : call.at("from").at("uri");
      for (const json& range : call.at("fromRanges"))
        found.push_back(run.show(run.span(run.path_of_uri(uri), range)));
    }
  }
  return compare(question.relation, run.expected_places(question), found);
}

}  // namespace

std::string ask_callers(Run& run, const Question& question) {
  return ask_items(run, question, "textDocument/prepareCallHierarchy",
                   "callHierarchy/incomingCalls", "from");
}
std::string ask_called(Run& run, const Question& question) {
  return ask_items(run, question, "textDocument/prepareCallHierarchy",
                   "callHierarchy/outgoingCalls", "to");
}
std::string ask_calls_of(Run& run, const Question& question) {
  return ask_ranges(run, question, "callHierarchy/incomingCalls", false);
}
std::string ask_calls_in(Run& run, const Question& question) {
  return ask_ranges(run, question, "callHierarchy/outgoingCalls", true);
}
std::string ask_supertypes(Run& run, const Question& question) {
  return ask_items(run, question, "textDocument/prepareTypeHierarchy", "typeHierarchy/supertypes",
                   nullptr);
}
std::string ask_subtypes(Run& run, const Question& question) {
  return ask_items(run, question, "textDocument/prepareTypeHierarchy", "typeHierarchy/subtypes",
                   nullptr);
}

}  // namespace engramd::test
