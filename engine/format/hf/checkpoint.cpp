#include "engine/format/hf/checkpoint.h"

#include <algorithm>
#include <cstring>

#include "base/file.h"
#include "base/thread_pool.h"

namespace engramd::engine::format {
namespace {

using hf::Config;
using hf::Family;
using hf::KeyRule;
using hf::KeyWriter;
using hf::Layout;
using hf::Source;
using hf::TensorRule;

constexpr uint32_t kMaxLayers = 1024, kMaxExperts = 4096, kMaxDrafts = 16;
constexpr uint64_t kMaxConfigBytes = 4u << 20;

std::string replaced(std::string_view pattern, std::string_view what, std::string_view by) {
  std::string out(pattern);
  if (what.empty()) return out;
  for (size_t at = out.find(what); at != std::string::npos; at = out.find(what, at + by.size()))
    out.replace(at, what.size(), by);
  return out;
}
std::string replaced(std::string_view pattern, std::string_view what, uint64_t number) {
  return replaced(pattern, what, std::to_string(number));
}

// Models that also see keep their text part below another name.
std::string plain_name(std::string_view name) {
  constexpr std::pair<std::string_view, std::string_view> kPrefixes[] = {
      {"model.language_model.", "model."},
      {"language_model.model.", "model."},
      {"language_model.", ""}};
  for (const auto& [from, to] : kPrefixes)
    if (name.starts_with(from)) return std::string(to) + std::string(name.substr(from.size()));
  return std::string(name);
}

// Where the scales of a weight may be.
std::vector<std::string> scale_names(const std::string& name) {
  std::vector<std::string> out;
  if (name.ends_with(".weight")) {
    out.push_back(name + "_scale_inv");
    out.push_back(name.substr(0, name.size() - 6) + "scale");
  }
  if (name.ends_with("_blocks")) out.push_back(name.substr(0, name.size() - 6) + "scales");
  return out;
}

// The stored tensors by plain name, and which of them a rule has used.
class Stock {
 public:
  explicit Stock(const Safetensors& stored) : used_(stored.tensors().size(), false) {
    for (const StoredTensor& tensor : stored.tensors()) tensors_.push_back(&tensor);
    for (uint32_t i = 0; i < tensors_.size(); ++i)
      by_name_.emplace_back(plain_name(tensors_[i]->name), i);
    std::sort(by_name_.begin(), by_name_.end());
  }
  Status unique() const {
    for (size_t i = 1; i < by_name_.size(); ++i)
      if (by_name_[i].first == by_name_[i - 1].first)
        return fail(ErrorCode::corrupt, "tensor " + by_name_[i].first + " appears twice");
    return {};
  }
  const StoredTensor* find(const std::string& name) const {
    const auto at = place(name);
    return at == by_name_.end() ? nullptr : tensors_[at->second];
  }
  // The tensor with its scales, both marked as used.
  Result<Source> take(const std::string& name, const uint32_t config_block[2]) {
    const auto at = place(name);
    if (at == by_name_.end()) return fail(ErrorCode::corrupt, "tensor " + name + " is missing");
    used_[at->second] = true;
    const StoredTensor* scale = nullptr;
    for (const std::string& candidate : scale_names(name)) {
      const auto beside = place(candidate);
      if (beside == by_name_.end()) continue;
      scale = tensors_[beside->second];
      used_[beside->second] = true;
    }
    return hf::make_source(*tensors_[at->second], scale, config_block);
  }
  template <class Visit>  // visit(plain name, tensor)
  void for_each_unused(Visit visit) const {
    for (const auto& [name, index] : by_name_)
      if (!used_[index]) visit(name, *tensors_[index]);
  }

 private:
  using Entry = std::pair<std::string, uint32_t>;
  std::vector<Entry>::const_iterator place(const std::string& name) const {
    const auto at =
        std::lower_bound(by_name_.begin(), by_name_.end(), name,
                         [](const Entry& entry, const std::string& n) { return entry.first < n; });
    return at != by_name_.end() && at->first == name ? at : by_name_.end();
  }
  std::vector<const StoredTensor*> tensors_;
  std::vector<Entry> by_name_;
  std::vector<bool> used_;
};

Result<const Family*> family_of(const Config& config, std::span<const Family* const> families) {
  ENGRAMD_TRY(const std::vector<std::string> classes, config.texts("architectures"));
  std::string known;
  for (const Family* family : families)
    for (const std::string_view name : family->classes) {
      if (std::find(classes.begin(), classes.end(), name) != classes.end()) return family;
      known += (known.empty() ? "" : ", ") + std::string(name);
    }
  return fail(ErrorCode::unsupported,
              "architecture " + (classes.empty() ? "\"\"" : in_quotes(classes.front())) +
                  " is not one whose checkpoints this engine reads: " + known);
}

Status write_rule(const Config& config, const KeyRule& rule, KeyWriter& keys) {
  if (!config.has(rule.fields) || keys.has(rule.key)) return {};
  switch (rule.kind) {
    case KeyRule::Kind::u32: {
      ENGRAMD_TRY(const uint32_t value, config.size(rule.fields));
      keys.u32(rule.key, value);
      return {};
    }
    case KeyRule::Kind::f32: {
      ENGRAMD_TRY(const double value, config.number(rule.fields));
      keys.f32(rule.key, value);
      return {};
    }
    case KeyRule::Kind::flag: {
      ENGRAMD_TRY(const bool value, config.flag(rule.fields));
      keys.flag(rule.key, value);
      return {};
    }
    case KeyRule::Kind::i32s: {
      ENGRAMD_TRY(const std::vector<int64_t> values, config.integers(rule.fields));
      for (const int64_t value : values)
        if (value < INT32_MIN || value > INT32_MAX)
          return fail(ErrorCode::corrupt,
                      "field " + std::string(rule.fields) + " has a number beyond 32 bits");
      keys.i32s(rule.key, values);
      return {};
    }
  }
  return {};
}

// The block of one FP8 scale, 0 when the configuration says nothing.
Status read_block(const Config& config, uint32_t block[2]) {
  block[0] = block[1] = 0;
  constexpr std::string_view kField = "quantization_config.weight_block_size";
  if (!config.has(kField)) return {};
  ENGRAMD_TRY(const std::vector<int64_t> sizes, config.integers(kField));
  if (sizes.size() != 2 || sizes[0] < 1 || sizes[1] < 1 || sizes[0] > 1 << 20 || sizes[1] > 1 << 20)
    return fail(ErrorCode::corrupt, "field " + std::string(kField) + " is no pair of block sizes");
  block[0] = uint32_t(sizes[0]);
  block[1] = uint32_t(sizes[1]);
  return {};
}

// Draft layers count only where their tensors are.
Result<hf::LayerCounts> count_layers(const Config& config, const Family& family,
                                     const Safetensors& stored) {
  hf::LayerCounts layers;
  ENGRAMD_TRY(layers.main, config.size("num_hidden_layers"));
  if (layers.main == 0 || layers.main > kMaxLayers)
    return fail(ErrorCode::corrupt, "field num_hidden_layers is " + std::to_string(layers.main) +
                                        ", expected 1 to " + std::to_string(kMaxLayers));
  if (family.draft_prefix.empty()) return layers;
  ENGRAMD_TRY(layers.drafts, config.size_or("num_nextn_predict_layers", 0));
  if (layers.drafts > kMaxDrafts)
    return fail(ErrorCode::corrupt, std::to_string(layers.drafts) + " draft layers, at most " +
                                        std::to_string(kMaxDrafts) + " are expected");
  const std::string first =
      replaced(replaced(family.draft_prefix, "{l}", layers.main), "{m}", uint64_t(0));
  if (std::none_of(stored.tensors().begin(), stored.tensors().end(),
                   [&](const StoredTensor& t) { return plain_name(t.name).starts_with(first); }))
    layers.drafts = 0;
  return layers;
}

}  // namespace

Result<std::unique_ptr<HfCheckpoint>> HfCheckpoint::open(const std::filesystem::path& folder,
                                                         std::span<const Family* const> families,
                                                         const MoreKeys& more_keys) {
  std::unique_ptr<HfCheckpoint> out(new HfCheckpoint);
  ENGRAMD_TRY(const std::string config, read_file(folder / "config.json", kMaxConfigBytes));
  ENGRAMD_TRY(out->stored_, Safetensors::open(folder));
  if (Status shown = out->show(config, families, more_keys); !shown)
    return fail(std::move(shown).error().with(folder.string()));
  return out;
}

Result<std::unique_ptr<HfCheckpoint>> HfCheckpoint::parse(std::string_view config_json,
                                                          std::span<const std::byte> safetensors,
                                                          std::span<const Family* const> families) {
  std::unique_ptr<HfCheckpoint> out(new HfCheckpoint);
  ENGRAMD_TRY(out->stored_, Safetensors::parse(safetensors));
  ENGRAMD_CHECK(out->show(config_json, families, {}));
  return out;
}

std::string HfCheckpoint::format() const {
  const size_t n = stored_->n_files();
  return "safetensors, " + std::to_string(n) + (n == 1 ? " file" : " files");
}

Status HfCheckpoint::show(std::string_view config_json, std::span<const Family* const> families,
                          const MoreKeys& more_keys) {
  auto config = Config::parse(config_json);
  if (!config) return fail(std::move(config).error().with("config.json"));
  auto family = family_of(*config, families);
  if (!family) return fail(std::move(family).error().with("config.json"));
  auto layers = count_layers(*config, **family, *stored_);
  if (!layers) return fail(std::move(layers).error().with("config.json"));
  if (Status written = write_keys(*config, **family, *layers); !written)
    return fail(std::move(written).error().with("config.json"));
  if (more_keys) ENGRAMD_CHECK(more_keys(*config, *keys_));
  ENGRAMD_CHECK(show_tensors(*config, **family, *layers));
  metadata_.assign(keys_->entries().begin(), keys_->entries().end());
  ENGRAMD_CHECK(index_metadata());
  return index_tensors();
}

Status HfCheckpoint::write_keys(const Config& config, const Family& family,
                                const hf::LayerCounts& layers) {
  keys_.emplace(family.architecture);
  keys_->text("general.architecture", family.architecture);
  if (config.has("_name_or_path")) {
    ENGRAMD_TRY(const std::string name, config.text("_name_or_path"));
    keys_->text("general.name", name);
  }
  keys_->u32(".block_count", layers.main + layers.drafts);
  if (layers.drafts > 0) keys_->u32(".nextn_predict_layers", layers.drafts);
  if (family.more_keys != nullptr) ENGRAMD_CHECK(family.more_keys(config, layers, *keys_));
  for (const KeyRule& rule : family.keys) ENGRAMD_CHECK(write_rule(config, rule, *keys_));
  for (const KeyRule& rule : hf::common_keys()) ENGRAMD_CHECK(write_rule(config, rule, *keys_));
  return hf::write_rope_scaling(config, *keys_);
}

Status HfCheckpoint::show_tensors(const Config& config, const Family& family,
                                  const hf::LayerCounts& layers) {
  ENGRAMD_TRY(const uint32_t n_experts,
              config.size_or("num_experts|num_local_experts|n_routed_experts", 0));
  if (n_experts > kMaxExperts)
    return fail(ErrorCode::corrupt, "config.json: " + std::to_string(n_experts) +
                                        " experts, at most " + std::to_string(kMaxExperts) +
                                        " are expected");
  uint32_t block[2];
  ENGRAMD_CHECK(read_block(config, block));
  Stock stock(*stored_);
  ENGRAMD_CHECK(stock.unique());

  const auto add = [&](std::string name, Layout layout) {
    Tensor tensor;
    tensor.name = names_.emplace_back(std::move(name));
    tensor.type = layout.type;
    tensor.shape = layout.shape;
    tensor.n_elements = layout.n_elements();
    if (hf::is_view(layout)) tensor.bytes = layout.sources.front().weight->bytes;
    tensors_.push_back(std::move(tensor));
    layouts_.push_back(std::move(layout));
  };
  // One rule at one layer: source and target have only {e} left.
  const auto apply = [&](const TensorRule& rule, const std::string& source,
                         std::string target) -> Status {
    std::vector<Source> sources;
    const size_t plus = source.find('+');
    if (source.find("{e}") != std::string::npos) {
      if (stock.find(replaced(source, "{e}", 0)) == nullptr) return {};
      for (uint32_t e = 0; e < n_experts; ++e) {
        ENGRAMD_TRY(Source one, stock.take(replaced(source, "{e}", e), block));
        sources.push_back(one);
      }
      if (sources.empty())
        return fail(ErrorCode::corrupt, "config.json names no number of experts");
    } else if (plus != std::string::npos) {
      if (stock.find(source.substr(0, plus)) == nullptr) return {};
      ENGRAMD_TRY(Source left, stock.take(source.substr(0, plus), block));
      ENGRAMD_TRY(Source right, stock.take(source.substr(plus + 1), block));
      sources = {left, right};
    } else {
      if (stock.find(source) == nullptr) return {};
      ENGRAMD_TRY(Source one, stock.take(source, block));
      sources.push_back(one);
    }
    ENGRAMD_TRY(Layout layout, hf::plain_layout(std::move(sources)));
    if (plus != std::string::npos) {
      layout.side_by_side = true;
      layout.shape.pop_back();
      layout.shape[0] *= 2;
    }
    if (rule.transform != nullptr) ENGRAMD_CHECK(rule.transform(config, layout));
    if (rule.as == TensorRule::As::i32) {
      ENGRAMD_CHECK(hf::as_int32(layout));
    } else {
      // One size, and whatever is called a norm: what the vector operations take.
      const bool vector = layout.shape.size() == 1 || target.ends_with("_norm.weight");
      ENGRAMD_CHECK(hf::choose_type(layout, vector || rule.as == TensorRule::As::f32));
    }
    ENGRAMD_CHECK(hf::check_layout(layout));
    add(std::move(target), std::move(layout));
    // Small tables of numbers are looked at when a network is built, which may be long before the
    // weights are there.
    if (rule.as == TensorRule::As::i32 && tensors_.back().bytes.empty())
      ENGRAMD_CHECK(give_bytes(tensors_.back(), {}));
    return {};
  };
  for (const TensorRule& rule : family.tensors) {
    if (rule.source.find("{l}") == std::string_view::npos) {
      ENGRAMD_CHECK(apply(rule, std::string(rule.source), std::string(rule.target)));
      continue;
    }
    for (uint32_t l = 0; l < layers.main + layers.drafts; ++l) {
      std::string source(rule.source);
      if (l >= layers.main)
        source = replaced(replaced(source, family.layer_prefix, family.draft_prefix), "{m}",
                          l - layers.main);
      ENGRAMD_CHECK(apply(rule, replaced(source, "{l}", l), replaced(rule.target, "{l}", l)));
    }
  }
  Status unread;
  stock.for_each_unused([&](const std::string& name, const StoredTensor& tensor) {
    if (std::any_of(family.not_needed.begin(), family.not_needed.end(),
                    [&](std::string_view prefix) { return name.starts_with(prefix); })) {
      not_needed_.push_back(tensor.name);
      return;
    }
    unknown_.push_back(tensor.name);
    Layout layout;
    if (unread) unread = hf::raw_layout(tensor, layout);
    if (unread) add(tensor.name, std::move(layout));
  });
  ENGRAMD_CHECK(std::move(unread));
  if (family.generate != nullptr) {
    ENGRAMD_TRY(std::vector<hf::Generated> made, family.generate(config));
    for (hf::Generated& one : made) {
      generated_.push_back(std::move(one.values));
      const std::vector<float>& values = generated_.back();
      Tensor tensor;
      tensor.name = names_.emplace_back(std::move(one.name));
      tensor.type = &quant::info(quant::Type::f32);
      tensor.shape = {values.size()};
      tensor.n_elements = values.size();
      tensor.bytes = std::as_bytes(std::span(values));
      tensors_.push_back(std::move(tensor));
      layouts_.emplace_back();
    }
  }
  return {};
}

uint64_t HfCheckpoint::bytes_to_materialise() const {
  uint64_t sum = 0;
  for (const Tensor& tensor : tensors_)
    if (tensor.bytes.empty()) sum += tensor.n_bytes();
  return sum;
}

Status HfCheckpoint::materialise(uint64_t max_bytes, const CancelToken& cancel) {
  if (!unknown_.empty())
    return fail(ErrorCode::unsupported,
                "tensor " + unknown_.front() + " is not part of this architecture");
  const uint64_t needed = bytes_to_materialise();
  if (needed > max_bytes)
    return fail(ErrorCode::exhausted,
                "the checkpoint holds " + std::to_string(needed >> 20) +
                    " MiB in a layout that must be rewritten in memory, " +
                    std::to_string(max_bytes >> 20) +
                    " MiB are free: convert it once with `engramd model convert`");
  for (Tensor& tensor : tensors_)
    if (tensor.bytes.empty()) ENGRAMD_CHECK(give_bytes(tensor, cancel));
  return {};
}

Status HfCheckpoint::give_bytes(Tensor& tensor, const CancelToken& cancel) {
  const uint64_t row_bytes = tensor.row_bytes(), n_rows = tensor.n_rows();
  // 64 bytes more, to begin on a cache line as a mapped tensor does.
  materialised_.emplace_back(new (std::nothrow) std::byte[tensor.n_bytes() + 64]);
  if (materialised_.back() == nullptr)
    return fail(ErrorCode::exhausted, "no memory for tensor " + std::string(tensor.name));
  std::byte* begin = materialised_.back().get();
  begin += (64 - reinterpret_cast<uintptr_t>(begin) % 64) % 64;
  const uint64_t rows_per_job = std::max<uint64_t>(1, (uint64_t(1) << 20) / row_bytes);
  const uint64_t n_jobs = (n_rows + rows_per_job - 1) / rows_per_job;
  const auto job = [&](size_t index) {
    if (cancel.cancelled()) return;
    const uint64_t first = index * rows_per_job;
    const uint64_t n = std::min(rows_per_job, n_rows - first);
    (void)copy_rows(tensor, first, n, begin + first * row_bytes);
  };
  ThreadPool::parallel_for(n_jobs, n_jobs < 8 ? 1 : hardware_threads(), job);
  ENGRAMD_CHECK(cancel.check());
  tensor.bytes = {begin, tensor.n_bytes()};
  return {};
}

Status HfCheckpoint::copy_rows(const Tensor& tensor, uint64_t first, uint64_t n,
                               std::byte* out) const {
  if (!tensor.bytes.empty()) return ModelFile::copy_rows(tensor, first, n, out);
  const Layout& layout = layouts_[size_t(&tensor - tensors_.data())];
  const uint64_t per_slice = layout.n_rows(), row_bytes = layout.row_bytes();
  while (n > 0) {
    const uint64_t slice = first / per_slice, within = first % per_slice;
    const uint64_t now = std::min(n, per_slice - within);
    hf::write_rows(layout, slice, within, now, out);
    out += now * row_bytes;
    first += now;
    n -= now;
  }
  return {};
}

}  // namespace engramd::engine::format
