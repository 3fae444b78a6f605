// repoindex/search/secrets.h - lines that must never be shown to a model or learnt.
//
// Private key blocks, well-known token formats, and password-like names that are given a long
// random-looking value. A heuristic: it errs towards hiding a line. Any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"

namespace engramd::repoindex {

// Byte ranges of the lines (without line ends) that look like secrets, in order.
std::vector<ByteRange> secret_lines(std::string_view text);

// A file that is one secret by its name: keys, .env, credential stores.
bool is_secret_path(std::string_view path);

}  // namespace engramd::repoindex
