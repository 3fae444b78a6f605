// engine/arch/registry.cpp - the families this engine runs: one row each.
#include <array>

#include "engine/arch/family.h"

namespace engramd::engine::arch {

std::span<const Family> families() {
  static constexpr std::array kFamilies = {
      Family{"engramd-moe", build_engramd_moe},
      Family{"qwen3moe", build_qwen3moe},
  };
  return kFamilies;
}

Result<Network> build_network(const format::ModelFile& file) {
  ENGRAMD_TRY(const std::string_view name, file.string("general.architecture"));
  std::string known;
  for (const Family& family : families()) {
    if (family.name == name) return family.build(file);
    known += (known.empty() ? "" : ", ") + std::string(family.name);
  }
  return fail(ErrorCode::unsupported, "architecture \"" + std::string(name.substr(0, 64)) +
                                          "\" is not one this engine runs: " + known);
}

}  // namespace engramd::engine::arch
