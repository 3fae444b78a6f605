// agent/swebench/predictions.h - patches by instance, in the form that SWE-bench's harness reads.
//
//   {"instance_id": …, "model_name_or_path": …, "model_patch": …}   one a line, empty patches too
//
// Reading takes a JSON array or an object by id as well. Any thread.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace engramd::agent::swebench {

struct Prediction {
  std::string id, model, patch;
};

// Ids occur once; an error names the line.
Result<std::vector<Prediction>> read_predictions(const std::filesystem::path& file);
// Written to a temporary name and renamed.
Status write_predictions(const std::vector<Prediction>& predictions,
                         const std::filesystem::path& file);

// A model's name as the harness makes a file name of it: "/" becomes "__". Never a path.
std::string file_name_of_model(const std::string& model);

}  // namespace engramd::agent::swebench
