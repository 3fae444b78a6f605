// daemon/handlers/test_lens.h - which definitions are tests, and the command that runs just one.
//
// By the conventions of each language's usual runner. Pure function: any thread.
#pragma once

#include <string>
#include <string_view>

#include "repoindex/query.h"

namespace engramd::daemon {

// Empty: it is no test, or nothing is known that would run it alone. text: of the file.
std::string test_command(const std::string& path, std::string_view text,
                         const repoindex::SymbolHit& hit);

}  // namespace engramd::daemon
