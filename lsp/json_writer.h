// lsp/json_writer.h - writes JSON text directly, without a tree.
//
// Commas are placed by the writer; nesting and keys are the caller's duty. Strings are escaped and
// invalid UTF-8 becomes U+FFFD, so the output always parses. Not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

namespace engramd::lsp {

class JsonWriter {
 public:
  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  JsonWriter& key(std::string_view name);
  JsonWriter& string(std::string_view value);
  JsonWriter& number(int64_t value);
  JsonWriter& real(double value);  // rounded to 6 significant digits; null when not finite
  JsonWriter& boolean(bool value) { return raw(value ? "true" : "false"); }
  JsonWriter& null() { return raw("null"); }
  // Text that is JSON already.
  JsonWriter& raw(std::string_view json);

  JsonWriter& field(std::string_view name, std::string_view value) {
    return key(name).string(value);
  }
  JsonWriter& field(std::string_view name, const char* value) { return key(name).string(value); }
  JsonWriter& field(std::string_view name, bool value) { return key(name).boolean(value); }
  template <class Integer>
  requires std::is_integral_v<Integer> JsonWriter& field(std::string_view name, Integer value) {
    return key(name).number(static_cast<int64_t>(value));
  }

  const std::string& text() const { return out_; }
  std::string take() { return std::move(out_); }

 private:
  void separate();
  JsonWriter& open(char c);
  JsonWriter& close(char c);

  std::string out_;
  bool need_comma_ = false;
};

std::string json_string(std::string_view value);  // quoted and escaped

}  // namespace engramd::lsp
