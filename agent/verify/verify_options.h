// agent/verify/verify_options.h - what is checked after each edit, and for how long.
#pragma once

#include <cstddef>
#include <cstdint>

#include "agent/verify/diagnostics.h"

namespace engramd::agent {

struct VerifyOptions {
  bool lint = true, diagnostics = true, tests = true;
  int64_t lint_ms = 5000;
  int64_t diagnostics_ms = 5000;
  // The first answer of a server may take its start on top of that.
  int64_t server_start_ms = 10'000;
  int64_t tests_ms = 20'000;
  size_t max_test_files = 4;
  size_t max_bytes = 2500;  // of all feedback of one edit
  // Empty: no language server.
  DiagnosticsFactory diagnostics_source;
};

}  // namespace engramd::agent
