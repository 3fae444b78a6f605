// agent/repair/static_suspects.h - lines that no trace of a test shows, and that suspicious lines
// depend on.
//
// Signatures, module and class constants, tables and patterns run once, when a file is loaded. They
// are suspects when suspicious lines use what they define. Pure: any thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "agent/repair/localise.h"

namespace engramd::agent {

// Raises lines of the files that are there already; texts by path.
void add_static_suspects(std::map<std::string, SuspectFile>& files,
                         const std::map<std::string, std::string>& texts);

}  // namespace engramd::agent
