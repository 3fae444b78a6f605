// engine/cuda/operators.h - what crosses between nvcc's C++17 and the rest: plain structs and
// functions, no CUDA type.
//
// `card` is the runtime's number of the device. Work goes to that device's default stream and may
// be unfinished when a launch returns; downloads and synchronise() wait for it. A kernel that
// failed is reported by the call that waits.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/device/operator_args.h"

namespace engramd::engine::cuda {

enum class Outcome { ok, no_such_card, out_of_memory, failed };

struct Reply {
  Outcome outcome = Outcome::ok;
  char text[160] = {};  // the driver's words when it is not ok
};

// Starts the device's context.
Reply start_card(int card, uint64_t* free_bytes, uint64_t* total_bytes);
Reply allocate(int card, size_t bytes, std::byte** data);
Reply release(int card, std::byte* data);
Reply upload(int card, std::byte* to, const std::byte* from, size_t bytes);
Reply download(int card, std::byte* to, const std::byte* from, size_t bytes);
Reply copy(int card, std::byte* to, const std::byte* from, size_t bytes);
Reply synchronise(int card);

Reply quantise_q8_32(int card, const device::QuantiseArgs& args);
Reply quantise_q8_256(int card, const device::QuantiseArgs& args);
Reply matvec_q8_0(int card, const device::MatmulArgs& args);
Reply matvec_q4_k(int card, const device::MatmulArgs& args);
Reply rms_norm(int card, const device::RmsNormArgs& args);

}  // namespace engramd::engine::cuda
