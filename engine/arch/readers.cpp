// engine/arch/readers.cpp - configuration and tensors, checked against what a family expects.
#include <charconv>
#include <cstdio>

#include "engine/arch/family.h"

namespace engramd::engine::arch {
namespace {

std::string printed_number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", value);
  return text;
}

template <class Sizes>
std::string printed_shape(const Sizes& shape) {
  std::string out = "[";
  for (const auto size : shape) out += (out.size() > 1 ? ", " : "") + std::to_string(size);
  return out + "]";
}

}  // namespace

Result<size_t> ConfigReader::size(std::string_view key, size_t low, size_t high) const {
  const std::string name = prefix_ + std::string(key);
  ENGRAMD_TRY(const uint64_t value, file_.unsigned_value(name));
  if (value < low || value > high)
    return fail(ErrorCode::corrupt, "key " + name + " is " + std::to_string(value) + ", expected " +
                                        std::to_string(low) + " to " + std::to_string(high));
  return size_t(value);
}

Result<size_t> ConfigReader::size_or(std::string_view key, size_t fallback, size_t low,
                                     size_t high) const {
  if (!has(key)) return fallback;
  return size(key, low, high);
}

Result<double> ConfigReader::number(std::string_view key, double low, double high) const {
  const std::string name = prefix_ + std::string(key);
  ENGRAMD_TRY(const double value, file_.number(name));
  if (!(value >= low && value <= high))
    return fail(ErrorCode::corrupt, "key " + name + " is " + printed_number(value) + ", expected " +
                                        printed_number(low) + " to " + printed_number(high));
  return value;
}

Result<double> ConfigReader::number_or(std::string_view key, double fallback, double low,
                                       double high) const {
  if (!has(key)) return fallback;
  return number(key, low, high);
}

Result<std::vector<double>> ConfigReader::numbers(std::string_view key, size_t n, double low,
                                                  double high) const {
  const std::string name = prefix_ + std::string(key);
  const format::Value* value = file_.find(name);
  if (value != nullptr && value->type != format::ValueType::array) {
    ENGRAMD_TRY(const double one, number(key, low, high));
    return std::vector<double>(n, one);
  }
  ENGRAMD_TRY(std::vector<double> out, file_.number_array(name));
  if (out.size() < n)
    return fail(ErrorCode::corrupt, "key " + name + " has " + std::to_string(out.size()) +
                                        " values, expected one for each of " + std::to_string(n) +
                                        " layers");
  out.resize(n);
  for (const double each : out)
    if (!(each >= low && each <= high))
      return fail(ErrorCode::corrupt, "key " + name + " holds " + printed_number(each) +
                                          ", expected " + printed_number(low) + " to " +
                                          printed_number(high));
  return out;
}

Result<std::vector<size_t>> ConfigReader::sizes(std::string_view key, size_t n, size_t low,
                                                size_t high) const {
  ENGRAMD_TRY(const std::vector<double> values, numbers(key, n, double(low), double(high)));
  std::vector<size_t> out;
  for (const double value : values) {
    if (value != double(size_t(value)))
      return fail(ErrorCode::corrupt, "key " + prefix_ + std::string(key) + " holds " +
                                          printed_number(value) + ", expected whole numbers");
    out.push_back(size_t(value));
  }
  return out;
}

Result<bool> ConfigReader::flag_or(std::string_view key, bool fallback) const {
  if (!has(key)) return fallback;
  return file_.boolean(prefix_ + std::string(key));
}

Result<const format::Tensor*> TensorReader::take(const std::string& name,
                                                 std::initializer_list<size_t> shape) {
  const format::Tensor* tensor = file_.find_tensor(name);
  if (tensor == nullptr) return fail(ErrorCode::corrupt, "tensor " + name + " is missing");
  // Writers may add or drop trailing dimensions of size 1.
  const auto size_at = [](const auto& sizes, size_t i) {
    return i < sizes.size() ? uint64_t(*(sizes.begin() + std::ptrdiff_t(i))) : uint64_t(1);
  };
  for (size_t i = 0; i < 4; ++i)
    if (size_at(tensor->shape, i) != size_at(shape, i))
      return fail(ErrorCode::corrupt, "tensor " + name + " has shape " +
                                          printed_shape(tensor->shape) + ", expected " +
                                          printed_shape(shape));
  taken_.insert(name);
  return tensor;
}

Result<blocks::Matrix> TensorReader::matrix(const std::string& name,
                                            std::initializer_list<size_t> shape) {
  ENGRAMD_TRY(const format::Tensor* tensor, take(name, shape));
  if (tensor->type->to_float == nullptr)
    return fail(ErrorCode::unsupported,
                "tensor " + name + " is of type " + std::string(tensor->type->name) +
                    ", which this engine does not run: it runs " + quant::runnable_type_names());
  const size_t* size = shape.begin();
  blocks::Matrix matrix;
  matrix.type = quant::Type(tensor->type->id);
  matrix.data = tensor->bytes.data();
  matrix.columns = size[0];
  matrix.rows = size[1];
  matrix.n_slices = shape.size() > 2 ? size[2] : 1;
  matrix.row_bytes = size[0] / tensor->type->block_elements * tensor->type->block_bytes;
  return matrix;
}

Result<const float*> TensorReader::vector(const std::string& name, size_t n) {
  return floats(name, {n});
}

Result<const float*> TensorReader::vector_if_there(const std::string& name, size_t n) {
  if (!has(name)) return nullptr;
  return floats(name, {n});
}

Result<const float*> TensorReader::floats(const std::string& name,
                                          std::initializer_list<size_t> shape) {
  ENGRAMD_TRY(const format::Tensor* tensor, take(name, shape));
  if (tensor->type->id != uint32_t(quant::Type::f32))
    return fail(ErrorCode::unsupported, "tensor " + name + " is of type " +
                                            std::string(tensor->type->name) + ", expected F32");
  return reinterpret_cast<const float*>(tensor->bytes.data());
}

Result<const int32_t*> TensorReader::integers(const std::string& name,
                                              std::initializer_list<size_t> shape) {
  constexpr uint32_t kI32 = 26;
  ENGRAMD_TRY(const format::Tensor* tensor, take(name, shape));
  if (tensor->type->id != kI32)
    return fail(ErrorCode::unsupported, "tensor " + name + " is of type " +
                                            std::string(tensor->type->name) + ", expected I32");
  return reinterpret_cast<const int32_t*>(tensor->bytes.data());
}

Status TensorReader::all_taken() const {
  const auto is_skipped = [&](std::string_view name) {
    size_t layer = 0;
    if (!name.starts_with("blk.")) return false;
    name.remove_prefix(4);
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), layer);
    return parsed.ec == std::errc() && layer >= first_skipped_layer_;
  };
  for (const format::Tensor& tensor : file_.tensors())
    if (!taken_.contains(tensor.name) && !is_skipped(tensor.name))
      return fail(ErrorCode::unsupported,
                  "tensor " + std::string(tensor.name) + " is not part of this architecture");
  return {};
}

}  // namespace engramd::engine::arch
