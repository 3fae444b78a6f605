#include "engine/api/devices.h"

#include "engine/cuda/devices.h"

#ifdef ENGRAMD_WITH_CUDA
#include "engine/cuda/query.h"
#endif

namespace engramd::engine {

#ifdef ENGRAMD_WITH_CUDA
DeviceReport find_devices() {
  constexpr int kCapacity = 64;
  std::vector<cuda::RawDevice> raw(kCapacity);
  int version = 0;
  char problem[256] = {};
  const int n = cuda::query_devices(raw.data(), kCapacity, &version, problem, sizeof problem);
  DeviceReport report;
  report.backend =
      "cuda " + std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
  report.problem = problem;
  report.operators = cuda::card_operators().names();
  for (int i = 0; i < n; ++i)
    report.devices.push_back({raw[size_t(i)].name, raw[size_t(i)].memory_bytes,
                              raw[size_t(i)].major, raw[size_t(i)].minor});
  return report;
}
#else
DeviceReport find_devices() {
  return {"built without CUDA", {}, {}, {}};
}
#endif

}  // namespace engramd::engine
