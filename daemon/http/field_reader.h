// daemon/http/field_reader.h - the fields of a request's JSON object, with the first thing that is
// wrong with them.
//
// An absent or null field is its fallback; fields nobody asks for are ignored, as clients send
// settings of other servers. After reading, problem() says whether anything was wrong, naming the
// field. One thread.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/http/api_error.h"

namespace engramd::daemon::http {

// A body: one JSON object, nested at most kMaxDepth deep (what comes of it is walked recursively).
inline constexpr size_t kMaxDepth = 100;
tl::expected<nlohmann::json, ApiError> parse_body(std::string_view body);

class FieldReader {
 public:
  // prefix: of the names in messages, "messages[3]." say.
  FieldReader(const nlohmann::json& object, std::string prefix = {});

  // Null for an absent field.
  const nlohmann::json* find(const char* name) const;
  double number(const char* name, double fallback, double low, double high);
  int64_t integer(const char* name, int64_t fallback, int64_t low, int64_t high);
  bool boolean(const char* name, bool fallback);
  std::string text(const char* name, std::string fallback = {});

  // Only the first complaint is kept.
  void complain(const std::string& field, const std::string& message, int status = 400);
  void complain(ApiError error);
  const std::optional<ApiError>& problem() const { return problem_; }

 private:
  const nlohmann::json& object_;
  const std::string prefix_;
  std::optional<ApiError> problem_;
};

}  // namespace engramd::daemon::http
