#include "daemon/session/positions.h"

#include "lsp/uri.h"
#include "repoindex/snapshot.h"

namespace engramd::daemon {
namespace {

// Answers name files in runs, so a forgotten cache costs little.
constexpr size_t kMaxCachedBytes = 64u << 20;

}  // namespace

const PlaceMapper::Text* PlaceMapper::text_of(const std::string& path) {
  if (const auto at = texts_.find(path); at != texts_.end())
    return at->second.text ? &at->second : nullptr;
  if (cached_bytes_ > kMaxCachedBytes) {
    texts_.clear();
    cached_bytes_ = 0;
  }
  Text entry;
  if (view_.overlay) {
    if (const auto open = view_.overlay->find(path); open != view_.overlay->end()) {
      entry.text = open->second.text;
      entry.lines = open->second.lines;
    }
  }
  if (!entry.text) {
    if (auto text = view_.text(path)) {
      cached_bytes_ += text->size();
      entry.text = std::make_shared<const std::string>(std::move(*text));
      entry.lines = std::make_shared<const LineIndex>(*entry.text);
    }
  }
  const auto at = texts_.emplace(path, std::move(entry)).first;
  return at->second.text ? &at->second : nullptr;
}

// Of an indexed file that is not open: then its columns are the same in all encodings, and it need
// not be read.
bool PlaceMapper::is_ascii(const std::string& path) {
  if (path == last_path_) return last_is_ascii_;
  last_path_ = path;
  const bool open = view_.overlay && view_.overlay->count(path) != 0;
  const repoindex::FileEntry* file = view_.snapshot && !open ? view_.snapshot->find(path) : nullptr;
  last_is_ascii_ = file != nullptr && view_.snapshot->summary(*file).is_ascii;
  return last_is_ascii_;
}

std::optional<size_t> PlaceMapper::offset(const std::string& path, lsp::Position position) {
  const Text* text = text_of(path);
  if (text == nullptr) return std::nullopt;
  const LineColumn place =
      text->lines->from_encoded(encoding_, position.line, position.character, *text->text);
  return text->lines->offset(place, *text->text);
}

lsp::Position PlaceMapper::position(const std::string& path, LineColumn place) {
  if (encoding_ == PositionEncoding::utf8 || is_ascii(path)) return {place.line, place.column};
  const Text* text = text_of(path);
  if (text == nullptr) return {place.line, place.column};
  return {place.line, text->lines->column_in(encoding_, place, *text->text)};
}

lsp::Range PlaceMapper::range(const std::string& path, LineColumn start, LineColumn end) {
  return {position(path, start), position(path, end)};
}

lsp::Range PlaceMapper::range(const std::string& path, ByteRange bytes) {
  const Text* text = text_of(path);
  if (text == nullptr) return {};
  return range(path, text->lines->position(bytes.begin), text->lines->position(bytes.end));
}

// Thousands of places come file by file: the last one is remembered.
const std::string& PlaceMapper::uri(const std::string& path) {
  if (last_uri_.empty() || path != last_uri_path_) {
    last_uri_ = root_.empty() ? path : lsp::uri_of_path(root_ / path);
    last_uri_path_ = path;
  }
  return last_uri_;
}

lsp::Location PlaceMapper::location(const repoindex::Place& place) {
  return {uri(place.path), range(place.path, place.start, place.end)};
}

}  // namespace engramd::daemon
