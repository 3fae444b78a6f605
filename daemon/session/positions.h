// daemon/session/positions.h - between places in a View and positions in the editor's encoding.
//
// Asked is captured on the strand when a request comes in and may be handed to any thread: a
// query sees every earlier edit of its connection and none that comes later. PlaceMapper lives
// for one answer on one thread.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "lsp/protocol/basic.h"
#include "repoindex/index.h"
#include "repoindex/query.h"
#include "repoindex/view.h"

namespace engramd::daemon {

struct Asked {
  repoindex::View view;
  std::filesystem::path root;  // as the editor spells it; answers use the same spelling
  std::string path;            // relative to the root; empty when a whole root was asked about
  PositionEncoding encoding = PositionEncoding::utf16;
  // The index is being filled for the first time and is that far; nothing: it is complete, or
  // nothing is indexed for this root.
  std::optional<repoindex::IndexProgress> filling;
};

class PlaceMapper {
 public:
  explicit PlaceMapper(const Asked& asked)
      : view_(asked.view), root_(asked.root), encoding_(asked.encoding) {}

  // Byte offset, clamped to the text; nothing when the file cannot be read.
  std::optional<size_t> offset(const std::string& path, lsp::Position position);
  lsp::Range range(const std::string& path, LineColumn start, LineColumn end);
  lsp::Range range(const std::string& path, ByteRange bytes);
  const std::string& uri(const std::string& path);  // valid until the next call
  lsp::Location location(const repoindex::Place& place);

 private:
  struct Text {
    std::shared_ptr<const std::string> text;
    std::shared_ptr<const LineIndex> lines;
  };
  const Text* text_of(const std::string& path);
  bool is_ascii(const std::string& path);
  lsp::Position position(const std::string& path, LineColumn place);

  const repoindex::View view_;
  const std::filesystem::path root_;
  const PositionEncoding encoding_;
  std::map<std::string, Text> texts_;
  size_t cached_bytes_ = 0;
  std::string last_path_;  // of is_ascii()
  bool last_is_ascii_ = false;
  std::string last_uri_path_, last_uri_;  // of uri()
};

}  // namespace engramd::daemon
