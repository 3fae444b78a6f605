// engine/cuda/operators.cu - memory and launches of one card.
#include "engine/cuda/operators.h"

#include <cuda_runtime.h>

#include <cstdio>

#include "engine/cuda/bodies.cuh"

namespace engramd::engine::cuda {
namespace {

Reply reply_of(cudaError_t error) {
  Reply reply;
  if (error == cudaSuccess) return reply;
  reply.outcome = error == cudaErrorMemoryAllocation ? Outcome::out_of_memory
                  : error == cudaErrorInvalidDevice || error == cudaErrorNoDevice ||
                          error == cudaErrorInsufficientDriver
                      ? Outcome::no_such_card
                      : Outcome::failed;
  std::snprintf(reply.text, sizeof reply.text, "%s", cudaGetErrorString(error));
  cudaGetLastError();  // what is reported is no longer pending, unless the context is lost
  return reply;
}

// The runtime's current device belongs to the thread: set before every call.
template <class Call>
Reply on_card(int card, Call call) {
  const cudaError_t error = cudaSetDevice(card);
  return reply_of(error == cudaSuccess ? call() : error);
}

template <class Body, unsigned n>
__device__ float join_lanes(float part) {
  for (unsigned offset = n / 2; offset > 0; offset /= 2)
    part = Body::join(part, __shfl_xor_sync(0xffffffffu, part, offset));
  return part;
}

template <class Body>
constexpr unsigned kThreads = Body::kWidth < 128 ? 128 : Body::kWidth;

// See bodies.cuh. Threads of groups beyond the last stay to the end: the shuffles and barriers
// need whole warps and blocks.
template <class Body>
__global__ void __launch_bounds__(kThreads<Body>)
    run_body(const typename Body::Args args, const size_t n_groups) {
  constexpr unsigned kWidth = Body::kWidth, kLanes = kWidth < 32 ? kWidth : 32,
                     kWarps = kWidth / kLanes;
  const size_t thread = size_t(blockIdx.x) * kThreads<Body> + threadIdx.x;
  const size_t group = thread / kWidth;
  const unsigned lane = threadIdx.x % kWidth;
  float part = group < n_groups ? Body::partial(args, group, lane) : 0.0f;
  part = join_lanes<Body, kLanes>(part);
  if constexpr (kWarps > 1) {
    static_assert(kThreads<Body> == kWidth && kWarps <= 32, "one group fills the block");
    __shared__ float warp_parts[kWarps];
    if (lane % 32 == 0) warp_parts[lane / 32] = part;
    __syncthreads();
    part = join_lanes<Body, kWarps>(warp_parts[lane % kWarps]);
  }
  if (group < n_groups) Body::finish(args, group, lane, part);
}

template <class Body>
Reply launch(int card, const typename Body::Args& args) {
  const size_t n_groups = Body::n_groups(args);
  const size_t n_blocks = (n_groups * Body::kWidth + kThreads<Body> - 1) / kThreads<Body>;
  if (n_blocks > 0x7fffffff) {
    Reply reply;
    reply.outcome = Outcome::failed;
    std::snprintf(reply.text, sizeof reply.text, "%zu blocks of threads are too many", n_blocks);
    return reply;
  }
  if (n_blocks == 0) return {};
  typename Body::Args kernel_args = args;
  size_t kernel_groups = n_groups;
  void* parameters[] = {&kernel_args, &kernel_groups};
  return on_card(card, [&] {
    return cudaLaunchKernel(run_body<Body>, dim3(unsigned(n_blocks)), dim3(kThreads<Body>),
                            parameters, 0, nullptr);
  });
}

}  // namespace

Reply start_card(int card, uint64_t* free_bytes, uint64_t* total_bytes) {
  int n_cards = 0;
  const cudaError_t counted = cudaGetDeviceCount(&n_cards);
  if (counted != cudaSuccess) return reply_of(counted);
  if (card < 0 || card >= n_cards) return reply_of(cudaErrorInvalidDevice);
  return on_card(card, [&] {
    size_t free = 0, total = 0;
    const cudaError_t error = cudaMemGetInfo(&free, &total);
    *free_bytes = free;
    *total_bytes = total;
    return error;
  });
}

Reply allocate(int card, size_t bytes, std::byte** data) {
  return on_card(card, [&] { return cudaMalloc(reinterpret_cast<void**>(data), bytes); });
}

Reply release(int card, std::byte* data) {
  return on_card(card, [&] { return cudaFree(data); });
}

Reply upload(int card, std::byte* to, const std::byte* from, size_t bytes) {
  return on_card(card, [&] { return cudaMemcpy(to, from, bytes, cudaMemcpyHostToDevice); });
}

Reply download(int card, std::byte* to, const std::byte* from, size_t bytes) {
  return on_card(card, [&] { return cudaMemcpy(to, from, bytes, cudaMemcpyDeviceToHost); });
}

Reply copy(int card, std::byte* to, const std::byte* from, size_t bytes) {
  return on_card(card, [&] { return cudaMemcpy(to, from, bytes, cudaMemcpyDeviceToDevice); });
}

Reply synchronise(int card) {
  return on_card(card, [] { return cudaDeviceSynchronize(); });
}

Reply quantise_q8_32(int card, const device::QuantiseArgs& args) {
  return launch<QuantiseQ8_32>(card, args);
}
Reply quantise_q8_256(int card, const device::QuantiseArgs& args) {
  return launch<QuantiseQ8_256>(card, args);
}
Reply matvec_q8_0(int card, const device::MatmulArgs& args) {
  return launch<MatvecQ8_0>(card, args);
}
Reply matvec_q4_k(int card, const device::MatmulArgs& args) {
  return launch<MatvecQ4_K>(card, args);
}
Reply rms_norm(int card, const device::RmsNormArgs& args) {
  return launch<RmsNorm>(card, args);
}

}  // namespace engramd::engine::cuda
