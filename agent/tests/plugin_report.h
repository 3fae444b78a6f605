// agent/tests/plugin_report.h - the report that our helpers inside pytest and unittest write: one
// JSON object per line, {"start": id}, {"id", "outcome", "seconds", "message", "frames"},
// {"stop": id}, {"done": status} at the end.
#pragma once

#include <filesystem>

#include "agent/tests/framework.h"

namespace engramd::agent {

// False when there is no such file, or nothing in it.
bool read_plugin_report(const std::filesystem::path& file, Findings& findings);

}  // namespace engramd::agent
