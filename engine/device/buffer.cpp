#include "engine/device/buffer.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace engramd::engine::device {

Result<Buffer> Buffer::make(std::shared_ptr<Device> device, size_t bytes) {
  if (bytes == 0) return fail(ErrorCode::invalid_input, "a buffer of 0 bytes was asked for");
  if (!device->budget().take(bytes))
    return fail(ErrorCode::exhausted, to_string(device->id()) + ": a buffer of " +
                                          std::to_string(bytes) + " bytes was asked for, " +
                                          std::to_string(device->budget().left()) + " of " +
                                          std::to_string(device->budget().total()) + " are left");
  const auto data = device->allocate(bytes);
  if (!data) {
    device->budget().give_back(bytes);
    return fail(data.error());
  }
  Buffer out;
  out.device_ = std::move(device);
  out.data_ = *data;
  out.size_ = bytes;
  return out;
}

Result<Buffer> Buffer::make_from(std::shared_ptr<Device> device, std::span<const std::byte> bytes) {
  ENGRAMD_TRY(Buffer out, make(std::move(device), bytes.size()));
  ENGRAMD_CHECK(out.upload(bytes));
  return out;
}

void Buffer::reset() {
  if (data_ == nullptr) return;
  device_->release(data_);
  device_->budget().give_back(size_);
  device_.reset();
  data_ = nullptr;
  size_ = 0;
}

void Buffer::swap(Buffer& other) noexcept {
  std::swap(device_, other.device_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
}

Status Buffer::check_range(std::string_view what, size_t offset, size_t bytes) const {
  if (offset <= size_ && bytes <= size_ - offset) return {};
  return fail(ErrorCode::invalid_input, std::string(what) + " of " + std::to_string(bytes) +
                                            " bytes at " + std::to_string(offset) +
                                            " in a buffer of " + std::to_string(size_));
}

Status Buffer::upload(std::span<const std::byte> from, size_t offset) {
  ENGRAMD_CHECK(check_range("an upload", offset, from.size()));
  if (from.empty()) return {};
  return device_->upload(data_ + offset, from.data(), from.size());
}

Status Buffer::download(std::span<std::byte> to, size_t offset) const {
  ENGRAMD_CHECK(check_range("a download", offset, to.size()));
  if (to.empty()) return {};
  return device_->download(to.data(), data_ + offset, to.size());
}

Status Buffer::copy_from(const Buffer& from, size_t from_offset, size_t offset, size_t bytes) {
  ENGRAMD_CHECK(from.check_range("a copy", from_offset, bytes));
  ENGRAMD_CHECK(check_range("a copy", offset, bytes));
  if (bytes == 0) return {};
  if (from.data_ == data_ && from_offset < offset + bytes && offset < from_offset + bytes)
    return fail(ErrorCode::invalid_input,
                "a copy onto itself: from " + std::to_string(from_offset) + " to " +
                    std::to_string(offset) + ", " + std::to_string(bytes) + " bytes");
  if (from.device_ == device_)
    return device_->copy(data_ + offset, from.data_ + from_offset, bytes);
  if (from.device_->is_host_memory()) {
    ENGRAMD_CHECK(from.device_->synchronise());
    return device_->upload(data_ + offset, from.data_ + from_offset, bytes);
  }
  if (device_->is_host_memory()) {
    ENGRAMD_CHECK(device_->synchronise());
    return from.device_->download(data_ + offset, from.data_ + from_offset, bytes);
  }
  // Two cards: through the host, a piece at a time.
  std::vector<std::byte> piece(std::min<size_t>(bytes, size_t(4) << 20));
  for (size_t at = 0; at < bytes; at += piece.size()) {
    const size_t n = std::min(piece.size(), bytes - at);
    ENGRAMD_CHECK(from.device_->download(piece.data(), from.data_ + from_offset + at, n));
    ENGRAMD_CHECK(device_->upload(data_ + offset + at, piece.data(), n));
  }
  return {};
}

}  // namespace engramd::engine::device
