// agent/solve/report.h - what came of a task, the same for every strategy.
//
// Plain data. to_json_text is the file that `--report` writes and what `--json` prints; its layout
// is docs/formats/agent-report.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "agent/model/chat_model.h"

namespace engramd::agent {

enum class Outcome {
  resolved,        // the tests that were red pass with the patch, and no other broke
  unverified,      // there is a patch and no test that could judge it
  unresolved,      // the work ended and the tests do not pass
  nothing_to_fix,  // the tests pass without a patch
  budget,          // steps, tokens, time, cost or candidates ran out
  format,          // the model gave too many replies in a row that hold no usable call
  model,           // the model or its endpoint failed
  infra,           // the tests cannot be run; `problem` says why
  cancelled,
};
std::string_view to_string(Outcome outcome);

struct TestEvidence {
  std::string id;
  std::string before, after;  // "failed", "passed", …; after is empty when there is no patch
  std::string message;        // of the failure before
};

// What the confidence of a passing patch was computed from.
struct RepairSigns {
  double share = 0;          // of the belief in all edits that pass, 0 to 1
  double order = 0;          // of its candidate: the template's cost, its line, the model's place
  double trust = 1;          // in edits of its kind, 0 to 1
  size_t n_red = 0;          // tests that turn green; 0: only an exit status is known
  size_t n_green = 0;        // green tests that run the line, or guessed
  bool green_known = false;  // they were traced
  size_t n_others = 0;       // different edits that pass
  size_t place = 0;          // of its candidate in the order of trial, from 1
  size_t n_tried = 0;        // candidates, in all
};

// A patch that passes the tests and is not sure enough to be `patch`
// (docs/formats/agent-report.md).
struct Suggestion {
  std::string patch, edit_kind, path;
  double confidence = 0;
  std::vector<std::string> reasons;  // what raised or lowered it, one clause each
  RepairSigns signs;
};

// A test that the model wrote to show the problem, and that failed before its change. Not part of
// the patch.
struct ReproductionEvidence {
  std::string path, command, text;  // path empty: none was written
  std::string before, after;        // "failed", "passed"; after is empty when it was not run
  std::string message;              // what it printed before
};

struct Report {
  Outcome outcome = Outcome::unresolved;
  std::string exit;  // why the work ended, finer than the outcome: "steps", "tokens", "wall", …
  std::string strategy, model;
  std::string problem;  // one sentence, when something is wrong
  std::string summary;  // what the model says it did
  std::string patch;    // unified diff against the user's tree; kept on every exit
  std::vector<std::string> changed_files;
  std::string test_command, framework;
  std::vector<TestEvidence> tests;  // red before, or red after; the green ones are only counted
  std::vector<std::string> fixed, broken, flaky;  // ids; broken: passed before, red after
  ReproductionEvidence reproduction;
  size_t n_passed_before = 0, n_red_before = 0, n_passed_after = 0, n_red_after = 0;

  // tools
  size_t n_steps = 0, n_malformed = 0;
  Usage usage;
  double cost = 0;    // by the given prices; 0: no price is known
  double reused = 1;  // share of prompt bytes that the request before had too
  double model_s = 0, tools_s = 0;
  std::filesystem::path trajectory;
  size_t n_samples = 0, n_agreeing = 0;  // runs made, and how many made this same patch
  // repair
  std::string edit_kind;  // what was done: "comparison operator", "swap arguments", …
  size_t n_candidates = 0, n_tried = 0;
  size_t accepted_at = 0;  // place of the accepted candidate in the trial order, from 1
  std::vector<std::string> files_considered;
  double confidence = 0;  // 0 to 1 that `patch` is what its author would have meant; 0: not judged
  std::vector<std::string> reasons;  // of the confidence
  RepairSigns signs;
  std::vector<Suggestion> suggestions;  // other patches that pass, most likely first

  std::vector<std::string> notes;  // stated fallbacks
  bool applied = false;
  std::filesystem::path journal;  // when applied
  double wall_s = 0, cpu_s = 0;
  bool ok() const {
    return outcome == Outcome::resolved || outcome == Outcome::nothing_to_fix ||
           outcome == Outcome::unverified;
  }
};

std::string to_json_text(const Report& report);

}  // namespace engramd::agent
