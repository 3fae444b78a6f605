// repoindex/query/moved_python.h - Python's import statements after files moved. Inside query/
// only. Pure functions: any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "repoindex/facts.h"
#include "repoindex/moved_imports.h"
#include "repoindex/query/moved_spelling.h"

namespace engramd::repoindex {

// One imported name and the file that it is, or that has it.
struct PythonImport {
  const Import* import = nullptr;
  Moved moved;
};

// Of one file; imports in its order, those that lead to no file left out.
std::vector<MovedImportEdit> python_edits(const std::string& path, const FileFacts& facts,
                                          std::string_view text,
                                          const std::vector<PythonImport>& imports);

}  // namespace engramd::repoindex
