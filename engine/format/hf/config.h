// engine/format/hf/config.h - the config.json of a checkpoint as fields with dotted names.
//
// Nested objects are flattened: "rope_scaling.factor". A "text_config" (models that also see) is
// looked into first, as if its fields stood at the top. JSON stops here. The text may be hostile:
// its size, depth, the number of fields and the length of their names are bounded. Immutable: any
// thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace engramd::engine::format::hf {

class Config {
 public:
  static Result<Config> parse(std::string_view json);

  // `fields` is one name or several, "a|b": the first that is there and not null counts.
  bool has(std::string_view fields) const { return find(fields) != nullptr; }
  // A missing field, a wrong kind and a number beyond 32 bits are each one clear error.
  Result<uint32_t> size(std::string_view fields) const;
  Result<uint32_t> size_or(std::string_view fields, uint32_t fallback) const;
  Result<double> number(std::string_view fields) const;
  Result<double> number_or(std::string_view fields, double fallback) const;
  Result<bool> flag(std::string_view fields) const;
  Result<bool> flag_or(std::string_view fields, bool fallback) const;
  Result<std::string> text(std::string_view fields) const;
  Result<std::vector<int64_t>> integers(std::string_view fields) const;
  Result<std::vector<double>> numbers(std::string_view fields) const;
  Result<std::vector<std::string>> texts(std::string_view fields) const;

  struct Item {
    enum class Kind { boolean, integer, number, text };
    Kind kind = Kind::integer;
    bool flag = false;
    int64_t integer = 0;
    double number = 0;
    std::string text;
  };
  struct Field {
    bool is_array = false;
    bool has_objects = false;  // an array of more than plain values: only its existence is known
    std::vector<Item> items;   // one when no array
  };

 private:
  const Field* find(std::string_view fields) const;
  const Field* find_one(std::string_view field) const;
  Result<const Field*> need(std::string_view fields) const;
  std::map<std::string, Field, std::less<>> fields_;
};

}  // namespace engramd::engine::format::hf
