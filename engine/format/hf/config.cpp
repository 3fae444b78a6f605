#include "engine/format/hf/config.h"

#include <cmath>

#include "engine/format/json_events.h"
#include "engine/format/model_file.h"

namespace engramd::engine::format::hf {
namespace {

// Real files: 100 fields, a list of layers or of unquantised modules the longest of them.
constexpr size_t kMaxBytes = 4u << 20;
constexpr int kMaxDepth = 8;
constexpr size_t kMaxItems = 1 << 16;
constexpr size_t kMaxFields = 1 << 16;
constexpr size_t kMaxNameBytes = 128;

using Field = Config::Field;
using Item = Config::Item;

class Flattener final : public JsonEvents {
 public:
  std::map<std::string, Field, std::less<>> fields;

  Status begin_object() override {
    if (array_depth_ > 0) {
      // Objects within arrays are passed over.
      field_->has_objects = true;
      ++skipped_;
      return {};
    }
    if (depth_++ > 0) {
      prefix_lengths_.push_back(path_.size());
      path_ = name_ + ".";
    }
    return {};
  }
  Status key(std::string_view key) override {
    if (skipped_ > 0) return {};
    if (key.size() > kMaxNameBytes || !printable(key))
      return fail(ErrorCode::corrupt, "field " + in_quotes(key) + " has an unreadable name");
    name_ = path_ + std::string(key);
    return {};
  }
  Status end_object() override {
    if (skipped_ > 0) {
      --skipped_;
      return {};
    }
    if (--depth_ > 0) {
      path_.resize(prefix_lengths_.back());
      prefix_lengths_.pop_back();
    }
    return {};
  }
  Status begin_array() override {
    if (depth_ == 0) return no_object();
    if (array_depth_++ == 0) {
      ENGRAMD_CHECK(add_field());
      field_->is_array = true;
    } else {
      field_->has_objects = true;
    }
    return {};
  }
  Status end_array() override {
    --array_depth_;
    return {};
  }
  Status scalar(const JsonScalar& value) override {
    if (depth_ == 0) return no_object();
    if (skipped_ > 0 || array_depth_ > 1) return {};
    if (array_depth_ == 0) {
      if (value.kind == JsonScalar::Kind::null) return {};
      ENGRAMD_CHECK(add_field());
    }
    if (++n_items_ > kMaxItems)
      return fail(ErrorCode::corrupt, "more than " + std::to_string(kMaxItems) + " values");
    Item item;
    switch (value.kind) {
      case JsonScalar::Kind::null:
        field_->has_objects = true;
        return {};
      case JsonScalar::Kind::boolean:
        item.kind = Item::Kind::boolean;
        item.flag = value.flag;
        break;
      case JsonScalar::Kind::integer:
        item.number = value.number;
        if (value.magnitude > uint64_t(INT64_MAX)) {
          item.kind = Item::Kind::number;
        } else {
          item.kind = Item::Kind::integer;
          item.integer = value.negative ? -int64_t(value.magnitude) : int64_t(value.magnitude);
        }
        break;
      case JsonScalar::Kind::number:
        item.kind = Item::Kind::number;
        item.number = value.number;
        break;
      case JsonScalar::Kind::text:
        item.kind = Item::Kind::text;
        item.text = value.text;
        break;
    }
    field_->items.push_back(std::move(item));
    return {};
  }

 private:
  Status no_object() const { return fail(ErrorCode::corrupt, "the configuration is no object"); }
  Status add_field() {
    if (fields.size() >= kMaxFields)
      return fail(ErrorCode::corrupt, "more than " + std::to_string(kMaxFields) + " fields");
    const auto [at, fresh] = fields.try_emplace(name_);
    if (!fresh) return fail(ErrorCode::corrupt, "field " + in_quotes(name_) + " appears twice");
    field_ = &at->second;
    return {};
  }

  int depth_ = 0, array_depth_ = 0, skipped_ = 0;
  size_t n_items_ = 0;
  std::string path_, name_;
  std::vector<size_t> prefix_lengths_;
  Field* field_ = nullptr;
};

Error wrong_kind(std::string_view fields, std::string_view expected) {
  return {ErrorCode::corrupt, "field " + std::string(fields) + " is not " + std::string(expected)};
}

}  // namespace

Result<Config> Config::parse(std::string_view json) {
  if (json.size() > kMaxBytes)
    return fail(ErrorCode::corrupt, "a configuration of " + std::to_string(json.size()) +
                                        " bytes, at most " + std::to_string(kMaxBytes) +
                                        " are expected");
  Flattener flat;
  ENGRAMD_CHECK(read_json(json, kMaxDepth, flat));
  Config config;
  config.fields_ = std::move(flat.fields);
  return config;
}

const Config::Field* Config::find_one(std::string_view field) const {
  for (const std::string_view prefix : {"text_config.", ""}) {
    const auto at = fields_.find(std::string(prefix) + std::string(field));
    if (at != fields_.end()) return &at->second;
  }
  return nullptr;
}

const Config::Field* Config::find(std::string_view fields) const {
  while (true) {
    const size_t bar = fields.find('|');
    if (const Field* field = find_one(fields.substr(0, bar))) return field;
    if (bar == std::string_view::npos) return nullptr;
    fields.remove_prefix(bar + 1);
  }
}

Result<const Config::Field*> Config::need(std::string_view fields) const {
  const Field* field = find(fields);
  if (field == nullptr)
    return fail(ErrorCode::corrupt, "field " + std::string(fields) + " is missing");
  return field;
}

Result<uint32_t> Config::size(std::string_view fields) const {
  ENGRAMD_TRY(const Field* field, need(fields));
  if (field->is_array || field->items[0].kind != Item::Kind::integer ||
      field->items[0].integer < 0 || field->items[0].integer > int64_t(UINT32_MAX))
    return fail(wrong_kind(fields, "an unsigned integer of 32 bits"));
  return uint32_t(field->items[0].integer);
}

Result<double> Config::number(std::string_view fields) const {
  ENGRAMD_TRY(const Field* field, need(fields));
  if (field->is_array ||
      (field->items[0].kind != Item::Kind::integer && field->items[0].kind != Item::Kind::number) ||
      !std::isfinite(field->items[0].number))
    return fail(wrong_kind(fields, "a finite number"));
  return field->items[0].number;
}

Result<bool> Config::flag(std::string_view fields) const {
  ENGRAMD_TRY(const Field* field, need(fields));
  if (field->is_array || field->items[0].kind != Item::Kind::boolean)
    return fail(wrong_kind(fields, "true or false"));
  return field->items[0].flag;
}

Result<std::string> Config::text(std::string_view fields) const {
  ENGRAMD_TRY(const Field* field, need(fields));
  if (field->is_array || field->items[0].kind != Item::Kind::text)
    return fail(wrong_kind(fields, "a string"));
  return field->items[0].text;
}

Result<uint32_t> Config::size_or(std::string_view fields, uint32_t fallback) const {
  if (!has(fields)) return fallback;
  return size(fields);
}
Result<double> Config::number_or(std::string_view fields, double fallback) const {
  if (!has(fields)) return fallback;
  return number(fields);
}
Result<bool> Config::flag_or(std::string_view fields, bool fallback) const {
  if (!has(fields)) return fallback;
  return flag(fields);
}

Result<std::vector<int64_t>> Config::integers(std::string_view fields) const {
  ENGRAMD_TRY(const Field* field, need(fields));
  std::vector<int64_t> out;
  for (const Item& item : field->items) {
    if (item.kind != Item::Kind::integer) break;
    out.push_back(item.integer);
  }
  if (!field->is_array || field->has_objects || out.size() != field->items.size())
    return fail(wrong_kind(fields, "a list of integers"));
  return out;
}

Result<std::vector<double>> Config::numbers(std::string_view fields) const {
  ENGRAMD_TRY(const Field* field, need(fields));
  std::vector<double> out;
  for (const Item& item : field->items) {
    if ((item.kind != Item::Kind::integer && item.kind != Item::Kind::number) ||
        !std::isfinite(item.number))
      break;
    out.push_back(item.number);
  }
  if (!field->is_array || field->has_objects || out.size() != field->items.size())
    return fail(wrong_kind(fields, "a list of finite numbers"));
  return out;
}

Result<std::vector<std::string>> Config::texts(std::string_view fields) const {
  ENGRAMD_TRY(const Field* field, need(fields));
  std::vector<std::string> out;
  for (const Item& item : field->items) {
    if (item.kind != Item::Kind::text) break;
    out.push_back(item.text);
  }
  if (!field->is_array || field->has_objects || out.size() != field->items.size())
    return fail(wrong_kind(fields, "a list of strings"));
  return out;
}

}  // namespace engramd::engine::format::hf
