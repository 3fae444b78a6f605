// repoindex/parse/extract.h - from text to FileFacts: one cursor walk, driven by a language row.
//
// No recursion; a node budget bounds the walk and a time budget the parse. Text inside ERROR nodes
// is walked like any other. Facts that were cut short say so (truncated).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "repoindex/facts.h"
#include "repoindex/languages/language.h"

namespace engramd::repoindex {

// Raise it whenever the walk or a row learns something: cached facts of older versions are then
// made anew.
inline constexpr uint32_t kExtractorVersion = 3;

struct ExtractLimits {
  size_t max_nodes = 6'000'000;
  size_t max_symbols = 100'000;
  int64_t parse_ms = 4000;
};

// Holds a parser; use one per thread.
class Extractor {
 public:
  Extractor();
  ~Extractor();
  Extractor(const Extractor&) = delete;
  // language may be null: then only bytes and lines are counted. Never null, unless cancelled.
  FileFactsPtr extract(const Language* language, std::string_view text,
                       const CancelToken& cancel = {}, const ExtractLimits& limits = {});

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

uint32_t count_lines(std::string_view text);

// Kinds and fields that a row names and its grammar does not have; a test wants this empty.
std::vector<std::string> unknown_names(const Language& language);

}  // namespace engramd::repoindex
