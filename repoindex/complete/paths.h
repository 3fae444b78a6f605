// repoindex/complete/paths.h - completion inside imports: modules and their names, headers, files.
// Inside complete/ only. Bounded; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "repoindex/complete/complete.h"
#include "repoindex/complete/scope_reader.h"

namespace engramd::repoindex {

// What is written on the cursor's line (or in its string) when that is an import.
struct ImportSite {
  enum class What {
    python_module,  // import a.b| / from .a|
    python_name,    // from a.b import x|
    include,        // #include "a/b|
    script_path,    // from './a|', require('./a|')
    script_name,    // import { x| } from './a'
  };
  What what = What::python_module;
  std::string target;  // the module or path as written up to the part that is being typed
  uint32_t level = 0;  // leading dots; of an include 1 when in angle brackets
  size_t typed_begin = 0;
};
std::optional<ImportSite> import_site(std::string_view text, size_t offset,
                                      std::string_view language, const Standing& standing);

void add_paths(const View& view, const std::string& path, const FileFacts& facts,
               const ImportSite& site, std::string_view typed, std::vector<Candidate>& out);

}  // namespace engramd::repoindex
