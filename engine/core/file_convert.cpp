// engine/core/file_convert.cpp - a model written as a GGUF file, in other types where asked.
#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "base/thread_pool.h"
#include "engine/api/model_file.h"
#include "engine/arch/open_model.h"
#include "engine/core/drop_pages.h"
#include "engine/format/gguf.h"
#include "engine/format/gguf_writer.h"
#include "engine/format/hf/checkpoint.h"
#include "engine/format/hf/family.h"

namespace engramd::engine {
namespace {

using format::Tensor;
using quant::TypeInfo;

// Floats that one thread holds, four buffers of about this size each.
constexpr uint64_t kPieceElements = 1u << 18;

// * stands for anything, also nothing.
bool matches(std::string_view pattern, std::string_view name) {
  size_t p = 0, n = 0, star = std::string_view::npos, retry = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      retry = n;
    } else if (p < pattern.size() && pattern[p] == name[n]) {
      ++p;
      ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++retry;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

Result<const TypeInfo*> type_named(const std::string& name) {
  const TypeInfo* type = quant::find_type(name);
  if (type == nullptr) return fail(ErrorCode::invalid_input, "type \"" + name + "\" is not known");
  if (type->from_float == nullptr || type->to_float == nullptr)
    return fail(ErrorCode::invalid_input,
                "type " + std::string(type->name) + " is not one that this engine writes");
  return type;
}

// The large matrices: what is multiplied with activations. Routers decide by small differences,
// norms, biases, convolutions, position tables and the mixing of streams are small.
bool is_large_matrix(const Tensor& tensor) {
  if (tensor.shape.size() < 2 || tensor.n_rows() < 2 || !tensor.name.ends_with(".weight"))
    return false;
  for (const std::string_view part :
       {"_norm", "ffn_gate_inp", "hc_", "ssm_conv1d", "_ape", "tid2eid", "engram_q", "engram_k",
        "indexer.proj", "ssm_alpha", "ssm_beta", "ssm_ba", "rope_"})
    if (tensor.name.find(part) != std::string_view::npos) return false;
  return true;
}

// The embedding and the output matrix carry every token: no less than six bits.
const TypeInfo* at_least_six_bits(const Tensor& tensor, const TypeInfo* type) {
  if (tensor.name != "token_embd.weight" && tensor.name != "output.weight") return type;
  const double bits = 8.0 * double(type->block_bytes) / double(type->block_elements);
  return bits < 6
             ? &quant::info(type->block_elements == 256 ? quant::Type::q6_k : quant::Type::q8_0)
             : type;
}

// A type of whole blocks for this row length.
const TypeInfo* fitting(const Tensor& tensor, const TypeInfo* type) {
  if (tensor.shape[0] % type->block_elements == 0) return type;
  if (tensor.shape[0] % 32 == 0) return &quant::info(quant::Type::q8_0);
  return &quant::info(quant::Type::f16);
}

struct Planned {
  const Tensor* tensor = nullptr;
  const TypeInfo* to = nullptr;
};

Result<std::vector<Planned>> plan(const format::ModelFile& file, const ConvertOptions& options) {
  const TypeInfo* wanted = nullptr;
  if (!options.type.empty()) {
    ENGRAMD_TRY(wanted, type_named(options.type));
  }
  std::vector<const TypeInfo*> kept;
  for (const auto& [pattern, name] : options.keep) {
    ENGRAMD_TRY(const TypeInfo* type, type_named(name));
    kept.push_back(type);
  }
  std::vector<bool> used(options.keep.size(), false);
  std::vector<Planned> out;
  for (const Tensor& tensor : file.tensors()) {
    const TypeInfo* to = tensor.type;
    bool chosen = false;
    for (size_t i = 0; i < options.keep.size() && !chosen; ++i) {
      if (!matches(options.keep[i].first, tensor.name)) continue;
      to = kept[i];
      used[i] = chosen = true;
      if (tensor.shape[0] % to->block_elements != 0)
        return fail(ErrorCode::invalid_input,
                    "tensor " + std::string(tensor.name) + " has rows of " +
                        std::to_string(tensor.shape[0]) + " elements, no multiple of the " +
                        std::to_string(to->block_elements) + " of " + std::string(to->name));
    }
    if (!chosen && wanted != nullptr && is_large_matrix(tensor))
      to = fitting(tensor, at_least_six_bits(tensor, wanted));
    if (to != tensor.type && tensor.type->to_float == nullptr)
      return fail(ErrorCode::unsupported, "tensor " + std::string(tensor.name) + " is of type " +
                                              std::string(tensor.type->name) +
                                              ", which this engine cannot decode");
    out.push_back({&tensor, to});
  }
  for (size_t i = 0; i < used.size(); ++i)
    if (!used[i])
      return fail(ErrorCode::invalid_input,
                  "no tensor is called \"" + options.keep[i].first + "\"");
  return out;
}

// llama.cpp's number for files that are mostly of one type; none: not written.
std::optional<uint32_t> file_type_number(std::string_view type) {
  static const std::map<std::string_view, uint32_t> kNumbers = {
      {"F32", 0},     {"F16", 1},     {"Q4_0", 2},  {"Q4_1", 3},  {"Q8_0", 7},  {"Q5_0", 8},
      {"Q5_1", 9},    {"Q2_K", 10},   {"Q3_K", 12}, {"Q4_K", 15}, {"Q5_K", 17}, {"Q6_K", 18},
      {"IQ4_NL", 25}, {"IQ4_XS", 30}, {"BF16", 32}, {"MXFP4", 38}};
  const auto at = kNumbers.find(type);
  return at == kNumbers.end() ? std::nullopt : std::optional(at->second);
}

struct Errors {
  double squares = 0, error_squares = 0, largest = 0;
  uint64_t n_not_finite = 0, n_lost = 0;  // not finite as read; finite as read and not as written
  void add(const Errors& other) {
    squares += other.squares;
    error_squares += other.error_squares;
    largest = std::max(largest, other.largest);
    n_not_finite += other.n_not_finite;
    n_lost += other.n_lost;
  }
};

struct Piece {
  std::vector<std::byte> out;
  Errors errors;
};

// Rows [first, first + n) in the new type, and what that lost.
Status convert_rows(const format::ModelFile& file, const Planned& planned, uint64_t first,
                    uint64_t n, Piece& piece) {
  const Tensor& tensor = *planned.tensor;
  const uint64_t n_elements = n * tensor.shape[0];
  piece.out.resize(n_elements / planned.to->block_elements * planned.to->block_bytes);
  piece.errors = {};
  if (planned.to == tensor.type) return file.copy_rows(tensor, first, n, piece.out.data());
  std::vector<std::byte> stored(n * tensor.row_bytes());
  ENGRAMD_CHECK(file.copy_rows(tensor, first, n, stored.data()));
  std::vector<float> before(n_elements), after(n_elements);
  tensor.type->to_float(stored.data(), before.data(), n_elements);
  planned.to->from_float(before.data(), piece.out.data(), n_elements);
  planned.to->to_float(piece.out.data(), after.data(), n_elements);
  for (uint64_t i = 0; i < n_elements; ++i) {
    if (!std::isfinite(before[i])) {
      ++piece.errors.n_not_finite;
      continue;
    }
    if (!std::isfinite(after[i])) {
      ++piece.errors.n_lost;
      continue;
    }
    const double error = double(after[i]) - double(before[i]);
    piece.errors.squares += double(before[i]) * double(before[i]);
    piece.errors.error_squares += error * error;
    piece.errors.largest = std::max(piece.errors.largest, std::abs(error));
  }
  return {};
}

Status refuse_losses(const format::ModelFile& file, const ConvertOptions& options) {
  if (const auto* checkpoint = dynamic_cast<const format::HfCheckpoint*>(&file);
      checkpoint != nullptr && !checkpoint->unknown().empty())
    return fail(ErrorCode::unsupported, "tensor " + checkpoint->unknown().front() +
                                            " is not part of this architecture, so that the file "
                                            "written would not be the same model");
  if (!options.without_tokenizer && file.find("tokenizer.ggml.tokens") == nullptr)
    return fail(ErrorCode::invalid_input,
                "there is no tokenizer (tokenizer.json beside the checkpoint), so that nothing "
                "could run the file written; --without-tokenizer writes it anyway");
  return {};
}

}  // namespace

Result<ConvertReport> convert_model_file(const std::filesystem::path& from,
                                         const std::filesystem::path& to,
                                         const ConvertOptions& options,
                                         const ModelFileProgress& progress,
                                         const CancelToken& cancel) {
  std::error_code ignored;
  if (!options.overwrite && std::filesystem::exists(to, ignored))
    return fail(ErrorCode::invalid_input, to.string() + " exists; --overwrite replaces it");
  if (std::filesystem::is_directory(to, ignored))
    return fail(ErrorCode::invalid_input, to.string() + " is a folder, expected a file's name");
  ENGRAMD_TRY(const auto file, arch::open_model(from));
  ENGRAMD_CHECK(refuse_losses(*file, options));
  ENGRAMD_TRY(const std::vector<Planned> planned, plan(*file, options));

  // Keys: all of them, but for those about the layout of the file that was.
  std::vector<format::KeyValue> keys;
  for (const format::KeyValue& entry : file->metadata())
    if (!entry.key.starts_with("split.") && entry.key != "general.alignment" &&
        entry.key != "general.file_type" && entry.key != "general.quantization_version")
      keys.push_back(entry);
  std::map<std::string_view, uint64_t> bytes_of_type;
  bool quantised = false;
  std::vector<format::PlannedTensor> tensors;
  uint64_t n_bytes = 0;
  ConvertReport report;
  for (const Planned& one : planned) {
    tensors.push_back({std::string(one.tensor->name), one.to, one.tensor->shape});
    bytes_of_type[one.to->name] += tensors.back().n_bytes();
    quantised |= one.to->block_elements > 1;
    n_bytes += tensors.back().n_bytes();
    report.bytes_before += one.tensor->n_bytes();
  }
  format::hf::KeyWriter extra("");
  if (quantised) extra.u32("general.quantization_version", 2);
  const auto most =
      std::max_element(bytes_of_type.begin(), bytes_of_type.end(),
                       [](const auto& a, const auto& b) { return a.second < b.second; });
  if (most != bytes_of_type.end())
    if (const auto number = file_type_number(most->first)) extra.u32("general.file_type", *number);
  keys.insert(keys.end(), extra.entries().begin(), extra.entries().end());
  ENGRAMD_TRY(const auto writer, format::GgufWriter::create(to, keys, std::move(tensors)));

  // Of a checkpoint some tensors lie in memory of ours, which must not be let go.
  const bool mapped = dynamic_cast<const format::GgufFile*>(file.get()) != nullptr;
  uint64_t n_done = 0;
  const size_t n_threads = hardware_threads();
  std::vector<Piece> pieces(2 * n_threads);
  for (const Planned& one : planned) {
    const Tensor& tensor = *one.tensor;
    const uint64_t n_rows = tensor.n_rows();
    const uint64_t rows_per_piece = std::max<uint64_t>(1, kPieceElements / tensor.shape[0]);
    const uint64_t n_pieces = (n_rows + rows_per_piece - 1) / rows_per_piece;
    Errors errors;
    for (uint64_t begin = 0; begin < n_pieces; begin += pieces.size()) {
      ENGRAMD_CHECK(cancel.check());
      const uint64_t n_now = std::min<uint64_t>(pieces.size(), n_pieces - begin);
      std::vector<Status> statuses(n_now);
      ThreadPool::parallel_for(n_now, n_now == 1 ? 1 : n_threads, [&](size_t i) {
        const uint64_t first = (begin + i) * rows_per_piece;
        statuses[i] =
            convert_rows(*file, one, first, std::min(rows_per_piece, n_rows - first), pieces[i]);
      });
      for (uint64_t i = 0; i < n_now; ++i) {
        ENGRAMD_CHECK(std::move(statuses[i]));
        ENGRAMD_CHECK(writer->append(pieces[i].out));
        errors.add(pieces[i].errors);
        n_done += pieces[i].out.size();
      }
      if (progress) progress(n_done, n_bytes);
    }
    if (mapped) core::drop_pages(tensor.bytes);
    if (errors.n_not_finite > 0)
      return fail(ErrorCode::corrupt, "tensor " + std::string(tensor.name) + " holds " +
                                          std::to_string(errors.n_not_finite) +
                                          " values that are not finite");
    if (errors.n_lost > 0)
      return fail(ErrorCode::invalid_input,
                  "tensor " + std::string(tensor.name) + " holds " + std::to_string(errors.n_lost) +
                      " values beyond the range of " + std::string(one.to->name));
    ConvertedTensor line;
    line.name = tensor.name;
    line.from = tensor.type->name;
    line.to = one.to->name;
    line.n_elements = tensor.n_elements;
    line.n_bytes = tensor.n_elements / one.to->block_elements * one.to->block_bytes;
    line.relative_rms_error =
        errors.squares > 0 ? std::sqrt(errors.error_squares / errors.squares) : 0;
    line.max_error = errors.largest;
    report.tensors.push_back(std::move(line));
  }
  ENGRAMD_CHECK(writer->finish());
  report.bytes_after = writer->file_bytes();
  return report;
}

}  // namespace engramd::engine
