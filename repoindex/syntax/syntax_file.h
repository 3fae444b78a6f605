// repoindex/syntax/syntax_file.h - one file as the questions of this folder see it.
//
// An open document brings the tree that its facts came from, so nothing is parsed again. Another
// file is parsed once for the question, within limits, and only when the index has facts of exactly
// these bytes: then a parse host has survived them. A value, immutable: any thread.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/cancel.h"
#include "repoindex/parse/syntax.h"
#include "repoindex/view.h"

namespace engramd::repoindex {

struct Language;

struct SyntaxFile {
  std::string path;
  std::shared_ptr<const std::string> text;
  std::shared_ptr<const LineIndex> lines;
  FileFactsPtr facts;                      // null: nothing is known of it
  std::shared_ptr<const SyntaxTree> tree;  // null: no grammar, not to be parsed, or not asked for
  const Language* language = nullptr;      // row of the facts; null: no grammar

  uint32_t line_of(size_t offset) const { return lines->position(offset).line; }
  std::string_view line_text(uint32_t line) const {
    const ByteRange range = lines->line_range(line, *text);
    return std::string_view(*text).substr(range.begin, range.size());
  }
};

enum class WithTree : uint8_t { no, yes };

// Nothing when the file cannot be read.
std::optional<SyntaxFile> syntax_file(const View& view, const std::string& path, WithTree with_tree,
                                      const CancelToken& cancel = {});

}  // namespace engramd::repoindex
