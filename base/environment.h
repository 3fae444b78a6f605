// base/environment.h - the only place that reads environment variables and XDG folders.
//
// Values are read at the call, so a test can set a variable for one case. Any thread, as long as
// nobody changes the environment at the same time.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace engramd {

std::optional<std::string> environment(const char* name);  // empty counts as unset

// XDG base folders with "/engramd" appended; they need not exist.
std::filesystem::path config_folder();
std::filesystem::path cache_folder();
std::filesystem::path state_folder();
// $XDG_RUNTIME_DIR/engramd, or <temp>/engramd-<uid> when that variable is missing.
std::filesystem::path runtime_folder();

// What to start to get another of us: the running program, or the start script of a package (which
// runs the binary through its own loader, see scripts/package).
std::filesystem::path executable_path();

// A file that ships with engramd: looked for in $ENGRAMD_DATA, beside the program
// (<exe>/../share/engramd/NAME) and in a source tree (<exe>/../../NAME). Empty when nowhere.
std::filesystem::path shipped_file(const std::string& name);

}  // namespace engramd
