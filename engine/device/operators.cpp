#include "engine/device/operators.h"

#include <initializer_list>
#include <limits>
#include <string>

#include "engine/cpu/kernels.h"

namespace engramd::engine::device {
namespace {

// The product, or the largest number when it does not fit: more than any buffer has.
size_t bytes_of(std::initializer_list<size_t> factors) {
  size_t product = 1;
  for (const size_t factor : factors)
    if (__builtin_mul_overflow(product, factor, &product))
      return std::numeric_limits<size_t>::max();
  return product;
}

struct Part {
  std::string_view what;
  const Buffer& buffer;
  size_t offset, bytes;
};

Status check_parts(std::string_view operator_name, std::initializer_list<Part> parts) {
  const Device* device = parts.begin()->buffer.device();
  for (const Part& part : parts) {
    if (device == nullptr || part.buffer.device() != device)
      return fail(ErrorCode::invalid_input, std::string(operator_name) + ": the " +
                                                std::string(part.what) +
                                                " is not on the device of the others");
    const size_t size = part.buffer.size();
    if (part.offset > size || part.bytes > size - part.offset)
      return fail(ErrorCode::invalid_input,
                  std::string(operator_name) + ": the " + std::string(part.what) + " needs " +
                      std::to_string(part.bytes) + " bytes at " + std::to_string(part.offset) +
                      ", its buffer has " + std::to_string(size));
  }
  return {};
}

Status check_whole_blocks(std::string_view operator_name, quant::Type type, size_t n) {
  const quant::TypeInfo& info = quant::info(type);
  if (n > 0 && n % info.block_elements == 0) return {};
  return fail(ErrorCode::invalid_input, std::string(operator_name) + ": rows of " +
                                            std::to_string(n) + " elements in " +
                                            std::string(info.name) + ", expected a multiple of " +
                                            std::to_string(info.block_elements));
}

Status no_row(std::string_view operator_name, std::string_view type, const Device& device) {
  return fail(ErrorCode::unsupported, to_string(device.id()) + " has no operator " +
                                          std::string(operator_name) + " for " + std::string(type));
}

const float* floats(const Buffer& buffer) {
  return reinterpret_cast<const float*>(buffer.data());
}
float* floats(Buffer& buffer) {
  return reinterpret_cast<float*>(buffer.data());
}

}  // namespace

size_t activation_row_bytes(quant::Type type, size_t n) {
  return cpu::activation_bytes(cpu::activation_format(type), n);
}

Status quantise(quant::Type type, const Buffer& x, size_t n, size_t n_rows, Buffer& out) {
  ENGRAMD_CHECK(check_whole_blocks("quantise", type, n));
  const size_t row_bytes = activation_row_bytes(type, n);
  ENGRAMD_CHECK(check_parts("quantise", {{"input", x, 0, bytes_of({n, n_rows, sizeof(float)})},
                                         {"output", out, 0, bytes_of({row_bytes, n_rows})}}));
  const auto row = x.device()->operators().quantise(type);
  if (row == nullptr) return no_row("quantise", quant::info(type).name, *x.device());
  if (n_rows == 0) return {};
  return row(*x.device(), {floats(x), n, n_rows, out.data(), row_bytes});
}

Status matmul(const PlacedMatrix& weights, const Buffer& activations, size_t n_columns,
              Buffer& out) {
  const quant::TypeInfo& info = quant::info(weights.type);
  ENGRAMD_CHECK(check_whole_blocks("matmul", weights.type, weights.n));
  if (weights.buffer == nullptr)
    return fail(ErrorCode::invalid_input, "matmul: the weights have no buffer");
  const size_t row_bytes = weights.n / info.block_elements * info.block_bytes;
  const size_t activation_bytes = activation_row_bytes(weights.type, weights.n);
  ENGRAMD_CHECK(check_parts(
      "matmul", {{"weights", *weights.buffer, weights.offset, bytes_of({row_bytes, weights.rows})},
                 {"input", activations, 0, bytes_of({activation_bytes, n_columns})},
                 {"output", out, 0, bytes_of({weights.rows, n_columns, sizeof(float)})}}));
  const size_t alignment = info.block_bytes & (~info.block_bytes + 1);
  if (weights.offset % alignment != 0)
    return fail(ErrorCode::invalid_input, "matmul: weights of " + std::string(info.name) +
                                              " at offset " + std::to_string(weights.offset) +
                                              ", expected a multiple of " +
                                              std::to_string(alignment));
  Device& device = *out.device();
  const auto row = device.operators().matmul(weights.type);
  if (row == nullptr) return no_row("matmul", info.name, device);
  if (weights.rows == 0 || n_columns == 0) return {};
  return row(device, {weights.buffer->data() + weights.offset, weights.rows, weights.n, row_bytes,
                      activations.data(), n_columns, activation_bytes, floats(out)});
}

Status rms_norm(const Buffer& x, const Buffer* weight, size_t n, size_t n_rows, float eps,
                Buffer& out) {
  const size_t bytes = bytes_of({n, n_rows, sizeof(float)});
  ENGRAMD_CHECK(check_parts("rms_norm", {{"input", x, 0, bytes}, {"output", out, 0, bytes}}));
  if (weight != nullptr)
    ENGRAMD_CHECK(check_parts("rms_norm", {{"input", x, 0, bytes},
                                           {"weight", *weight, 0, bytes_of({n, sizeof(float)})}}));
  const auto row = x.device()->operators().rms_norm;
  if (row == nullptr) return no_row("rms_norm", "floats", *x.device());
  if (n == 0 || n_rows == 0) return {};
  return row(*x.device(), {floats(x), weight == nullptr ? nullptr : floats(*weight), n, n_rows, eps,
                           floats(out)});
}

}  // namespace engramd::engine::device
