// engine/api/devices.h - the accelerators this build can see: what `engramd doctor` prints.
//
// Discovery only; asking starts no context on a device. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace engramd::engine {

struct Device {
  std::string name;
  uint64_t memory_bytes = 0;
  int compute_major = 0, compute_minor = 0;
};

struct DeviceReport {
  std::string backend;  // "cuda 13.0", or "built without CUDA"
  std::vector<Device> devices;
  std::string problem;  // why there are none, when the driver says so
};

DeviceReport find_devices();

}  // namespace engramd::engine
