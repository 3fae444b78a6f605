// How likely a model finds the lines that edits make, and those that were there: for choosing how a
// repair ranks its candidates.
//
//   repair_gain MODEL.gguf LISTS.jsonl OUT.jsonl [most edits a list]
//
// A list is one line of JSON: id, path, before (the file), candidates [{begin, end, text}]. To OUT
// goes for each list and edit: [tokens of the new lines, their log2 probability, the same of the
// old lines], with the text on both sides of them in the prompt that completion uses.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "daemon/wiring/line_judge.h"

using namespace engramd;
using nlohmann::json;

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: repair_gain MODEL.gguf LISTS.jsonl OUT.jsonl [most]\n");
    return 2;
  }
  const size_t most = argc > 4 ? std::strtoul(argv[4], nullptr, 10) : 256;
  auto model = engine::Model::load(argv[1]);
  if (!model) {
    std::fprintf(stderr, "repair_gain: %s\n", model.error().message.c_str());
    return 1;
  }
  auto judge = daemon::LineJudge::make(*model);
  if (!judge) {
    std::fprintf(stderr, "repair_gain: %s\n", judge.error().message.c_str());
    return 1;
  }
  std::ifstream in(argv[2]);
  std::ofstream out(argv[3]);
  for (std::string line; std::getline(in, line);) {
    const json list = json::parse(line);
    const std::string before = list["before"];
    std::vector<std::string> texts;
    for (const json& edit : list["candidates"]) {
      if (texts.size() == most) break;
      const size_t begin = edit["begin"], end = edit["end"];
      texts.push_back(before.substr(0, begin) + edit["text"].get<std::string>() +
                      before.substr(end));
    }
    json rows = json::array();
    for (const daemon::LineOdds& odds : (*judge)->odds(list["path"], before, texts, {}))
      rows.push_back({odds.n_after, odds.after, odds.n_before, odds.before});
    out << json{{"id", list["id"]}, {"odds", rows}}.dump() << '\n';
  }
  return 0;
}
