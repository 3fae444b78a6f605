// agent/tools/arguments.h - the arguments of one tool call, read once from the model's JSON.
//
// One of the named JSON edges. A missing or wrongly typed argument is an error sentence that the
// model can act on. Immutable after parse: any thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/result.h"

namespace engramd::agent {

class Arguments {
 public:
  static Result<Arguments> parse(const std::string& json_text);
  Result<std::string> text(const std::string& name) const;
  std::string text_or(const std::string& name, const std::string& fallback) const;
  Result<int64_t> number_or(const std::string& name, int64_t fallback) const;

 private:
  std::map<std::string, std::string> texts_;
  std::map<std::string, int64_t> numbers_;
};

}  // namespace engramd::agent
