#include <nlohmann/json.hpp>

#include "agent/fix.h"

namespace engramd::agent {

std::string to_json_text(const FixReport& report) {
  using nlohmann::json;
  json tests = json::array();
  for (const TestEvidence& test : report.tests)
    tests.push_back({{"id", test.id},
                     {"before", test.before},
                     {"after", test.after.empty() ? json() : json(test.after)},
                     {"message", test.message}});
  json out = {
      {"version", 1},
      {"state", std::string(to_string(report.state))},
      {"problem", report.problem.empty() ? json() : json(report.problem)},
      {"test_command", report.test_command},
      {"framework", report.framework},
      {"patch", report.patch.empty() ? json() : json(report.patch)},
      {"changed_files", report.changed_files},
      {"edit_kind", report.edit_kind.empty() ? json() : json(report.edit_kind)},
      {"tests", tests},
      {"before", {{"passed", report.n_passed_before}, {"red", report.n_red_before}}},
      {"after", {{"passed", report.n_passed_after}, {"red", report.n_red_after}}},
      {"candidates",
       {{"proposed", report.n_candidates},
        {"tried", report.n_tried},
        {"accepted_at", report.accepted_at}}},
      {"files_considered", report.files_considered},
      {"notes", report.notes},
      {"applied", report.applied},
      {"journal", report.journal.empty() ? json() : json(report.journal.string())},
      {"wall_s", report.wall_s},
      {"cpu_s", report.cpu_s},
  };
  // Output of other programs may be no UTF-8 at all: replaced, never an exception.
  return out.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace engramd::agent
