// engine/cuda/devices.h - the devices of this folder, for engine/device/device.cpp.
#pragma once

#include "engine/device/device.h"

namespace engramd::engine::cuda {

// Unavailable without such a card, and in a build without CUDA.
Result<std::shared_ptr<device::Device>> open_card(int card, uint64_t budget_bytes);
// Empty in a build without CUDA.
device::Operators card_operators();
// The bodies of the same kernels on host memory (twin.h).
device::Operators twin_operators();

}  // namespace engramd::engine::cuda
