// engine/api/devices.h - the accelerators this build can see and what it can run on them: what
// `engramd doctor` prints.
//
// Finding starts no context on a device; checking does. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace engramd::engine {

struct Device {
  std::string name;
  uint64_t memory_bytes = 0;
  int compute_major = 0, compute_minor = 0;
};

struct DeviceReport {
  std::string backend;  // "cuda 13.0", or "built without CUDA"
  std::vector<Device> devices;
  std::string problem;    // why there are none, when the driver says so
  std::string operators;  // "matmul Q8_0 Q4_K, rms_norm": what the build has for them
};

DeviceReport find_devices();

// One operator on one device, beside the CPU's reference kernels.
struct OperatorCheck {
  std::string name;             // "matmul Q4_K 256 x 2048"
  double error = 0, bound = 0;  // of max |difference| / max |expected|
  double ms = 0;                // a call
  bool passed() const { return error <= bound; }
};

// Every operator of "cuda:0" (or "twin", "cpu") on made-up data. Unavailable when there is no such
// device; an error too when a call fails.
Result<std::vector<OperatorCheck>> check_device(std::string_view device);

}  // namespace engramd::engine
