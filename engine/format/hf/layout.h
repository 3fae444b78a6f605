// engine/format/hf/layout.h - where each element of a shown tensor comes from.
//
// A shown tensor has GGUF's form: rows of shape[0] elements, shape[1] rows a slice, the rest
// slices. A stored one is seen as a matrix: its last size is the columns, all others are rows. A
// Layout maps one to the other (stacking, picking, permuting, transposing rows and columns), says
// how stored numbers are decoded and what happens to the values. Sources are views into the
// mapping. Plain data, checked once by check_layout; then read from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/format/safetensors.h"
#include "engine/quant/types.h"

namespace engramd::engine::format::hf {

// One axis of the target to an axis of the source: base + slice * per_slice + index * step, or
// base + slice * per_slice + order[index].
struct AxisMap {
  uint64_t base = 0, step = 1, per_slice = 0;
  std::vector<uint32_t> order;
  uint64_t at(uint64_t slice, uint64_t index) const {
    return base + slice * per_slice + (order.empty() ? index * step : order[index]);
  }
};

// How a source's bytes are numbers.
enum class Encoding {
  plain,     // the stored type says it
  fp8,       // e4m3, times the scale of its block when there is one
  fp4_pairs  // e2m1, two a byte, low nibble first; one e8m0 scale for 32: what MXFP4 holds too
};

struct Source {
  const StoredTensor* weight = nullptr;
  const StoredTensor* scale = nullptr;
  uint64_t rows = 1, columns = 1;  // in elements
  Encoding encoding = Encoding::plain;
  uint32_t block_rows = 0, block_columns = 0;  // of one scale
};

enum class ValueOp { none, plus_one, minus_exp };

struct Layout {
  std::vector<Source> sources;  // one, or one a slice, or several side by side; all of one form
  std::vector<uint64_t> shape;  // of the target: contiguous first
  AxisMap rows, columns;        // to the source's rows and columns
  bool transposed = false;      // then a target row index picks a source column and vice versa
  bool side_by_side = false;    // the sources' columns follow each other in each row
  ValueOp op = ValueOp::none;
  const quant::TypeInfo* type = nullptr;  // of the target

  uint64_t n_columns() const { return shape[0]; }
  uint64_t n_rows() const { return shape.size() > 1 ? shape[1] : 1; }  // of a slice
  uint64_t n_slices() const;
  uint64_t n_elements() const { return n_columns() * n_rows() * n_slices(); }
  uint64_t row_bytes() const { return n_columns() / type->block_elements * type->block_bytes; }
  const Source& source(uint64_t slice) const {
    return sources[sources.size() > 1 && !side_by_side ? slice : 0];
  }
};

// Rows and columns of a stored tensor, and how to decode it with the scales beside it (null: none).
// config_block: the block of one scale that the configuration states, 0 when it states none.
Result<Source> make_source(const StoredTensor& weight, const StoredTensor* scale,
                           const uint32_t config_block[2]);
// The sources as they lie: the reversed shape of one, or a stack of several.
Result<Layout> plain_layout(std::vector<Source> sources);

// Chooses the target's type, the smallest that holds every value exactly: the stored type itself,
// BF16 for fp8 with power-of-two scales, else F32; MXFP4 for fp4. want_float32: norms, biases,
// routers.
Status choose_type(Layout& layout, bool want_float32);

// Tables of small numbers, I32 whatever integers are stored; an error when one does not fit.
Status as_int32(Layout& layout);
// A stored tensor just as it lies, whatever it may mean.
Status raw_layout(const StoredTensor& tensor, Layout& layout);

// Every index stays within its source, whatever the configuration said.
Status check_layout(const Layout& layout);

// True when the target's bytes are the source's bytes.
bool is_view(const Layout& layout);

// Writes rows [first, first + n) of one slice in the target's type: n * row_bytes() bytes.
void write_rows(const Layout& layout, uint64_t slice, uint64_t first, uint64_t n, std::byte* out);

}  // namespace engramd::engine::format::hf
