// repoindex/parse/host/serve.h - the parse host itself: the inside of the child process.
//
// Confined before the first request is read (base/confine.h): what a file makes the grammar's C
// code do stays in here. Main thread of a process that does nothing else.
#pragma once

#include <functional>
#include <string_view>

#include "repoindex/parse/extract.h"

namespace engramd::repoindex::host {

// Memory beyond what the program takes by itself. 2 MiB of the densest code, one token every two
// bytes, takes up to 1 GB; only a text that is ambiguous at every byte ("a<a<a<") takes more.
constexpr uint64_t kMaxMemoryBytes = 1536u << 20;

// How a text becomes facts. The program uses an Extractor; a test, something that fails.
using ExtractFn =
    std::function<FileFactsPtr(const Language&, std::string_view text, const ExtractLimits&)>;

// Answers requests on the socket that is standard input until the other end closes. Returns the
// process's exit status.
int serve_parse_host(const ExtractFn& extract = {});

}  // namespace engramd::repoindex::host
