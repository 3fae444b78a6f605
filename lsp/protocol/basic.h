// lsp/protocol/basic.h - the shapes that many LSP messages share, as plain structs.
//
// One pair of files per feature lies beside this one: params with read(json, x), which checks
// types and ranges and says which member is wrong, and results with write(x), which gives JSON
// text. put() writes a shape that is part of a message. Members that we never look at are not
// here. Columns are in the negotiated encoding. Plain data, any thread. LSP 3.18.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "lsp/json_writer.h"

namespace engramd::lsp {

struct Position {
  uint32_t line = 0, character = 0;
  auto operator<=>(const Position&) const = default;
};
struct Range {
  Position start, end;
  bool operator==(const Range&) const = default;
};
struct Location {
  std::string uri;
  Range range;
};
struct LocationLink {
  std::optional<Range> origin;
  std::string uri;
  Range range, selection;
};
// TextDocumentPositionParams
struct DocumentPosition {
  std::string uri;
  Position position;
};
struct TextEdit {
  Range range;
  std::string new_text;
  std::string annotation;  // id in WorkspaceEdit::annotations; empty: a plain edit
};
struct Markup {
  bool markdown = true;
  std::string text;
};
struct Command {
  std::string title, command;
  std::vector<std::string> arguments;  // each as JSON text
};

struct NoParams {};
struct NullResult {};
struct JsonResult {
  std::string json = "null";
};

Status read(const nlohmann::json&, NoParams&);
Status read(const nlohmann::json&, DocumentPosition&);
std::string write(const NullResult&);
std::string write(const JsonResult&);
// { "token": ..., "value": ... } of $/progress; both as JSON text.
std::string partial_result(const std::string& token, const std::string& value);

void put(JsonWriter&, const Position&);
void put(JsonWriter&, const Range&);
void put(JsonWriter&, const Location&);
void put(JsonWriter&, const LocationLink&);
void put(JsonWriter&, const TextEdit&);
void put(JsonWriter&, const Markup&);
void put(JsonWriter&, const Command&);
template <class T>
void put_all(JsonWriter& json, const std::vector<T>& items) {
  json.begin_array();
  for (const T& item : items) put(json, item);
  json.end_array();
}

}  // namespace engramd::lsp
