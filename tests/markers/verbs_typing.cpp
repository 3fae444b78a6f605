// Verbs about what one sees while typing: signatures and hints at arguments.
#include "tests/markers/verbs.h"

namespace engramd::test {
namespace {

// Bytes of so many UTF-16 units.
size_t bytes_of_units(const std::string& text, size_t units) {
  size_t at = 0;
  for (size_t n = 0; n < units && at < text.size();) {
    const size_t length = utf8_length_at(text, at);
    n += length == 4 ? 2 : 1;
    at += length;
  }
  return at;
}

}  // namespace

// signature [all] -> "def f(a, [b])": the active parameter is in brackets; all: one text a line.
std::string ask_signature(Run& run, const Question& question) {
  const json answer = run.ask("textDocument/signatureHelp", run.at(question));
  if (answer.is_null()) return compare_text(question, "");
  std::string all;
  const size_t active = answer.value("activeSignature", 0u);
  for (size_t i = 0; i < answer.at("signatures").size(); ++i) {
    if (question.argument != "all" && i != active) continue;
    const json& signature = answer["signatures"][i];
    std::string label = signature.at("label");
    json which = signature.contains("activeParameter") ? signature["activeParameter"]
                                                       : answer.value("activeParameter", json());
    if (which.is_number() && which < signature.at("parameters").size()) {
      const json& shown = signature["parameters"][which.get<size_t>()].at("label");
      size_t begin = 0, end = 0;
      if (shown.is_array()) {
        begin = bytes_of_units(label, shown[0]);
        end = bytes_of_units(label, shown[1]);
      } else {
        begin = label.find(shown.get<std::string>());
        if (begin == std::string::npos)
          return "  the parameter is not in the label: " + label + "\n";
        end = begin + shown.get<std::string>().size();
      }
      label.insert(end, "]");
      label.insert(begin, "[");
    }
    all += (all.empty() ? "" : "\n") + label;
  }
  return compare_text(question, all);
}

// hints -> width=1, name: "x": each as it is shown, with the argument behind it.
std::string ask_hints(Run& run, const Question& question) {
  const std::string path = run.path_of(question);
  const std::string& text = run.text(path);
  json params = {{"textDocument", run.document(path)},
                 {"range", run.range({path, 0, text.size()})}};
  const json answer = run.ask("textDocument/inlayHint", params);
  std::vector<std::string> found;
  if (answer.is_array()) {
    for (const json& hint : answer) {
      const size_t at = run.offset(path, hint.at("position"));
      const size_t end = text.find_first_of(",)\n", at);
      found.push_back(hint.at("label").get<std::string>() +
                      text.substr(at, std::min(end, text.size()) - at));
    }
  }
  return compare(question.relation == "->" ? "order" : question.relation, question.expected_items(),
                 found);
}

}  // namespace engramd::test
