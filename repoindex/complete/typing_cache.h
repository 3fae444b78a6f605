// repoindex/complete/typing_cache.h - facts of a text with a name put in at the cursor.
//
// `box.` does not parse, `box.x` does: behind a dot with nothing typed yet, the text is read as if
// a name stood there. Documents are kept between questions, so that only what changed is parsed.
// Bounded: a few documents; any thread, a mutex inside lets one parse at a time.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "repoindex/index.h"
#include "repoindex/view.h"

namespace engramd::repoindex {

class TypingCache {
 public:
  static constexpr size_t kMaxDocuments = 4;
  static constexpr size_t kMaxBytes = 2u << 20;  // of a text; larger ones are taken as they are
  static constexpr std::string_view kName = "x";

  // The document with kName put in at the offset; nothing when that is not worth it.
  std::shared_ptr<const OpenDocument> with_name(const std::string& path, std::string_view language,
                                                std::string_view text, size_t offset);

 private:
  struct Kept {
    std::string path;
    std::unique_ptr<Document> document;
  };
  std::mutex mutex_;      // guards kept_: questions come from a pool
  std::list<Kept> kept_;  // the last used first
};

}  // namespace engramd::repoindex
