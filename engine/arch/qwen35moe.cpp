// engine/arch/qwen35moe.cpp - Qwen3.5 and 3.6 mixtures (35B-A3B and larger). Text positions only:
// for them the sections of its multimodal rotary positions all count the same.
#include "engine/arch/delta_layers.h"

namespace engramd::engine::arch {

Result<Network> build_qwen35moe(const format::ModelFile& file, const BuildOptions& options) {
  return build_delta_network(file, options,
                             {.prefix = "qwen35moe", .tiled_heads = true, .fused_beta = false});
}

}  // namespace engramd::engine::arch
