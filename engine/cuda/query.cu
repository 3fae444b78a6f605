// engine/cuda/query.cu - device discovery. cudaGetDeviceProperties makes no context.
#include <cuda_runtime.h>

#include <cstdio>
#include <cstring>

#include "engine/cuda/query.h"

namespace engramd::engine::cuda {

int query_devices(RawDevice* devices, int capacity, int* runtime_version, char* problem,
                  int problem_bytes) {
  *runtime_version = CUDART_VERSION;
  int n = 0;
  cudaError_t error = cudaGetDeviceCount(&n);
  for (int i = 0; error == cudaSuccess && i < n && i < capacity; ++i) {
    cudaDeviceProp properties;
    error = cudaGetDeviceProperties(&properties, i);
    if (error != cudaSuccess) break;
    std::memcpy(devices[i].name, properties.name, sizeof devices[i].name);
    devices[i].name[sizeof devices[i].name - 1] = '\0';
    devices[i].memory_bytes = properties.totalGlobalMem;
    devices[i].major = properties.major;
    devices[i].minor = properties.minor;
  }
  if (error != cudaSuccess) {
    std::snprintf(problem, size_t(problem_bytes), "%s", cudaGetErrorString(error));
    return -1;
  }
  return n < capacity ? n : capacity;
}

}  // namespace engramd::engine::cuda
