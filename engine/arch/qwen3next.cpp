// engine/arch/qwen3next.cpp - Qwen3-Next (80B-A3B, Coder-Next).
#include "engine/arch/delta_layers.h"

namespace engramd::engine::arch {

Result<Network> build_qwen3next(const format::ModelFile& file, const BuildOptions& options) {
  return build_delta_network(file, options,
                             {.prefix = "qwen3next", .tiled_heads = false, .fused_beta = true});
}

}  // namespace engramd::engine::arch
