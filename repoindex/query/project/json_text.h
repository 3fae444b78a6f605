// repoindex/query/project/json_text.h - enough JSON to read the configuration files of a project.
//
// A reader of our own because JSON libraries stop at the edges of engramd, and a syntax tree of a
// 50 MB compile_commands.json costs seconds and ten times its size. It takes what tsconfig.json
// holds (comments, trailing commas) and what a half-written file still has: reading stops at the
// first fault and what came before it stands. Bounded in depth and in values; no recursion beyond
// kMaxDepth. Any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace engramd::repoindex {

struct JsonValue {
  enum class Kind : uint8_t { none, word, string, array, object };
  Kind kind = Kind::none;
  std::string text;               // of a string; of a number, true, false or null as written
  std::vector<std::string> keys;  // of an object, as many as items
  std::vector<JsonValue> items;   // of an array or object, in order

  const JsonValue& at(std::string_view key) const;  // the last of that name; none when absent
  std::string_view string_at(std::string_view key) const;  // empty when it is no string
};

JsonValue read_json(std::string_view text);
// The elements of the array that the text is, one at a time; the visitor returns whether to go on.
void read_json_array(std::string_view text, const std::function<bool(JsonValue&&)>& visit);

}  // namespace engramd::repoindex
