// engine/cpu/avx2_parts.h - the files that the AVX2 table is put together from.
//
// Each is compiled with its own flags: nothing in them may be called, and no inline function shared
// with other files may be compiled in them, unless the processor has the instructions; hence
// intrinsics and plain C only.
#pragma once

#include "engine/cpu/kernels.h"

namespace engramd::engine::cpu {

void set_avx2_matmuls(Kernels& kernels);
void set_avx2_rows(Kernels& kernels);       // norms, rotations, activations
void set_avx2_attention(Kernels& kernels);  // and the other operators that mix tokens

}  // namespace engramd::engine::cpu
