// agent/tests/native.h - what test programs of C++ print, for their own rows and for ctest's, which
// finds it in the output of its entries.
#pragma once

#include <string_view>

#include "agent/tests/framework.h"

namespace engramd::agent {

void read_gtest_output(std::string_view text, Findings& findings);
// The red cases only: Catch2 does not name the ones that pass.
void read_catch2_output(std::string_view text, Findings& findings);

}  // namespace engramd::agent
