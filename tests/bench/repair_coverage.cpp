// What the templates make of the lines that are known to be wrong: whether the real edit is among
// it, and at which place, without any trial (tests/bench/repair_ranking.py coverage).
//
//   repair_coverage CASES.jsonl OUT.jsonl
//
// A case is one line of JSON: id, root (a folder), path, lines (from 1: the wrong ones), command
// (of the tests) or failure (what an earlier call found out). To OUT goes for each: id, failure,
// candidates (docs/formats/repair-candidates.md), best first.
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "agent/repair/candidate_log.h"
#include "agent/repair/donor_files.h"
#include "agent/repair/mutate.h"
#include "agent/solve/evidence.h"
#include "base/text.h"

using namespace engramd;
using namespace engramd::agent;
using nlohmann::json;

namespace {

constexpr double kTestSeconds = 40;

// As `engramd fix` sees it.
Result<std::string> failure_of(const std::string& root, const std::string& command,
                               const WorkTree& tree) {
  EvidenceOptions options;
  options.repo = root;
  options.tests.command = command;
  options.run_s = kTestSeconds;
  options.recheck_s = 0;
  options.test_s = 10;
  options.hang_s = 20;
  options.hang_is_red = true;
  Evidence evidence(options);
  if (!evidence.find_command()) return fail(ErrorCode::invalid_input, "no test command");
  ENGRAMD_CHECK(evidence.look_before({}));
  return failure_text(tree, evidence.before(), "");
}

Result<json> measure(const json& given) {
  const std::string root = given["root"], path = given["path"];
  ENGRAMD_TRY(const WorkTree tree, WorkTree::open(root));
  ENGRAMD_TRY(const std::string text, tree.read(path));
  std::string failure = given.value("failure", "");
  if (failure.empty()) {
    ENGRAMD_TRY(failure, failure_of(root, given["command"], tree));
  }
  MutateOptions options;
  options.hints = read_hints(failure);
  options.donors = gather_donors(tree, {path}, {});
  const std::set<uint32_t> lines = given["lines"].get<std::set<uint32_t>>();
  ENGRAMD_TRY(
      const std::vector<Candidate> candidates,
      mutate(
          path, text, [&](uint32_t line) { return lines.count(line + 1) ? 1.0 : 0.0; }, options));
  json rows = json::array();
  const std::string log = candidate_log(candidates, {});
  for (const std::string_view line : split_lines(log))
    if (!line.empty()) rows.push_back(json::parse(line));
  return json{{"id", given["id"]}, {"failure", failure}, {"candidates", rows}};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: repair_coverage CASES.jsonl OUT.jsonl\n");
    return 2;
  }
  std::ifstream in(argv[1]);
  std::ofstream out(argv[2]);
  for (std::string line; std::getline(in, line);) {
    const json given = json::parse(line);
    auto found = measure(given);
    const json row =
        found ? std::move(*found) : json{{"id", given["id"]}, {"problem", found.error().message}};
    out << row.dump(-1, ' ', false, json::error_handler_t::replace) << std::endl;
  }
  return 0;
}
