// engine/arch/hf/families.h - the families whose published checkpoints are read: one file each.
//
// A file here is data: fields, names, and how a few tensors are laid out differently. Adding a
// family: one file, one line below, one row in families.cpp.
#pragma once

#include <span>

#include "engine/format/hf/family.h"

namespace engramd::engine::arch::hf {

std::span<const format::hf::Family* const> families();

extern const format::hf::Family kLlama, kQwen2, kQwen3, kQwen3Moe, kQwen3Next, kQwen35Moe, kGptOss,
    kDeepseek2, kDeepseek4, kDeepseek41;

}  // namespace engramd::engine::arch::hf
