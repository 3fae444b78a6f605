// tests/engine/checkpoint_folder.h - the oracles' checkpoints with the tokenizer of their GGUF
// twin.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "base/file.h"
#include "engine/format/gguf.h"
#include "engine/tokenizer/pre_tokenizer.h"
#include "safetensors_cases.h"

namespace engramd::engine::test {

// The tokenizer keys of a GGUF file as a tokenizer.json. How words are cut does not matter here.
inline nlohmann::json tokenizer_json_of(const format::ModelFile& file) {
  const auto tokens = *file.string_array("tokenizer.ggml.tokens");
  const auto types = *file.int_array("tokenizer.ggml.token_type");
  nlohmann::json out;
  out["normalizer"] = nullptr;
  out["added_tokens"] = nlohmann::json::array();
  out["model"]["type"] = "BPE";
  out["model"]["merges"] = *file.string_array("tokenizer.ggml.merges");
  for (size_t id = 0; id < tokens.size(); ++id) {
    if (types[id] == 1)
      out["model"]["vocab"][tokens[id]] = id;
    else
      out["added_tokens"].push_back(
          {{"id", id}, {"content", tokens[id]}, {"special", types[id] == 3}});
  }
  const auto* row = tokenizer::find_pre_tokenizer("deepseek-v3");
  nlohmann::json& parts = out["pre_tokenizer"]["pretokenizers"];
  out["pre_tokenizer"]["type"] = "Sequence";
  for (const std::string_view pattern : row->patterns)
    parts.push_back({{"type", "Split"},
                     {"pattern", {{"Regex", std::string(pattern)}}},
                     {"behavior", "Isolated"},
                     {"invert", false}});
  parts.push_back({{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}});
  return out;
}

// A copy of a fixture's hf/ with a tokenizer.json, gone with the object.
class CheckpointFolder {
 public:
  // twin: the fixture with the GGUF file, when another one has it.
  explicit CheckpointFolder(const std::string& fixture, const std::string& twin = "")
      : folder_(*TemporaryFolder::make("engramd-checkpoint")) {
    for (const auto& entry : std::filesystem::directory_iterator(oracle_fixture(fixture) / "hf"))
      std::filesystem::copy_file(entry.path(), path() / entry.path().filename());
    const auto file =
        format::GgufFile::open(oracle_fixture(twin.empty() ? fixture : twin) / "model.gguf");
    if (!file) throw std::runtime_error(file.error().message);
    if (!write_file_atomic(path() / "tokenizer.json", tokenizer_json_of(**file).dump()))
      throw std::runtime_error("cannot write a tokenizer.json");
  }
  std::filesystem::path path() const { return folder_.path(); }

 private:
  TemporaryFolder folder_;
};

}  // namespace engramd::engine::test
