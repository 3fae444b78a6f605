// agent/tests/js_results.h - what jest, vitest and node:test have in common: one JSON layout of
// results (jest's, which vitest writes too), package.json, and ids "file::suite > test".
#pragma once

#include <filesystem>

#include "agent/tests/framework.h"

namespace engramd::agent {

// jest's --json file. False when there is none, or it is something else.
bool read_jest_json(const std::filesystem::path& file, std::string_view tree_inside,
                    Findings& findings);

// package.json of the folder names this package among its dependencies, or in its test script.
bool depends_on(const ProjectFolder& folder, std::string_view package);
// The test script, or "".
std::string test_script(const ProjectFolder& folder);
// "npm test", or that of the manager whose lock file is there.
std::string test_script_command(const ProjectFolder& folder);
bool is_js_test_file(std::string_view path);

// The files of ids, and a pattern that matches exactly the full names (parts joined by spaces).
struct JsSelection {
  std::vector<std::string> files;
  std::string pattern;  // empty: whole files
};
JsSelection js_selection(const std::vector<std::string>& ids);
// Removes what chooses files or names from a call of jest or vitest.
void remove_js_choice(CallEdit& edit, size_t first_argument);

}  // namespace engramd::agent
