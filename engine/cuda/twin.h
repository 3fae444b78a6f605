// engine/cuda/twin.h - a body of bodies.cuh as the card runs it, on the calling thread.
//
// Groups one after the other; in each, all lanes' parts, then the card's joining order, then all
// lanes' ends. The bits are those of the card.
#pragma once

#include <cstddef>
#include <utility>

namespace engramd::engine::cuda {

// Partners `offset` lanes away at the same moment, offset = n / 2 ... 1; n is a power of two.
template <class Body, unsigned n>
void join_butterfly(float (&parts)[n]) {
  for (unsigned offset = n / 2; offset > 0; offset /= 2) {
    float joined[n];
    for (unsigned lane = 0; lane < n; ++lane)
      joined[lane] = Body::join(parts[lane], parts[lane ^ offset]);
    for (unsigned lane = 0; lane < n; ++lane) parts[lane] = joined[lane];
  }
}

template <class Body>
void run_twin(const typename Body::Args& args) {
  constexpr unsigned kWidth = Body::kWidth, kLanes = kWidth < 32 ? kWidth : 32;
  const size_t n_groups = Body::n_groups(args);
  for (size_t group = 0; group < n_groups; ++group) {
    float warp_parts[kWidth / kLanes];
    for (unsigned warp = 0; warp < kWidth / kLanes; ++warp) {
      float parts[kLanes];
      for (unsigned lane = 0; lane < kLanes; ++lane)
        parts[lane] = Body::partial(args, group, warp * kLanes + lane);
      join_butterfly<Body>(parts);
      warp_parts[warp] = parts[0];
    }
    join_butterfly<Body>(warp_parts);
    for (unsigned lane = 0; lane < kWidth; ++lane) Body::finish(args, group, lane, warp_parts[0]);
  }
}

}  // namespace engramd::engine::cuda
