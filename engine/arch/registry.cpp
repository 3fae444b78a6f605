// engine/arch/registry.cpp - the families this engine runs: one line each.
#include <array>

#include "engine/arch/family.h"

// The name in the file (general.architecture), and the function in the family's own file.
#define ENGRAMD_FAMILIES(FAMILY)         \
  FAMILY("deepseek2", build_deepseek2)   \
  FAMILY("deepseek4", build_deepseek4)   \
  FAMILY("deepseek41", build_deepseek41) \
  FAMILY("engramd", build_engramd)       \
  FAMILY("gpt-oss", build_gpt_oss)       \
  FAMILY("llama", build_llama)           \
  FAMILY("qwen2", build_qwen2)           \
  FAMILY("qwen3", build_qwen3)           \
  FAMILY("qwen35moe", build_qwen35moe)   \
  FAMILY("qwen3moe", build_qwen3moe)     \
  FAMILY("qwen3next", build_qwen3next)

namespace engramd::engine::arch {

#define ENGRAMD_DECLARE(name, build) \
  Result<Network> build(const format::ModelFile& file, const BuildOptions& options);
ENGRAMD_FAMILIES(ENGRAMD_DECLARE)
#undef ENGRAMD_DECLARE

std::span<const Family> families() {
#define ENGRAMD_ROW(name, build) Family{name, build},
  static constexpr std::array kFamilies = {ENGRAMD_FAMILIES(ENGRAMD_ROW)};
#undef ENGRAMD_ROW
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
