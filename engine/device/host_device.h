// engine/device/host_device.h - devices whose memory is this process's own.
#pragma once

#include "engine/cpu/kernels.h"
#include "engine/device/device.h"

namespace engramd::engine::device {

// Operators run on the calling thread and are done when they return.
class HostDevice : public Device {
 public:
  // `budget_bytes` 0: nine tenths of what the machine can give.
  HostDevice(DeviceId id, const Operators& operators, uint64_t budget_bytes);

  Result<std::byte*> allocate(size_t bytes) override;
  void release(std::byte* data) override;
  Status upload(std::byte* to, const std::byte* from, size_t bytes) override;
  Status download(std::byte* to, const std::byte* from, size_t bytes) override;
  Status copy(std::byte* to, const std::byte* from, size_t bytes) override;
  Status synchronise() override { return {}; }
};

// A row for each of `kernels`'. They are for buffers; a step's own matrices on the CPU go through
// blocks::run_matmuls, which cuts several of them into one job of all threads.
Operators cpu_operators(const cpu::Kernels& kernels);

class CpuDevice final : public HostDevice {
 public:
  CpuDevice(const cpu::Kernels& kernels, uint64_t budget_bytes)
      : HostDevice({}, cpu_operators(kernels), budget_bytes), kernels_(kernels) {}
  const cpu::Kernels& kernels() const { return kernels_; }

 private:
  const cpu::Kernels& kernels_;
};

}  // namespace engramd::engine::device
