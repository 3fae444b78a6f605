// repoindex/store/frames.h - how the parts of a record are compressed.
//
// A zstd frame, without the magic number (which all have) in records. Their parts are small, so
// each kind starts from a dictionary of its own, trained on other repositories and part of the
// format: tables of letter frequencies and common pieces, which a small frame would else have to
// bring along. tests/bench/train_frames.cpp makes the dictionaries. Any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace engramd::repoindex {

// Rows of the table of dictionaries in frames.cpp.
enum class Part : uint8_t {
  none,     // not of a record: no dictionary, and the magic number is there
  numbers,  // of the outline
  texts,    // of the outline: signatures, docs and other texts
  places,   // of the uses: where which name stands
  scopes,   // of the uses: what is around and in front of them
};
constexpr size_t kNParts = 5;
std::string_view to_string(Part part);

std::string compress(Part part, std::string_view bytes);
// Never takes more memory than a file's facts can need.
Status decompress(Part part, std::string_view frame, std::string* out);

// One number for all dictionaries: frames of other ones cannot be read.
uint64_t dictionaries_pin();

}  // namespace engramd::repoindex
