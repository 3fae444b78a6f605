// repoindex/query/imported.h - files that a file imports, and files that import it.
//
// The one reading of imports: definitions, windows, the memory and the order in which a first
// refresh reads files all ask here. Paths and the facts of the view only; a snapshot that is still
// being read answers by what its files are called. Bounded; any thread.
#pragma once

#include <string>
#include <vector>

#include "base/cancel.h"
#include "repoindex/query.h"
#include "repoindex/view.h"

namespace engramd::repoindex {

// Where one import leads: the file it means, or every file of the package, folder or module it
// names, nearest first. Never the importing file.
std::vector<std::string> files_of_import(const View&, const std::string& path, const FileFacts&,
                                         const Import&);

// Of all imports of a file, in their order and without duplicates. Of a package only the files that
// are called like a name the importing file uses, or a few.
std::vector<std::string> imported_files(const View&, const std::string& path, const FileFacts&);

// The import statements that lead to a file, by path and place.
std::vector<ReferenceHit> importers_of(const View&, const std::string& path, size_t limit = 10000,
                                       const CancelToken& = {});

}  // namespace engramd::repoindex
