// The twins as rows of a table.
#include "engine/cpu/kernels.h"
#include "engine/cuda/bodies.cuh"
#include "engine/cuda/devices.h"
#include "engine/cuda/twin.h"

namespace engramd::engine::cuda {
namespace {

static_assert(sizeof(RoundedBlock32) == sizeof(cpu::BlockQ8_32) &&
              offsetof(RoundedBlock32, sum) == offsetof(cpu::BlockQ8_32, sum) &&
              offsetof(RoundedBlock32, q) == offsetof(cpu::BlockQ8_32, q));
static_assert(sizeof(RoundedBlock256) == sizeof(cpu::BlockQ8_256) &&
              offsetof(RoundedBlock256, sums) == offsetof(cpu::BlockQ8_256, sums) &&
              offsetof(RoundedBlock256, sums_32) == offsetof(cpu::BlockQ8_256, sums_32) &&
              offsetof(RoundedBlock256, d) == offsetof(cpu::BlockQ8_256, d));

template <class Body>
Status twin(device::Device&, const typename Body::Args& args) {
  run_twin<Body>(args);
  return {};
}

}  // namespace

device::Operators twin_operators() {
  using quant::Type;
  device::Operators out;
  out.quantise_of[size_t(Type::q8_0)] = twin<QuantiseQ8_32>;
  out.quantise_of[size_t(Type::q4_k)] = twin<QuantiseQ8_256>;
  out.matmul_of[size_t(Type::q8_0)] = twin<MatvecQ8_0>;
  out.matmul_of[size_t(Type::q4_k)] = twin<MatvecQ4_K>;
  out.rms_norm = twin<RmsNorm>;
  return out;
}

}  // namespace engramd::engine::cuda
