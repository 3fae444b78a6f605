// engine/arch/delta_layers.h - the layers of Qwen3-Next and Qwen3.5: delta nets with gated
// attention in between. The two families differ in how their files hold the delta net's heads.
#pragma once

#include "engine/arch/decoder.h"

namespace engramd::engine::arch {

struct DeltaLayout {
  std::string_view prefix;   // of the configuration keys
  bool tiled_heads = false;  // value heads of one key head are n_key_heads apart
  bool fused_beta = false;   // ssm_ba: beta and alpha of each key head's value heads in turn
};
Result<Network> build_delta_network(const format::ModelFile& file, const BuildOptions& options,
                                    const DeltaLayout& layout);

}  // namespace engramd::engine::arch
