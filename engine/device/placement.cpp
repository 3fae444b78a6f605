#include "engine/device/placement.h"

#include <cstring>
#include <vector>

#include "base/log.h"

namespace engramd::engine::device {

bool Placement::takes(quant::Type type) const {
  return device_->operators().matmul(type) != nullptr;
}

Status Placement::place(std::span<const std::byte> tensor) {
  ENGRAMD_TRY(Buffer buffer, Buffer::make_from(device_, tensor));
  placed_bytes_ += tensor.size();
  tensors_.insert_or_assign(tensor.data(), std::move(buffer));
  return {};
}

const Buffer* Placement::find(const std::byte* tensor) const {
  if (given_up_.load(std::memory_order_relaxed)) return nullptr;
  const auto found = tensors_.find(tensor);
  return found == tensors_.end() ? nullptr : &found->second;
}

bool Placement::multiply(const PlacedMatrix& matrix, std::span<const std::byte* const> activations,
                         float* const* out) const {
  const Status done = try_multiply(matrix, activations, out);
  if (done) return true;
  if (!given_up_.exchange(true)) log_error(done.error().message + "; the CPU computes from now on");
  return false;
}

Status Placement::try_multiply(const PlacedMatrix& matrix,
                               std::span<const std::byte* const> activations,
                               float* const* out) const {
  const size_t n_columns = activations.size();
  const size_t row_bytes = activation_row_bytes(matrix.type, matrix.n);
  std::vector<std::byte> rows(n_columns * row_bytes);
  for (size_t c = 0; c < n_columns; ++c)
    std::memcpy(rows.data() + c * row_bytes, activations[c], row_bytes);
  ENGRAMD_TRY(const Buffer input, Buffer::make_from(device_, rows));
  std::vector<float> products(n_columns * matrix.rows);
  const auto bytes = std::as_writable_bytes(std::span(products));
  ENGRAMD_TRY(Buffer output, Buffer::make(device_, bytes.size()));
  ENGRAMD_CHECK(device::matmul(matrix, input, n_columns, output));
  ENGRAMD_CHECK(output.download(bytes));
  for (size_t c = 0; c < n_columns; ++c)
    std::memcpy(out[c], products.data() + c * matrix.rows, matrix.rows * sizeof(float));
  return {};
}

}  // namespace engramd::engine::device
