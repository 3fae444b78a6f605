// agent/tests/output_text.h - what programs print, made fit for reading line by line, and the
// places in the tree that it names. Pure but for looking whether a file is there: any thread.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "agent/tests/test_run.h"

namespace engramd::agent {

// Without colours and cursor movements, carriage returns and bytes that are not UTF-8.
std::string plain_text(std::string_view output);

// Places like `File "a.py", line 3`, `a.cpp:12:` and `(file:///x/a.js:4:2)` inside the tree, last
// ones first, at most 200. A path that is none from the tree's root is looked for in `folders` too.
std::vector<Frame> find_frames(std::string_view output, const std::filesystem::path& tree_on_host,
                               std::string_view tree_inside,
                               const std::vector<std::string>& folders = {});

}  // namespace engramd::agent
