// repoindex/complete/signature.h - the parameters of a definition, from its signature line, and the
// calls around a place. Pure functions of facts and text: any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "repoindex/facts.h"
#include "repoindex/view.h"

namespace engramd::repoindex {

struct Parameter {
  std::string name;           // empty when none is written: int f(int)
  std::string label;          // as it is written in the signature
  size_t begin = 0, end = 0;  // of the label, in the signature
  bool is_rest = false;       // takes any number: *args, ...rest
  bool is_optional = false;   // has a default
  bool by_name_only = false;  // behind Python's *
};

// Without self and the like; nothing when the list is cut short or there is none.
std::optional<std::vector<Parameter>> parameters_of(const Symbol& symbol,
                                                    std::string_view language);

struct CallSignature {
  std::string label;  // the signature
  std::vector<Parameter> parameters;
  std::string doc;
  std::optional<size_t> active;  // which parameter is being written
  bool fits = true;              // takes so many arguments
};
struct SignatureInfo {
  std::string language;
  std::vector<CallSignature> signatures;  // the most fitting first
  size_t n_given = 0;
};
// Of the innermost call around the offset whose function is known.
std::optional<SignatureInfo> signatures_at(const View&, const std::string& path, size_t offset,
                                           const CancelToken& = {});

// In front of an argument: the name of the parameter that takes it.
struct ArgumentHint {
  size_t offset = 0;  // of the argument
  std::string name;   // of the parameter
  std::string path;   // of the definition that has it
  uint32_t symbol = kNone;
};
std::vector<ArgumentHint> argument_hints(const View&, const std::string& path, ByteRange range,
                                         size_t limit, const CancelToken& = {});

}  // namespace engramd::repoindex
