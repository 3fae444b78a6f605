// daemon/cli/project_notes.h - what `engramd context --task` says of AGENTS.md and its kin.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>

namespace engramd::daemon::cli {

// What an agent at work on this folder would be shown of them, with the file of each.
nlohmann::json project_notes_json(const std::filesystem::path& root);
void print_project_notes(const std::filesystem::path& root);

}  // namespace engramd::daemon::cli
