#include "engine/format/hf/layout.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "engine/quant/fp8.h"

namespace engramd::engine::format::hf {
namespace {

template <class T>
T load(const std::byte* p) {
  T value;
  std::memcpy(&value, p, sizeof value);
  return value;
}

uint32_t type_id(StoredType type) {
  switch (type) {
    case StoredType::f32:
      return 0;
    case StoredType::f16:
      return 1;
    case StoredType::bf16:
      return 30;
    case StoredType::i8:
      return 24;
    case StoredType::i16:
      return 25;
    case StoredType::i32:
      return 26;
    case StoredType::i64:
      return 27;
    case StoredType::f64:
      return 28;
    default:
      return ~uint32_t(0);
  }
}

constexpr uint32_t kF32 = 0, kF16 = 1, kI32 = 26, kBf16 = 30, kMxfp4 = 39;

struct E4m3Table {
  float values[256];
  E4m3Table() {
    for (int i = 0; i < 256; ++i) values[i] = quant::e4m3_to_float(uint8_t(i));
  }
};
const float* e4m3_table() {
  static const E4m3Table table;
  return table.values;
}

float scale_at(const Source& source, uint64_t row, uint64_t column) {
  const uint64_t per_row = source.scale->shape.back();
  const uint64_t index = row / source.block_rows * per_row + column / source.block_columns;
  const std::byte* p = source.scale->bytes.data();
  switch (source.scale->type) {
    case StoredType::f8_e8m0:
      return quant::ue8m0_to_float(uint8_t(p[index]));
    case StoredType::bf16:
      return quant::bf16_to_float(load<uint16_t>(p + 2 * index));
    default:
      return load<float>(p + 4 * index);
  }
}

// One element as a number; the slow way, for every encoding but fp4.
double element(const Source& source, uint64_t row, uint64_t column) {
  const uint64_t index = row * source.columns + column;
  const std::byte* p = source.weight->bytes.data();
  switch (source.weight->type) {
    case StoredType::f64:
      return load<double>(p + 8 * index);
    case StoredType::f32:
      return load<float>(p + 4 * index);
    case StoredType::f16:
      return quant::half_to_float(load<uint16_t>(p + 2 * index));
    case StoredType::bf16:
      return quant::bf16_to_float(load<uint16_t>(p + 2 * index));
    case StoredType::f8_e4m3: {
      const float value = e4m3_table()[uint8_t(p[index])];
      return source.scale == nullptr ? value : value * scale_at(source, row, column);
    }
    case StoredType::i64:
      return double(load<int64_t>(p + 8 * index));
    case StoredType::i32:
      return load<int32_t>(p + 4 * index);
    case StoredType::i16:
      return load<int16_t>(p + 2 * index);
    case StoredType::i8:
      return load<int8_t>(p + index);
    default:
      return 0;  // choose_type admits no other
  }
}

double apply(ValueOp op, double value) {
  switch (op) {
    case ValueOp::none:
      return value;
    case ValueOp::plus_one:
      return value + 1;
    case ValueOp::minus_exp:
      return -std::exp(value);
  }
  return value;
}

void store(uint32_t type, double value, std::byte* out) {
  if (type == kI32) {
    const auto v = int32_t(value);
    std::memcpy(out, &v, sizeof v);
  } else if (type == kBf16) {
    // Exact: choose_type takes BF16 only where every value fits.
    const uint16_t v = quant::float_to_bf16(float(value));
    std::memcpy(out, &v, sizeof v);
  } else if (type == kF16) {
    const uint16_t v = quant::float_to_half(float(value));
    std::memcpy(out, &v, sizeof v);
  } else {
    const auto v = float(value);
    std::memcpy(out, &v, sizeof v);
  }
}

// 32 values of packed pairs (v0 low nibble of byte 0, v1 its high one, ...) to an MXFP4 block:
// | scale e8m0 | 16 bytes: values 0 to 15 in the low nibbles, 16 to 31 in the high ones |
void repack_fp4_block(const std::byte* pairs, std::byte scale, std::byte* out) {
  out[0] = scale;
  for (size_t i = 0; i < 16; ++i) {
    const auto nibble = [&](size_t value) {
      const auto byte = uint8_t(pairs[value / 2]);
      return uint8_t(value % 2 == 0 ? byte & 15 : byte >> 4);
    };
    out[1 + i] = std::byte(nibble(i) | (nibble(16 + i) << 4));
  }
}

Status wrong_scale(const StoredTensor& weight, const StoredTensor& scale) {
  const auto printed = [](const StoredTensor& t) {
    std::string out = "[";
    for (const uint64_t size : t.shape) out += (out.size() > 1 ? ", " : "") + std::to_string(size);
    return out + "]";
  };
  return fail(ErrorCode::corrupt, "tensor " + scale.name + " has shape " + printed(scale) +
                                      ", which are no scales for " + weight.name + " of shape " +
                                      printed(weight));
}

bool is_power_of_two(float value) {
  int exponent = 0;
  return value > 0 && std::frexp(value, &exponent) == 0.5f;
}

// All scales are powers of two that keep e4m3 values (2^-9 to 448) exact in BF16.
bool scales_are_exact(const Source& source) {
  if (source.scale == nullptr) return true;
  const std::byte* p = source.scale->bytes.data();
  const uint64_t n = source.scale->n_elements();
  constexpr float kLow = 0x1p-110f, kHigh = 0x1p110f;
  for (uint64_t i = 0; i < n; ++i) {
    float scale = 0;
    switch (source.scale->type) {
      case StoredType::f8_e8m0:
        scale = quant::ue8m0_to_float(uint8_t(p[i]));
        break;
      case StoredType::bf16:
        scale = quant::bf16_to_float(load<uint16_t>(p + 2 * i));
        break;
      default:
        scale = load<float>(p + 4 * i);
    }
    if (!is_power_of_two(scale) || scale < kLow || scale > kHigh) return false;
  }
  return true;
}

}  // namespace

uint64_t Layout::n_slices() const {
  uint64_t n = 1;
  for (size_t i = 2; i < shape.size(); ++i) n *= shape[i];
  return n;
}

Result<Source> make_source(const StoredTensor& weight, const StoredTensor* scale,
                           const uint32_t config_block[2]) {
  Source source;
  source.weight = &weight;
  source.scale = scale;
  for (size_t i = 0; i + 1 < weight.shape.size(); ++i) source.rows *= weight.shape[i];
  if (!weight.shape.empty()) source.columns = weight.shape.back();
  if (weight.bytes.empty()) return fail(ErrorCode::corrupt, "tensor " + weight.name + " is empty");
  if (weight.type == StoredType::f8_e4m3) source.encoding = Encoding::fp8;
  if (scale == nullptr) return source;

  const bool bytes = weight.type == StoredType::i8 || weight.type == StoredType::u8;
  if (bytes && (scale->type == StoredType::f8_e8m0 || scale->type == StoredType::u8)) {
    // Two values a byte: [.., columns / 2] with [.., columns / 32], or, blocks apart,
    // [.., columns / 32, 16] with [.., columns / 32].
    const bool apart = weight.shape.size() == scale->shape.size() + 1 && weight.shape.back() == 16;
    if (!apart && weight.shape.size() != scale->shape.size())
      return fail(wrong_scale(weight, *scale).error());
    source.encoding = Encoding::fp4_pairs;
    source.columns = 2 * weight.shape.back();
    if (apart) {
      source.columns = 32 * weight.shape[weight.shape.size() - 2];
      source.rows /= weight.shape[weight.shape.size() - 2];
    }
    if (scale->shape.empty() || source.columns != 32 * scale->shape.back() ||
        scale->n_elements() != source.rows * (source.columns / 32))
      return fail(wrong_scale(weight, *scale).error());
    return source;
  }
  if (source.encoding != Encoding::fp8)
    return fail(ErrorCode::unsupported, "tensor " + weight.name + " of type " +
                                            std::string(to_string(weight.type)) +
                                            " has scales, which is not supported");
  if (scale->type != StoredType::f8_e8m0 && scale->type != StoredType::f32 &&
      scale->type != StoredType::bf16)
    return fail(ErrorCode::unsupported, "scales of type " + std::string(to_string(scale->type)) +
                                            " in tensor " + scale->name + " are not supported");
  if (scale->n_elements() == 1) {  // one for all
    source.block_rows = source.block_columns = UINT32_MAX;
    source.scale = scale;
    if (scale->shape.empty())
      return fail(ErrorCode::unsupported, "a scale without a shape in tensor " + scale->name);
    return source;
  }
  if (scale->shape.size() != 2 || weight.shape.size() != 2)
    return fail(wrong_scale(weight, *scale).error());
  const uint64_t n_rows = scale->shape[0], n_columns = scale->shape[1];
  const auto fits = [&](uint64_t rows, uint64_t columns) {
    return rows > 0 && columns > 0 && n_rows == (source.rows + rows - 1) / rows &&
           n_columns == (source.columns + columns - 1) / columns;
  };
  const auto accept = [&](uint64_t rows, uint64_t columns) {
    source.block_rows = uint32_t(rows);
    source.block_columns = uint32_t(columns);
  };
  if (fits(config_block[0], config_block[1])) {
    accept(config_block[0], config_block[1]);
  } else if (n_rows == source.rows && n_columns > 0 && source.columns % n_columns == 0 &&
             source.columns / n_columns <= UINT32_MAX) {
    accept(1, source.columns / n_columns);  // tables: a few scales for each row
  } else if (config_block[0] == 0 && fits(128, 128)) {
    accept(128, 128);
  } else if (config_block[0] == 0 && fits(32, 32)) {
    accept(32, 32);
  } else {
    return fail(wrong_scale(weight, *scale).error());
  }
  return source;
}

Result<Layout> plain_layout(std::vector<Source> sources) {
  Layout layout;
  const Source& first = sources.front();
  for (const Source& source : sources)
    if (source.rows != first.rows || source.columns != first.columns ||
        source.encoding != first.encoding || source.weight->type != first.weight->type ||
        source.weight->shape != first.weight->shape)
      return fail(ErrorCode::corrupt, "tensors " + first.weight->name + " and " +
                                          source.weight->name +
                                          " of one stack differ in type or shape");
  // Sizes of the source in elements, contiguous first.
  std::vector<uint64_t> sizes = first.weight->shape;
  if (first.encoding == Encoding::fp4_pairs) {
    if (sizes.size() > first.scale->shape.size()) sizes.pop_back();
    sizes.back() = first.columns;
  }
  std::reverse(sizes.begin(), sizes.end());
  if (sizes.empty()) sizes = {1};
  if (sources.size() > 1) sizes.push_back(sources.size());
  if (sizes.size() > 4)
    return fail(ErrorCode::unsupported, "tensor " + first.weight->name + " has " +
                                            std::to_string(sizes.size()) +
                                            " dimensions, at most 4 are supported");
  layout.shape = std::move(sizes);
  layout.rows.per_slice = sources.size() > 1 ? 0 : layout.n_rows();
  layout.sources = std::move(sources);
  return layout;
}

Status choose_type(Layout& layout, bool want_float32) {
  const Source& first = layout.sources.front();
  const auto refuse = [&](std::string_view why) {
    return fail(ErrorCode::unsupported, "tensor " + first.weight->name + " of type " +
                                            std::string(to_string(first.weight->type)) + " " +
                                            std::string(why));
  };
  if (first.encoding == Encoding::fp4_pairs) {
    if (layout.op != ValueOp::none || want_float32) return refuse("is packed, expected numbers");
    layout.type = quant::find_type(kMxfp4);
    return {};
  }
  uint32_t id = type_id(first.weight->type);
  if (first.encoding == Encoding::fp8) {
    const bool exact = std::all_of(layout.sources.begin(), layout.sources.end(), scales_are_exact);
    id = exact ? kBf16 : kF32;
  }
  if (id == ~uint32_t(0)) return refuse("is not supported");
  if (want_float32 || layout.op != ValueOp::none) {
    if (id != 0 && id != 1 && id != kBf16) return refuse("is used where F32 is needed");
    id = kF32;
  }
  layout.type = quant::find_type(id);
  return {};
}

Status as_int32(Layout& layout) {
  const StoredTensor& weight = *layout.sources.front().weight;
  if (layout.sources.size() != 1 ||
      (weight.type != StoredType::i64 && weight.type != StoredType::i32))
    return fail(ErrorCode::unsupported, "tensor " + weight.name + " is of type " +
                                            std::string(to_string(weight.type)) +
                                            ", expected I32 or I64");
  if (weight.type == StoredType::i64)
    for (uint64_t i = 0; i < weight.n_elements(); ++i)
      if (const auto value = load<int64_t>(weight.bytes.data() + 8 * i);
          value < INT32_MIN || value > INT32_MAX)
        return fail(ErrorCode::corrupt, "tensor " + weight.name + " has the number " +
                                            std::to_string(value) +
                                            ", which needs more than 32 bits");
  layout.type = quant::find_type(kI32);
  return {};
}

Status raw_layout(const StoredTensor& tensor, Layout& layout) {
  if (tensor.bytes.empty())
    return fail(ErrorCode::unsupported, "tensor " + tensor.name + " is empty and unknown");
  Source source;
  source.weight = &tensor;
  layout.shape.assign(tensor.shape.rbegin(), tensor.shape.rend());
  if (layout.shape.empty() || layout.shape.size() > 4) layout.shape = {tensor.n_elements()};
  uint32_t id = type_id(tensor.type);
  if (id == ~uint32_t(0)) {
    constexpr uint32_t kIntegers[] = {24, 25, 26, 27};  // of 1, 2, 4, 8 bytes
    id = kIntegers[std::countr_zero(element_bytes(tensor.type))];
  }
  layout.type = quant::find_type(id);
  source.rows = 1;
  for (size_t i = 1; i < layout.shape.size(); ++i) source.rows *= layout.shape[i];
  source.columns = layout.shape[0];
  layout.sources = {source};
  layout.rows.per_slice = layout.n_rows();
  return {};
}

Status check_layout(const Layout& layout) {
  const Source& first = layout.sources.front();
  const auto wrong = [&](const std::string& what) {
    return fail(ErrorCode::corrupt, "tensor " + first.weight->name + " does not have the " + what +
                                        " that the configuration implies");
  };
  uint64_t n = 1;
  for (const uint64_t size : layout.shape) {
    if (size == 0 || size > (uint64_t(1) << 60) / n) return wrong("size");
    n *= size;
  }
  if (layout.side_by_side) {
    if (layout.transposed || first.encoding == Encoding::fp4_pairs || layout.shape.size() != 2 ||
        layout.n_columns() != layout.sources.size() * first.columns ||
        layout.n_rows() != first.rows ||
        (layout.type->id != kF32 && layout.type->id != kF16 && layout.type->id != kBf16))
      return wrong("form");
    return {};
  }
  if (layout.sources.size() > 1 && layout.sources.size() != layout.n_slices())
    return wrong("number of slices");
  const auto within = [&](const AxisMap& map, uint64_t n_target, uint64_t n_source) {
    constexpr uint64_t kMost = uint64_t(1) << 60;
    const uint64_t last_slice = layout.n_slices() - 1;
    if (map.base > kMost || map.per_slice > kMost / (last_slice + 1) || map.step > kMost / n_target)
      return false;
    uint64_t farthest = (n_target - 1) * map.step;
    if (!map.order.empty()) {
      if (map.order.size() != n_target) return false;
      farthest = *std::max_element(map.order.begin(), map.order.end());
    }
    return map.base + last_slice * map.per_slice + farthest < n_source;
  };
  const bool t = layout.transposed;
  if (!within(layout.rows, t ? layout.n_columns() : layout.n_rows(), first.rows))
    return wrong("rows");
  if (!within(layout.columns, t ? layout.n_rows() : layout.n_columns(), first.columns))
    return wrong("columns");
  if (first.encoding == Encoding::fp4_pairs &&
      (t || !layout.columns.order.empty() || layout.columns.base != 0 || layout.columns.step != 1 ||
       layout.columns.per_slice != 0 || layout.n_columns() != first.columns))
    return fail(ErrorCode::unsupported,
                "tensor " + first.weight->name + " is packed and would need its columns moved");
  if (layout.type != nullptr && layout.n_columns() % layout.type->block_elements != 0)
    return wrong("row length");
  return {};
}

bool is_view(const Layout& layout) {
  const Source& first = layout.sources.front();
  const auto identity = [](const AxisMap& map) {
    return map.order.empty() && map.step == 1 && map.base == 0;
  };
  return layout.sources.size() == 1 && !layout.transposed && first.encoding == Encoding::plain &&
         layout.op == ValueOp::none && layout.type->id == type_id(first.weight->type) &&
         identity(layout.rows) && identity(layout.columns) && layout.columns.per_slice == 0 &&
         (layout.rows.per_slice == layout.n_rows() || layout.n_slices() == 1) &&
         layout.n_elements() == first.weight->n_elements() &&
         // Kernels read whole numbers in place; the format promises no alignment.
         reinterpret_cast<uintptr_t>(first.weight->bytes.data()) %
                 element_bytes(first.weight->type) ==
             0;
}

void write_rows(const Layout& layout, uint64_t slice, uint64_t first, uint64_t n, std::byte* out) {
  if (layout.side_by_side) {
    const size_t size = layout.type->block_bytes;
    for (uint64_t r = 0; r < n; ++r)
      for (size_t i = 0; i < layout.sources.size(); ++i) {
        const Source& part = layout.sources[i];
        std::byte* at = out + r * layout.row_bytes() + i * part.columns * size;
        for (uint64_t c = 0; c < part.columns; ++c)
          store(layout.type->id, element(part, first + r, c), at + c * size);
      }
    return;
  }
  const Source& source = layout.source(slice);
  const uint64_t n_columns = layout.n_columns(), row_bytes = layout.row_bytes();
  if (source.encoding == Encoding::fp4_pairs) {
    const uint64_t n_blocks = n_columns / 32;
    for (uint64_t r = 0; r < n; ++r) {
      const uint64_t row = layout.rows.at(slice, first + r);
      const std::byte* pairs = source.weight->bytes.data() + row * n_blocks * 16;
      const std::byte* scales = source.scale->bytes.data() + row * n_blocks;
      for (uint64_t b = 0; b < n_blocks; ++b)
        repack_fp4_block(pairs + 16 * b, scales[b], out + r * row_bytes + 17 * b);
    }
    return;
  }
  const size_t size = layout.type->block_bytes;
  const bool same = layout.op == ValueOp::none && source.encoding == Encoding::plain &&
                    layout.type->id == type_id(source.weight->type);
  if (same) {
    const std::byte* p = source.weight->bytes.data();
    const bool whole_rows =
        !layout.transposed && layout.columns.order.empty() && layout.columns.step == 1;
    for (uint64_t r = 0; r < n; ++r) {
      std::byte* row_out = out + r * row_bytes;
      if (whole_rows) {
        const uint64_t at =
            layout.rows.at(slice, first + r) * source.columns + layout.columns.at(slice, 0);
        std::memcpy(row_out, p + at * size, row_bytes);
        continue;
      }
      for (uint64_t c = 0; c < n_columns; ++c) {
        const uint64_t row = layout.rows.at(slice, layout.transposed ? c : first + r);
        const uint64_t column = layout.columns.at(slice, layout.transposed ? first + r : c);
        std::memcpy(row_out + c * size, p + (row * source.columns + column) * size, size);
      }
    }
    return;
  }
  const bool straight = !layout.transposed && layout.columns.order.empty() &&
                        layout.columns.step == 1 && layout.op == ValueOp::none;
  if (straight && source.scale != nullptr) {  // a scale is looked up once for its block
    const std::byte* p = source.weight->bytes.data();
    for (uint64_t r = 0; r < n; ++r) {
      const uint64_t row = layout.rows.at(slice, first + r);
      uint64_t column = layout.columns.at(slice, 0), left = n_columns;
      std::byte* row_out = out + r * row_bytes;
      while (left > 0) {
        const uint64_t in_block =
            std::min<uint64_t>(left, source.block_columns - column % source.block_columns);
        const float scale = scale_at(source, row, column);
        for (uint64_t c = 0; c < in_block; ++c, row_out += size)
          store(layout.type->id,
                e4m3_table()[uint8_t(p[row * source.columns + column + c])] * scale, row_out);
        column += in_block;
        left -= in_block;
      }
    }
    return;
  }
  for (uint64_t r = 0; r < n; ++r)
    for (uint64_t c = 0; c < n_columns; ++c) {
      const uint64_t row = layout.rows.at(slice, layout.transposed ? c : first + r);
      const uint64_t column = layout.columns.at(slice, layout.transposed ? first + r : c);
      store(layout.type->id, apply(layout.op, element(source, row, column)),
            out + r * row_bytes + c * size);
    }
}

}  // namespace engramd::engine::format::hf
