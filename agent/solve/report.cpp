#include "agent/solve/report.h"

#include <nlohmann/json.hpp>

#include "agent/model/message_json.h"

namespace engramd::agent {

std::string_view to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::resolved:
      return "resolved";
    case Outcome::unverified:
      return "unverified";
    case Outcome::unresolved:
      return "unresolved";
    case Outcome::nothing_to_fix:
      return "nothing_to_fix";
    case Outcome::budget:
      return "budget";
    case Outcome::format:
      return "format";
    case Outcome::model:
      return "model";
    case Outcome::infra:
      return "infra";
    case Outcome::cancelled:
      return "cancelled";
  }
  return "unresolved";
}

namespace {

nlohmann::json to_json(const RepairSigns& signs) {
  return {{"share", signs.share},     {"order", signs.order},   {"trust", signs.trust},
          {"red", signs.n_red},       {"green", signs.n_green}, {"green_known", signs.green_known},
          {"others", signs.n_others}, {"place", signs.place},   {"tried", signs.n_tried}};
}

}  // namespace

std::string to_json_text(const Report& report) {
  using nlohmann::json;
  const auto or_null = [](const std::string& text) { return text.empty() ? json() : json(text); };
  json tests = json::array();
  for (const TestEvidence& test : report.tests)
    tests.push_back({{"id", test.id},
                     {"before", test.before},
                     {"after", or_null(test.after)},
                     {"message", test.message}});
  json out = {
      {"version", 2},
      {"state", std::string(to_string(report.outcome))},
      {"exit", report.exit},
      {"strategy", report.strategy},
      {"model", or_null(report.model)},
      {"problem", or_null(report.problem)},
      {"summary", or_null(report.summary)},
      {"test_command", report.test_command},
      {"framework", report.framework},
      {"patch", or_null(report.patch)},
      {"changed_files", report.changed_files},
      {"tests", tests},
      {"before", {{"passed", report.n_passed_before}, {"red", report.n_red_before}}},
      {"after", {{"passed", report.n_passed_after}, {"red", report.n_red_after}}},
      {"fixed", report.fixed},
      {"broken", report.broken},
      {"flaky", report.flaky},
      {"notes", report.notes},
      {"applied", report.applied},
      {"journal", or_null(report.journal.string())},
      {"wall_s", report.wall_s},
      {"cpu_s", report.cpu_s},
  };
  if (report.strategy == "tools") {
    out["steps"] = report.n_steps;
    out["malformed"] = report.n_malformed;
    out["usage"] = to_json(report.usage);
    out["cost"] = report.cost;
    out["reused"] = report.reused;
    out["model_s"] = report.model_s;
    out["tools_s"] = report.tools_s;
    out["samples"] = {{"made", report.n_samples}, {"agreeing", report.n_agreeing}};
    if (!report.reproduction.path.empty())
      out["reproduction"] = {{"path", report.reproduction.path},
                             {"command", report.reproduction.command},
                             {"text", report.reproduction.text},
                             {"before", report.reproduction.before},
                             {"after", or_null(report.reproduction.after)},
                             {"message", report.reproduction.message}};
    out["trajectory"] = or_null(report.trajectory.string());
  } else {
    out["edit_kind"] = or_null(report.edit_kind);
    out["candidates"] = {{"proposed", report.n_candidates},
                         {"tried", report.n_tried},
                         {"accepted_at", report.accepted_at}};
    out["files_considered"] = report.files_considered;
    out["confidence"] = report.confidence;
    out["reasons"] = report.reasons;
    out["signs"] = report.confidence > 0 ? to_json(report.signs) : json();
    json suggestions = json::array();
    for (const Suggestion& suggestion : report.suggestions)
      suggestions.push_back({{"patch", suggestion.patch},
                             {"edit_kind", suggestion.edit_kind},
                             {"path", suggestion.path},
                             {"confidence", suggestion.confidence},
                             {"reasons", suggestion.reasons},
                             {"signs", to_json(suggestion.signs)}});
    out["suggestions"] = suggestions;
  }
  // Output of other programs may be no UTF-8 at all: replaced, never an exception.
  return out.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace engramd::agent
