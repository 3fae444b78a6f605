#include "engine/chat/call_object.h"

#include "engine/chat/json_text.h"

namespace engramd::engine::chat {
namespace {

bool is_space(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

std::string decoded(const std::string& written) {
  const auto value = parse_json("\"" + written + "\"");
  return value && value->is_string() ? value->text : written;
}

}  // namespace

size_t CallObject::take(std::string_view bytes) {
  size_t n = 0;
  while (n < bytes.size() && !done_) {
    if (!take_one(bytes[n])) {
      broken_ = true;
      break;
    }
    ++n;
  }
  return n;
}

bool CallObject::take_one(char c) {
  if (open_.empty()) {
    if (c != '{') return false;
    open_ = "{";
    at_key_ = true;
    return true;
  }
  const bool outer = open_.size() == 1;
  const bool ends_value = outer && !in_string_ && (c == ',' || c == '}');
  if (in_value_ && !ends_value && key_ == arguments_name_) {
    if (!in_string_ && is_space(c)) {
      if (n_arguments_ > 0) waiting_ += c;
    } else {
      all_arguments_ += waiting_;
      all_arguments_ += c;
      n_arguments_ = all_arguments_.size();
      waiting_.clear();
    }
  }
  if (in_string_) {
    if (c == '"' && !escaped_) {
      in_string_ = false;
      if (outer && at_key_) key_ = decoded(string_);
      if (outer && in_value_ && key_ == "name") name_ = decoded(string_);
    } else {
      string_ += c;
    }
    escaped_ = c == '\\' && !escaped_;
    return true;
  }
  return take_structure(c);
}

bool CallObject::take_structure(char c) {
  const bool outer = open_.size() == 1;
  switch (c) {
    case '"':
      in_string_ = true;
      string_.clear();
      return true;
    case '{':
    case '[':
      if (outer && !in_value_) return false;
      open_ += c;
      return open_.size() < 64;
    case '}':
    case ']':
      if (open_.back() != (c == '}' ? '{' : '[')) return false;
      open_.pop_back();
      done_ = open_.empty();
      return true;
    case ':':
      if (!outer) return true;
      if (!at_key_ || key_.empty()) return false;
      at_key_ = false;
      in_value_ = true;
      return true;
    case ',':
      if (!outer) return true;
      if (!in_value_) return false;
      in_value_ = false;
      at_key_ = true;
      key_.clear();
      return true;
    default:
      return is_space(c) || !outer || in_value_;
  }
}

std::string CallObject::take_arguments() {
  // In a string they cannot be passed on before they are complete.
  const bool in_string = all_arguments_.starts_with('"');
  if (in_string && !done_) return {};
  std::string more = all_arguments_.substr(n_taken_);
  if (in_string && n_taken_ == 0) {
    const auto value = parse_json(more);
    if (value && value->is_string()) more = value->text;
  }
  n_taken_ = all_arguments_.size();
  return more;
}

bool CallObject::arguments_are_object() const {
  if (n_arguments_ == 0) return true;
  auto value = parse_json(all_arguments_);
  if (value && value->is_string()) value = parse_json(value->text);
  return value && value->is_object();
}

}  // namespace engramd::engine::chat
