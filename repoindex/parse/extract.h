// repoindex/parse/extract.h - from text to FileFacts: one cursor walk, driven by a language row.
//
// No recursion; a node budget bounds the walk, a step and a time budget the parse. Text inside
// ERROR nodes is walked like any other. Where a budget ends, a plain scan for identifiers goes on
// (parse/lexical.h), so that names are found in every file; such facts say so (truncated).
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
inline constexpr uint32_t kExtractorVersion = 7;

struct ExtractLimits {
  size_t max_bytes = 2u << 20;  // a larger text is scanned, not parsed
  size_t max_nodes = 6'000'000;
  size_t max_symbols = 100'000;
  // Parser steps, in the hundreds that the runtime counts in. Unlike a clock they are the same on
  // a loaded machine, so facts stay a function of the bytes. Code takes 4,500 to 13,000 a megabyte.
  uint64_t max_parse_steps = 100'000;
  int64_t parse_ms = 20'000;  // what steps do not bound: a step that takes ages
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
  // The parse alone, for benchmarks: what it took of its budget.
  struct ParseCost {
    uint64_t steps = 0, pieces = 0;
    bool complete = false;
  };
  ParseCost parse_only(const Language& language, std::string_view text);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

uint32_t count_lines(std::string_view text);

class Document;
// What publish() gave, walked afresh over the document's tree: for tests of what an edited
// document takes over from before. After publish(), for a text that was parsed.
FileFactsPtr facts_walked_afresh(const Document& document);

// Kinds and fields that a row names and its grammar does not have; a test wants this empty.
std::vector<std::string> unknown_names(const Language& language);

}  // namespace engramd::repoindex
