// agent/tools/arguments.h - the arguments of one tool call, read once from the model's JSON.
//
// One of the named JSON edges. Reading is lenient where the meaning is plain (numbers in quotes,
// "file_path" for path, a list of lines for a text); anything else is an error sentence that the
// model can act on: what was expected, what was found. Immutable after parse: any thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace engramd::agent {

class Arguments {
 public:
  static Result<Arguments> parse(const std::string& json_text);

  bool has(const std::string& name) const;
  // A list of strings is joined as lines, a number is its digits.
  Result<std::string> text(const std::string& name) const;
  std::string text_or(const std::string& name, const std::string& fallback) const;
  Result<int64_t> number_or(const std::string& name, int64_t fallback) const;
  Result<bool> flag_or(const std::string& name, bool fallback) const;
  // A list of strings, or one string cut at blanks and commas; empty when absent.
  std::vector<std::string> words(const std::string& name) const;
  // A list of objects, or one object; empty when absent.
  const std::vector<Arguments>& objects(const std::string& name) const;

 private:
  const std::string* find(const std::string& name) const;
  std::string missing(const std::string& name, const std::string& type) const;

  std::map<std::string, std::string> texts_;  // every plain value, as text
  std::map<std::string, std::vector<std::string>> lists_;
  std::map<std::string, std::vector<Arguments>> objects_;
};

// The same name under other names that models use: "file_path" for "path". Empty when there is
// none.
std::vector<std::string> other_names(const std::string& name);

}  // namespace engramd::agent
