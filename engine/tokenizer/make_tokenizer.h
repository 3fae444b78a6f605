// engine/tokenizer/make_tokenizer.h - from a model file's tokenizer metadata to a Tokenizer.
//
// TokenizerData is plain data that the file reader fills; it may be hostile, so make_tokenizer
// checks every id and every merge before use. The Tokenizer is immutable: any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/api/model.h"

namespace engramd::engine::tokenizer {

struct TokenizerData {
  std::string model;                // "gpt2": byte-level BPE
  std::string pre;                  // how text is cut before merging: "qwen2", ...
  std::vector<std::string> tokens;  // in the printable byte alphabet of GPT-2
  std::vector<int32_t> types;       // 1 normal, 3 control, 4 user defined, 6 byte; empty: all 1
  std::vector<std::string> merges;  // "left right", best first
  SpecialTokens specials;           // -1 when the file names none
  bool add_bos = false;
  std::string chat_template;
  // A word that is a token as a whole is that token; nothing: as usual for `pre`.
  std::optional<bool> whole_words_first;
};

Result<std::unique_ptr<Tokenizer>> make_tokenizer(TokenizerData data);

}  // namespace engramd::engine::tokenizer
