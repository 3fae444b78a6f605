// lsp/protocol/completion.h - textDocument/completion and completionItem/resolve.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lsp/protocol/basic.h"

namespace engramd::lsp {

struct CompletionParams {
  std::string uri;
  Position position;
  std::string trigger_character;  // empty: invoked, or typed on
};

// What completionItem/resolve is told again: which definition an item is of, and for whom.
struct CompletionData {
  std::string uri;  // of the document that was completed in
  std::string path;
  int64_t symbol = -1;
  std::string name;
  bool needs_import = false;
};

struct CompletionItem {
  std::string label;
  int kind = 1;
  std::string detail;                               // empty: none
  std::string label_detail, label_description;      // empty: none
  bool deprecated = false, deprecated_tag = false;  // as the client knows it
  std::string sort_text, filter_text;               // empty: the label
  std::string new_text;
  bool is_snippet = false;
  std::vector<TextEdit> more_edits;
  std::vector<std::string> commit_characters;
  std::optional<Markup> documentation;
  std::optional<CompletionData> data;
};

// Where items are put: with `insert` the client may keep what is behind the cursor.
struct CompletionResult {
  bool incomplete = false;
  Range replace;
  std::optional<Range> insert;
  bool default_range = false;  // said once for all items: itemDefaults.editRange
  std::vector<CompletionItem> items;
};

struct ResolveCompletionParams {
  std::string item;  // as JSON text
  CompletionData data;
};
// The item as it came, with what was asked for.
struct ResolveCompletionResult {
  std::string item = "{}";
  std::string detail;
  std::optional<Markup> documentation;
  std::vector<TextEdit> more_edits;
};

Status read(const nlohmann::json&, CompletionParams&);
Status read(const nlohmann::json&, ResolveCompletionParams&);
std::string write(const CompletionResult&);
std::string write(const ResolveCompletionResult&);

}  // namespace engramd::lsp
