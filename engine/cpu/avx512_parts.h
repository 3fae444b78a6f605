// engine/cpu/avx512_parts.h - the files that the AVX-512 table is put together from, see
// avx2_parts.h.
#pragma once

#include "engine/cpu/kernels.h"

namespace engramd::engine::cpu {

void set_avx512_attention(Kernels& kernels);

}  // namespace engramd::engine::cpu
