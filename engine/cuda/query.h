// engine/cuda/query.h - what crosses between nvcc's C++17 and the rest: plain C structs.
#pragma once

#include <cstdint>

namespace engramd::engine::cuda {

struct RawDevice {
  char name[256];
  uint64_t memory_bytes;
  int major, minor;
};

// Fills at most `capacity` devices and returns how many; -1 on failure with `problem` set.
int query_devices(RawDevice* devices, int capacity, int* runtime_version, char* problem,
                  int problem_bytes);

}  // namespace engramd::engine::cuda
