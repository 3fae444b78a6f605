// engine/format/hf/checkpoint.h - a folder with config.json and .safetensors files as a ModelFile.
//
// Keys and tensors appear in GGUF's words, by the tables of the family that config.json names.
// Tensors that lie in the file as they are shown are views of the mapping; the others (stacked
// experts, FP8, permuted heads, norms in F32) have a recipe, and bytes once materialised. Stored
// tensors that no rule names are shown under their own names, so that a family refuses them
// instead of running without them. docs/formats/safetensors.md.
#pragma once

#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/format/hf/family.h"
#include "engine/format/model_file.h"
#include "engine/format/safetensors.h"

namespace engramd::engine::format {

class HfCheckpoint final : public ModelFile {
 public:
  // Writes what is not in config.json: the tokenizer's keys.
  using MoreKeys = std::function<Status(const hf::Config&, hf::KeyWriter&)>;
  static Result<std::unique_ptr<HfCheckpoint>> open(const std::filesystem::path& folder,
                                                    std::span<const hf::Family* const> families,
                                                    const MoreKeys& more_keys = {});
  // Borrows the tensors' bytes; no tokenizer.
  static Result<std::unique_ptr<HfCheckpoint>> parse(std::string_view config_json,
                                                     std::span<const std::byte> safetensors,
                                                     std::span<const hf::Family* const> families);

  std::string format() const override;
  uint64_t file_bytes() const override { return stored_->file_bytes(); }
  uint64_t bytes_to_materialise() const override;
  Status materialise(uint64_t max_bytes, const CancelToken& cancel) override;
  Status copy_rows(const Tensor& tensor, uint64_t first, uint64_t n, std::byte* out) const override;

  // Names of stored tensors that text does not need (vision, drafts of later steps).
  std::span<const std::string> not_needed() const { return not_needed_; }
  // Names of stored tensors that no rule knows.
  std::span<const std::string> unknown() const { return unknown_; }

 private:
  HfCheckpoint() = default;
  Status show(std::string_view config_json, std::span<const hf::Family* const> families,
              const MoreKeys& more_keys);
  Status write_keys(const hf::Config& config, const hf::Family& family,
                    const hf::LayerCounts& layers);
  Status show_tensors(const hf::Config& config, const hf::Family& family,
                      const hf::LayerCounts& layers);
  Status give_bytes(Tensor& tensor, const CancelToken& cancel);

  std::unique_ptr<Safetensors> stored_;
  std::optional<hf::KeyWriter> keys_;
  std::deque<std::string> names_;
  std::vector<hf::Layout> layouts_;  // of tensors_, in the same order
  std::vector<std::unique_ptr<std::byte[]>> materialised_;
  std::vector<std::vector<float>> generated_;
  std::vector<std::string> not_needed_, unknown_;
};

}  // namespace engramd::engine::format
