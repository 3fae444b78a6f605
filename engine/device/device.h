// engine/device/device.h - a processor with its own memory: the seam between the engine and what
// computes for it.
//
// A Device gives memory and a table of operators. The table is keyed by (operator, type) and each
// kind of device has its own, so a row is found by (operator, type, device); a missing row is null
// and its work stays on the CPU. Everything that knows one kind of device is in that kind's folder.
//
// The kinds: `cpu` runs the rows of cpu::Kernels; `cuda:N` runs the kernels of engine/cuda; `twin`
// runs the very bodies of those kernels as ordinary C++ on host memory, slowly, as what they are
// checked with where no card is.
//
// Calls on one Device come from one thread at a time. Operators may return before they are done:
// download() and synchronise() wait, and report what went wrong since.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/device/operator_args.h"
#include "engine/memory/budget.h"
#include "engine/quant/types.h"

namespace engramd::engine::device {

enum class DeviceKind : uint8_t { cpu, cuda, twin };

struct DeviceId {
  DeviceKind kind = DeviceKind::cpu;
  int index = 0;  // of a cuda device; 0 otherwise
  friend bool operator==(const DeviceId&, const DeviceId&) = default;
};
// "cpu", "cuda:1", "twin"; "cuda" alone is "cuda:0".
std::string to_string(DeviceId id);
Result<DeviceId> parse_device(std::string_view text);

class Device;

// A table of one kind of device. Null: it has no such row.
struct Operators {
  using Quantise = Status (*)(Device&, const QuantiseArgs&);
  using Matmul = Status (*)(Device&, const MatmulArgs&);
  using RmsNorm = Status (*)(Device&, const RmsNormArgs&);

  // By the number of the weights' type.
  std::array<Quantise, quant::kTypeNumbers> quantise_of{};
  std::array<Matmul, quant::kTypeNumbers> matmul_of{};
  RmsNorm rms_norm = nullptr;

  Quantise quantise(quant::Type type) const { return quantise_of[size_t(type)]; }
  Matmul matmul(quant::Type type) const { return matmul_of[size_t(type)]; }
  // "matmul Q8_0 Q4_K, rms_norm"
  std::string names() const;
};

class Device {
 public:
  virtual ~Device() = default;
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  DeviceId id() const { return id_; }
  const Operators& operators() const { return operators_; }
  // What buffers may still take here.
  memory::Budget& budget() { return budget_; }
  // Its addresses can be read and written by this process.
  bool is_host_memory() const { return id_.kind != DeviceKind::cuda; }

  // Aligned to kAlignment, not zeroed. For Buffer, which keeps the budget.
  virtual Result<std::byte*> allocate(size_t bytes) = 0;
  virtual void release(std::byte* data) = 0;
  // Between the host and here, and within here. The source may change when the call returns.
  virtual Status upload(std::byte* to, const std::byte* from, size_t bytes) = 0;
  virtual Status download(std::byte* to, const std::byte* from, size_t bytes) = 0;
  virtual Status copy(std::byte* to, const std::byte* from, size_t bytes) = 0;
  virtual Status synchronise() = 0;

  static constexpr size_t kAlignment = 256;

 protected:
  Device(DeviceId id, const Operators& operators, uint64_t budget_bytes)
      : id_(id), operators_(operators), budget_(budget_bytes) {}

 private:
  const DeviceId id_;
  const Operators operators_;
  memory::Budget budget_;
};

// `budget_bytes` 0: nine tenths of what is free there now. Unavailable when there is no such
// device or the build has none of its kind.
Result<std::shared_ptr<Device>> open_device(DeviceId id, uint64_t budget_bytes = 0);

// The rows that this build has for a kind, whether or not such a device is here.
Operators operators_of(DeviceKind kind);

}  // namespace engramd::engine::device
