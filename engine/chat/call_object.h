// engine/chat/call_object.h - a tool call that is one JSON object, read byte by byte.
//
//   {"name": "f", "arguments": {...}}
//
// Tells name and arguments as soon as they are there, so that long arguments can be streamed; a
// bracket or marker inside a string does not end it. Whether the arguments are JSON is checked when
// the object is complete. One thread.
#pragma once

#include <string>
#include <string_view>

namespace engramd::engine::chat {

class CallObject {
 public:
  // arguments_name: "arguments" or "parameters".
  explicit CallObject(std::string_view arguments_name) : arguments_name_(arguments_name) {}
  // Takes bytes up to the end of the object or to what cannot be one; returns how many.
  size_t take(std::string_view bytes);
  bool done() const { return done_; }
  bool broken() const { return broken_; }
  const std::string& name() const { return name_; }  // empty until it is known
  // Of the arguments' text, what was not taken yet.
  std::string take_arguments();
  // After done(): an object (in a string, too, as some models write it) or nothing at all.
  bool arguments_are_object() const;
  bool has_arguments() const { return n_arguments_ > 0; }

 private:
  bool take_one(char c);  // false: cannot be part of the object
  bool take_structure(char c);

  std::string_view arguments_name_;
  std::string open_;    // brackets
  std::string string_;  // the current string as written, without quotes
  std::string key_, name_, all_arguments_;
  std::string waiting_;  // white space that may follow the value
  size_t n_taken_ = 0, n_arguments_ = 0;
  bool in_string_ = false, escaped_ = false, at_key_ = false, in_value_ = false;
  bool done_ = false, broken_ = false;
};

}  // namespace engramd::engine::chat
