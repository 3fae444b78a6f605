// engine/device/buffer.h - bytes on a device, owned.
//
// A buffer keeps its device alive, takes its size from the device's budget and gives it back.
// Every offset and length is checked. Moved, never copied; the same threads as its device.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "base/result.h"
#include "engine/device/device.h"

namespace engramd::engine::device {

class Buffer {
 public:
  // At least one byte, not zeroed. Exhausted when the budget or the device has no room.
  static Result<Buffer> make(std::shared_ptr<Device> device, size_t bytes);
  // Of host bytes.
  static Result<Buffer> make_from(std::shared_ptr<Device> device, std::span<const std::byte> bytes);

  Buffer() = default;  // of no device, of size 0
  ~Buffer() { reset(); }
  Buffer(Buffer&& other) noexcept { swap(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    Buffer(std::move(other)).swap(*this);
    return *this;
  }

  Device* device() const { return device_.get(); }
  size_t size() const { return size_; }
  // An address on the device: for operators, not for the host.
  std::byte* data() { return data_; }
  const std::byte* data() const { return data_; }

  Status upload(std::span<const std::byte> from, size_t offset = 0);
  Status download(std::span<std::byte> to, size_t offset = 0) const;
  // `from` may be on another device.
  Status copy_from(const Buffer& from, size_t from_offset, size_t offset, size_t bytes);

 private:
  void reset();
  void swap(Buffer& other) noexcept;
  Status check_range(std::string_view what, size_t offset, size_t bytes) const;

  std::shared_ptr<Device> device_;
  std::byte* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace engramd::engine::device
