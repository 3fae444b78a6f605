// tests/bench/bench_tokenizer.h - a tokenizer for a benchmark: a GGUF file, a tokenizer.json as
// published, or the one models/train writes ({"pre", "tokens", "merges"}).
#pragma once

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "base/file.h"
#include "engine/api/tokenizer_file.h"
#include "engine/tokenizer/make_tokenizer.h"

namespace engramd::bench {

inline Result<std::unique_ptr<engine::Tokenizer>> load_tokenizer(
    const std::filesystem::path& path) {
  if (path.extension() != ".json") return engine::load_tokenizer(path);
  ENGRAMD_TRY(const std::string text, read_file(path, 64u << 20));
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains("tokens") || !json.contains("merges"))
    return engine::load_tokenizer(path);
  engine::tokenizer::TokenizerData data;
  data.model = "gpt2";
  data.pre = json.value("pre", "qwen2");
  data.tokens = json["tokens"].get<std::vector<std::string>>();
  for (const auto& pair : json["merges"])
    data.merges.push_back(pair.at(0).get<std::string>() + " " + pair.at(1).get<std::string>());
  for (const std::string& token : data.tokens)
    data.types.push_back(token.starts_with("<|") && token.ends_with("|>") ? 3 : 1);
  return engine::tokenizer::make_tokenizer(std::move(data));
}

}  // namespace engramd::bench
