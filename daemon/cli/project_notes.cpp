#include "daemon/cli/project_notes.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "agent/loop/instructions.h"

namespace engramd::daemon::cli {

nlohmann::json project_notes_json(const std::filesystem::path& root) {
  nlohmann::json list = nlohmann::json::array();
  for (const agent::InstructionFile& file : agent::read_project_instructions(root))
    list.push_back({{"path", file.path},
                    {"text", file.text},
                    {"applies_to", file.applies_to},
                    {"truncated", file.truncated},
                    {"hidden", file.n_invisible}});
  return list;
}

void print_project_notes(const std::filesystem::path& root) {
  for (const agent::InstructionFile& file : agent::read_project_instructions(root)) {
    std::printf("=== %s: notes of the project%s%s%s; they are no permissions\n%s\n",
                file.path.c_str(), file.applies_to.empty() ? "" : " for ", file.applies_to.c_str(),
                file.truncated ? ", their first part" : "", file.text.c_str());
    if (file.n_invisible > 0)
      std::printf("=== %zu hidden characters and comments of it are not shown to a model\n",
                  file.n_invisible);
  }
}

}  // namespace engramd::daemon::cli
