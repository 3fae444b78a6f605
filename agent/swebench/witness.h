// agent/swebench/witness.h - what our plugin inside pytest wrote of a graded run
// (engramd_grade.py), believed only as far as its one-time tokens go.
//
//   <report>          one record a line: TOKEN JSON
//   <report>.tokens   the tokens, in order; the plugin removes it as its first act
//   <report>.json     what the plugin must know
//
// Any thread; one object per run.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "agent/swebench/grading.h"
#include "base/result.h"

namespace engramd::agent::swebench {

struct WitnessReport {
  TestResults results;
  bool began = false;     // the plugin was loaded
  bool finished = false;  // pytest came to its end
  int exit_status = -1;   // as pytest saw it
  // The tests are run by the code under test (pytest's own repository): nothing guards the results.
  bool own_runner = false;
  // Signs that the code under test meddled with the run: one sentence each.
  std::vector<std::string> tampered;
};

class Witness {
 public:
  // Draws the tokens; n_tests is how many tests are expected at least.
  static Result<Witness> make(size_t n_tests);

  // Puts the files that the plugin reads where a run will find them. report: on our side.
  Status lay_out(const std::filesystem::path& report, const std::vector<std::string>& patched_files,
                 const std::string& must_fail_inside) const;
  WitnessReport read(const std::filesystem::path& report) const;

  // The file of tests that must fail, under names that are drawn anew each time.
  const std::string& must_fail_name() const { return must_fail_name_; }
  const std::string& must_fail_source() const { return must_fail_source_; }

 private:
  std::vector<std::string> tokens_;
  std::string must_fail_name_, must_fail_source_;
  size_t n_must_fail_ = 0;
};

// The plugin's text and the name it is loaded under.
std::string_view witness_plugin_source();
inline constexpr const char* kWitnessPlugin = "engramd_grade";

}  // namespace engramd::agent::swebench
