// engine/device/placement.h - which of a model's weights lie on a device too, and products with
// them.
//
// A tensor is known by the address of its bytes in the mapped file, so neither families nor blocks
// know of it: blocks::run_matmuls asks here for each matrix. The file stays mapped; when the device
// fails, the placement is given up with one line in the log and the CPU computes on.
// Filled by one thread, then used by any.
#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <unordered_map>

#include "engine/device/operators.h"

namespace engramd::engine::device {

class Placement {
 public:
  explicit Placement(std::shared_ptr<Device> device) : device_(std::move(device)) {}

  // Whether the device multiplies by this type.
  bool takes(quant::Type type) const;
  // Uploads a tensor. Exhausted: no room, and it stays on the CPU.
  Status place(std::span<const std::byte> tensor);
  uint64_t placed_bytes() const { return placed_bytes_; }

  // Null: not placed, or given up.
  const Buffer* find(const std::byte* tensor) const;

  // out[c] = matrix * activations[c] for host rows that were rounded for its type. False: the
  // device failed and `out` is worthless.
  bool multiply(const PlacedMatrix& matrix, std::span<const std::byte* const> activations,
                float* const* out) const;

 private:
  Status try_multiply(const PlacedMatrix& matrix, std::span<const std::byte* const> activations,
                      float* const* out) const;

  std::shared_ptr<Device> device_;
  std::unordered_map<const std::byte*, Buffer> tensors_;
  uint64_t placed_bytes_ = 0;
  mutable std::atomic<bool> given_up_{false};
};

}  // namespace engramd::engine::device
