// daemon/cli/model_list.h - the model files that other programs have left on this machine.
//
// The shipped one, and what Ollama, LM Studio, llama.cpp and Hugging Face keep in their usual
// folders. Files are named, not opened. Any thread.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace engramd::daemon::cli {

struct FoundModel {
  std::string name;   // as its owner calls it
  std::string owner;  // "shipped", "Ollama", ...
  std::filesystem::path file;
};
// At most a few hundred; folders are not entered deeper than their owners build them. Of a file in
// parts only the first is listed, adapters and vision parts (mmproj) are not.
std::vector<FoundModel> find_models();

}  // namespace engramd::daemon::cli
