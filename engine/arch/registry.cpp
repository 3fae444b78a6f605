// engine/arch/registry.cpp - the families this engine runs: one row each.
#include <array>

#include "engine/arch/family.h"

namespace engramd::engine::arch {

std::span<const Family> families() {
  static constexpr std::array kFamilies = {
      Family{"deepseek2", build_deepseek2},   Family{"deepseek4", build_deepseek4},
      Family{"deepseek41", build_deepseek41}, Family{"engramd-moe", build_engramd_moe},
      Family{"gpt-oss", build_gpt_oss},       Family{"llama", build_llama},
      Family{"qwen2", build_qwen2},           Family{"qwen3", build_qwen3},
      Family{"qwen35moe", build_qwen35moe},   Family{"qwen3moe", build_qwen3moe},
      Family{"qwen3next", build_qwen3next},
  };
  return kFamilies;
}

Result<Network> build_network(const format::ModelFile& file, const BuildOptions& options) {
  ENGRAMD_TRY(const std::string_view name, file.string("general.architecture"));
  std::string known;
  for (const Family& family : families()) {
    if (family.name == name) return family.build(file, options);
    known += (known.empty() ? "" : ", ") + std::string(family.name);
  }
  return fail(ErrorCode::unsupported, "architecture \"" + std::string(name.substr(0, 64)) +
                                          "\" is not one this engine runs: " + known);
}

}  // namespace engramd::engine::arch
