#include "engine/chat/json_text.h"

#include <nlohmann/json.hpp>
#include <optional>

namespace engramd::engine::chat {
namespace {

constexpr size_t kMaxDepth = 64;
constexpr size_t kMaxBytes = 16u << 20;

// Builds a Value from the parser's events.
class Builder final : public nlohmann::json_sax<nlohmann::json> {
 public:
  Value root;

  bool null() override { return put({Value::Kind::null, "null", {}}); }
  bool boolean(bool value) override {
    return put({Value::Kind::boolean, value ? "true" : "false", {}});
  }
  bool number_integer(number_integer_t value) override { return number(std::to_string(value)); }
  bool number_unsigned(number_unsigned_t value) override { return number(std::to_string(value)); }
  bool number_float(number_float_t, const string_t& written) override { return number(written); }
  bool string(string_t& value) override { return put({Value::Kind::string, std::move(value), {}}); }
  bool binary(binary_t&) override { return false; }
  bool start_object(size_t) override { return open(Value::Kind::object); }
  bool end_object() override { return close(); }
  bool start_array(size_t) override { return open(Value::Kind::array); }
  bool end_array() override { return close(); }
  bool key(string_t& name) override {
    key_ = std::move(name);
    return true;
  }
  bool parse_error(size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }

 private:
  bool number(std::string text) { return put({Value::Kind::number, std::move(text), {}}); }
  bool put(Value value) {
    place(std::move(value));
    return true;
  }
  Value& place(Value value) {
    if (open_.empty()) return root = std::move(value);
    auto& members = open_.back()->members;
    members.emplace_back(std::move(key_), std::move(value));
    key_.clear();
    return members.back().second;
  }
  bool open(Value::Kind kind) {
    if (open_.size() >= kMaxDepth) return false;
    // A container is the last member of its parent while it is open, so that it does not move.
    open_.push_back(&place({kind, "", {}}));
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }
  std::vector<Value*> open_;
  std::string key_;
};

void append_json(std::string& out, const Value& value) {
  switch (value.kind) {
    case Value::Kind::string:
      out += json_string(value.text);
      return;
    case Value::Kind::array:
    case Value::Kind::object: {
      const bool object = value.is_object();
      out += object ? '{' : '[';
      for (size_t i = 0; i < value.members.size(); ++i) {
        if (i > 0) out += ", ";
        if (object) out += json_string(value.members[i].first) + ": ";
        append_json(out, value.members[i].second);
      }
      out += object ? '}' : ']';
      return;
    }
    default:
      out += value.text;
  }
}

bool names_type(const Value& type, std::string_view wanted) {
  if (type.is_string()) return type.text == wanted;
  for (const auto& [name, one] : type.members)
    if (one.text == wanted) return true;
  return false;
}

}  // namespace

const Value* Value::find(std::string_view name) const {
  if (!is_object()) return nullptr;
  for (const auto& [key, value] : members)
    if (key == name) return &value;
  return nullptr;
}

std::string_view Value::string_member(std::string_view name) const {
  const Value* value = find(name);
  return value != nullptr && value->is_string() ? std::string_view(value->text)
                                                : std::string_view();
}

Result<Value> parse_json(std::string_view text) {
  Builder builder;
  if (text.size() > kMaxBytes || !nlohmann::json::sax_parse(text, &builder))
    return fail(ErrorCode::invalid_input, "not JSON: " + std::string(text.substr(0, 60)));
  return std::move(builder.root);
}

Result<Value> parse_object(std::string_view text, std::string_view what) {
  auto value = parse_json(text);
  if (!value || !value->is_object())
    return fail(ErrorCode::invalid_input,
                std::string(what) + ": expected a JSON object, found " +
                    (text.empty() ? "nothing" : std::string(text.substr(0, 60))));
  return value;
}

void append_escaped(std::string& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      default:
        if (byte >= 0x20) {
          out += c;
        } else {
          out += "\\u00";
          out += kHex[byte >> 4];
          out += kHex[byte & 15];
        }
    }
  }
}

std::string json_string(std::string_view text) {
  std::string out = "\"";
  append_escaped(out, text);
  return out += '"';
}

std::string to_json(const Value& value) {
  std::string out;
  append_json(out, value);
  return out;
}

std::string to_python_text(const Value& value) {
  if (value.is_string()) return value.text;
  if (value.kind == Value::Kind::null) return "None";
  if (value.kind == Value::Kind::boolean) return value.text == "true" ? "True" : "False";
  return to_json(value);
}

Result<std::string> function_json(const Tool& tool) {
  std::string out = "{\"name\": " + json_string(tool.name);
  if (!tool.description.empty()) out += ", \"description\": " + json_string(tool.description);
  if (!tool.parameters.empty()) {
    ENGRAMD_TRY(const Value schema,
                parse_object(tool.parameters, "the parameters of tool " + tool.name));
    out += ", \"parameters\": " + to_json(schema);
  }
  return out + "}";
}

Result<std::string> tool_json(const Tool& tool) {
  ENGRAMD_TRY(const std::string function, function_json(tool));
  return "{\"type\": \"function\", \"function\": " + function + "}";
}

ParameterTypes::ParameterTypes(const std::vector<Tool>& tools) {
  for (const Tool& tool : tools)
    if (auto schema = parse_json(tool.parameters))
      schemas_.emplace_back(tool.name, *std::move(schema));
}

ParameterType ParameterTypes::of(std::string_view tool, std::string_view parameter) const {
  for (const auto& [name, schema] : schemas_) {
    if (name != tool) continue;
    const Value* properties = schema.find("properties");
    const Value* property = properties == nullptr ? nullptr : properties->find(parameter);
    if (property == nullptr) return ParameterType::unknown;
    const Value* type = property->find("type");
    if (type == nullptr)
      return property->find("enum") != nullptr ? ParameterType::string : ParameterType::unknown;
    // ["string", "null"] takes a null too, so the text decides.
    if (names_type(*type, "string"))
      return type->is_string() ? ParameterType::string : ParameterType::unknown;
    return ParameterType::other;
  }
  return ParameterType::unknown;
}

std::string typed_json(std::string_view text, ParameterType type) {
  if (type == ParameterType::string) return json_string(text);
  if (text == "True") return "true";
  if (text == "False") return "false";
  if (text == "None") return "null";
  const auto value = parse_json(text);
  // Without a schema quotes are more likely part of the text.
  if (!value || (value->is_string() && type == ParameterType::unknown)) return json_string(text);
  return to_json(*value);
}

}  // namespace engramd::engine::chat
