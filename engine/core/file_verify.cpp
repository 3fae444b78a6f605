// engine/core/file_verify.cpp - every byte of a model file read and looked at once.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>

#include "base/hash.h"
#include "base/thread_pool.h"
#include "engine/api/model_file.h"
#include "engine/arch/family.h"
#include "engine/arch/open_model.h"
#include "engine/core/drop_pages.h"
#include "engine/core/loaded_model.h"
#include "engine/format/gguf.h"

namespace engramd::engine {
namespace {

// A piece that one thread reads, hashes and decodes.
constexpr uint64_t kPieceBytes = 1u << 20;

bool is_integer(const quant::TypeInfo& type) {
  return type.name.starts_with('I') && !type.name.starts_with("IQ");
}

template <class T>
std::string_view view_of(const T* data, size_t n) {
  return {reinterpret_cast<const char*>(data), n * sizeof(T)};
}

uint64_t count_not_finite(const quant::TypeInfo& type, const std::byte* bytes, uint64_t n,
                          std::vector<float>& floats) {
  uint64_t count = 0;
  if (type.name == "F64") {
    for (uint64_t i = 0; i < n; ++i) {
      double value;
      std::memcpy(&value, bytes + 8 * i, 8);
      count += std::isfinite(value) ? 0 : 1;
    }
    return count;
  }
  floats.resize(n);
  type.to_float(bytes, floats.data(), n);
  for (const float value : floats) count += std::isfinite(value) ? 0 : 1;
  return count;
}

}  // namespace

Result<ModelFileCheck> verify_model_file(const std::filesystem::path& path,
                                         const ModelFileProgress& progress,
                                         const CancelToken& cancel) {
  ModelFileCheck out;
  ENGRAMD_TRY(auto file, arch::open_model(path, &out.tokenizer_problem));
  std::vector<const format::Tensor*> tensors;
  uint64_t n_bytes = 0;
  for (const format::Tensor& tensor : file->tensors()) {
    tensors.push_back(&tensor);
    n_bytes += tensor.n_bytes();
  }
  std::sort(tensors.begin(), tensors.end(),
            [](const auto* a, const auto* b) { return a->name < b->name; });
  out.n_tensors = tensors.size();
  out.n_bytes = n_bytes;

  // The digest chains names, types, shapes and pieces in the order of names, so that it does not
  // depend on how a file is cut or sorted.
  uint64_t digest[2] = {0, 1};
  const auto feed = [&](std::string_view bytes) {
    for (uint64_t& part : digest) part = hash64(bytes, part);
  };
  // Of a checkpoint some tensors lie in memory of ours, which must not be let go.
  const bool mapped = dynamic_cast<const format::GgufFile*>(file.get()) != nullptr;
  uint64_t n_done = 0;
  for (const format::Tensor* tensor : tensors) {
    const bool integers = is_integer(*tensor->type);
    const bool decoded =
        !integers && (tensor->type->to_float != nullptr || tensor->type->name == "F64");
    if (!integers && !decoded) {
      const std::string name(tensor->type->name);
      if (std::find(out.undecoded_types.begin(), out.undecoded_types.end(), name) ==
          out.undecoded_types.end())
        out.undecoded_types.push_back(name);
    }
    feed(tensor->name);
    feed(tensor->type->name);
    std::vector<uint64_t> shape = tensor->shape;
    while (shape.size() > 1 && shape.back() == 1) shape.pop_back();
    feed(view_of(shape.data(), shape.size()));

    const uint64_t row_bytes = tensor->row_bytes(), n_rows = tensor->n_rows();
    const uint64_t rows_per_piece = std::max<uint64_t>(1, kPieceBytes / row_bytes);
    const uint64_t n_pieces = (n_rows + rows_per_piece - 1) / rows_per_piece;
    const size_t n_threads = hardware_threads();
    uint64_t n_wrong = 0;
    // A round of pieces at a time: their hashes are chained in order.
    constexpr uint64_t kRound = 64;
    for (uint64_t begin = 0; begin < n_pieces; begin += kRound) {
      ENGRAMD_CHECK(cancel.check());
      const uint64_t n_now = std::min(kRound, n_pieces - begin);
      std::vector<uint64_t> hashes(2 * n_now);
      std::atomic<uint64_t> wrong{0};
      std::atomic<bool> failed{false};
      ThreadPool::parallel_for(n_now, n_now < 4 ? 1 : n_threads, [&](size_t i) {
        const uint64_t first = (begin + i) * rows_per_piece;
        const uint64_t n = std::min(rows_per_piece, n_rows - first);
        std::vector<std::byte> bytes(n * row_bytes);
        std::vector<float> floats;
        if (!file->copy_rows(*tensor, first, n, bytes.data())) failed = true;
        hashes[2 * i] = hash64(view_of(bytes.data(), bytes.size()), 0);
        hashes[2 * i + 1] = hash64(view_of(bytes.data(), bytes.size()), 1);
        if (decoded)
          wrong += count_not_finite(*tensor->type, bytes.data(), n * tensor->shape[0], floats);
      });
      if (failed)
        return fail(ErrorCode::corrupt, "tensor " + std::string(tensor->name) + " cannot be read");
      feed(view_of(hashes.data(), hashes.size()));
      n_wrong += wrong;
      n_done += std::min(kRound * rows_per_piece, n_rows - begin * rows_per_piece) * row_bytes;
      if (progress) progress(n_done, n_bytes);
    }
    if (mapped) core::drop_pages(tensor->bytes);
    if (n_wrong > 0) out.not_finite.emplace_back(tensor->name, n_wrong);
  }
  // Keys, but for those that say how a file is laid out.
  std::vector<const format::KeyValue*> keys;
  for (const format::KeyValue& entry : file->metadata())
    if (!entry.key.starts_with("split.") && entry.key != "general.alignment" &&
        entry.key != "general.file_type" && entry.key != "general.quantization_version")
      keys.push_back(&entry);
  std::sort(keys.begin(), keys.end(), [](const auto* a, const auto* b) { return a->key < b->key; });
  for (const format::KeyValue* entry : keys) {
    feed(entry->key);
    feed(view_of(entry->value.bytes, entry->value.n_bytes));
  }
  constexpr char kDigits[] = "0123456789abcdef";
  for (const uint64_t part : digest)
    for (int shift = 60; shift >= 0; shift -= 4) out.digest += kDigits[(part >> shift) & 15];

  if (out.tokenizer_problem.empty())
    if (const auto tokenizer = core::load_tokenizer(*file); !tokenizer)
      out.tokenizer_problem = tokenizer.error().message;
  // Without its tokenizer a checkpoint's vocabulary is not known.
  if (const auto network = arch::build_network(*file);
      !network && file->find("tokenizer.ggml.tokens") != nullptr)
    out.network_problem = network.error().message;
  return out;
}

}  // namespace engramd::engine
