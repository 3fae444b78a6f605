// repoindex/memory/nearest.h - the files of a view in the order in which a memory learns them.
//
// Nearest first: the file itself and unsaved buffers, what it imports, its folder, its language,
// other code, plain text. Secret files are left out. Loads the facts of one file. Any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "repoindex/memory/token_cache.h"
#include "repoindex/view.h"

namespace engramd::repoindex {

struct NearFile {
  std::string path;
  std::string blob_id;  // of the snapshot; empty: only an unsaved buffer has this path
  int tier = 0;
};

// near: a path of the view, or empty.
std::vector<NearFile> nearest_first(const View& view, const std::string& near);

// Neither too big nor minified.
bool worth_learning(std::string_view text);

// A secret line ends one run of tokens and begins another: nothing is learnt across it.
std::vector<TokenId> encode_without_secrets(std::string_view text, const TokenEncoder& encoder);

}  // namespace engramd::repoindex
