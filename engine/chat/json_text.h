// engine/chat/json_text.h - the JSON that prompts and tool calls hold, as plain values.
//
// Written as Python's json.dumps(ensure_ascii=False) writes it (", " and ": "), which is what the
// models were trained on. Order and numbers stay as they were read. Depth and size are bounded.
// The only file of engine/chat that sees a JSON library. No state: any thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "engine/api/chat.h"

namespace engramd::engine::chat {

struct Value {
  enum class Kind { null, boolean, number, string, array, object };
  Kind kind = Kind::null;
  std::string text;  // string: its characters; number, boolean: as written
  std::vector<std::pair<std::string, Value>> members;  // of an array, without names

  bool is_string() const { return kind == Kind::string; }
  bool is_object() const { return kind == Kind::object; }
  bool is_container() const { return kind == Kind::array || kind == Kind::object; }
  const Value* find(std::string_view name) const;
  // A string member's characters, or nothing.
  std::string_view string_member(std::string_view name) const;
};

Result<Value> parse_json(std::string_view text);
// "what" starts the error: an object was expected.
Result<Value> parse_object(std::string_view text, std::string_view what);

void append_escaped(std::string& out, std::string_view text);
std::string json_string(std::string_view text);
std::string to_json(const Value& value);
// As Python's str(): a string without quotes, True, None.
std::string to_python_text(const Value& value);

// {"type": "function", "function": {...}}, or the inner object alone.
Result<std::string> function_json(const Tool& tool);
Result<std::string> tool_json(const Tool& tool);

// What the tools' schemas say of a parameter.
enum class ParameterType { unknown, string, other };
class ParameterTypes {
 public:
  explicit ParameterTypes(const std::vector<Tool>& tools);
  ParameterType of(std::string_view tool, std::string_view parameter) const;

 private:
  std::vector<std::pair<std::string, Value>> schemas_;
};

// A value that the model wrote as plain text, as JSON. A value that may not be a string and reads
// as JSON (or as Python's True, False, None) is that; everything else is a string.
std::string typed_json(std::string_view text, ParameterType type);

}  // namespace engramd::engine::chat
