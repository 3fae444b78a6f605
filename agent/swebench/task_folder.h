// agent/swebench/task_folder.h - the task repository that SWE-bench reads since version 5.
//
//   sweb.yaml                    datasets: [names], splits: [names]
//   tasks/<id>/task.yaml         short fields: instance_id, repo, base_commit, version, split …
//              tests.json        FAIL_TO_PASS, PASS_TO_PASS
//              problem_statement.md, hints.md, gold.patch, test.patch, eval.sh
//
// The only place with YAML. Tasks of a split that sweb.yaml does not name are left out, as the
// harness does.
#pragma once

#include <filesystem>
#include <vector>

#include "agent/swebench/instance.h"

namespace engramd::agent::swebench {

Result<std::vector<Instance>> read_task_folder(const std::filesystem::path& folder);

}  // namespace engramd::agent::swebench
