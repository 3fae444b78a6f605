// engine/cpu/kernels_reference.h - the parts that the reference table is put together from.
#pragma once

#include "engine/cpu/kernels.h"

namespace engramd::engine::cpu {

void set_reference_matmuls(Kernels& kernels);

}  // namespace engramd::engine::cpu
