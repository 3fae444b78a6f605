// engine/format/json_events.h - JSON as a stream of events, so that a hostile text builds no tree.
//
// The only place of the engine's formats that knows a JSON library. A reader of one format is a
// JsonEvents that keeps what it needs; what it refuses ends the reading with its error. Stack and
// memory are bounded by max_depth and by the longest string. One thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace engramd::engine::format {

struct JsonScalar {
  enum class Kind { null, boolean, integer, number, text };
  Kind kind = Kind::null;
  bool flag = false;
  bool negative = false;
  uint64_t magnitude = 0;  // of an integer
  double number = 0;       // of an integer too
  std::string_view text;   // valid during the call
};

class JsonEvents {
 public:
  virtual ~JsonEvents() = default;
  virtual Status begin_object() = 0;
  virtual Status key(std::string_view key) = 0;
  virtual Status end_object() = 0;
  virtual Status begin_array() = 0;
  virtual Status end_array() = 0;
  virtual Status scalar(const JsonScalar& value) = 0;
};

// The whole text is one value, with nothing but white space around it.
Status read_json(std::string_view text, int max_depth, JsonEvents& events);

}  // namespace engramd::engine::format
