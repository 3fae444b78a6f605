// repoindex/moved_imports.h - what imports have to say when files get other paths.
//
// Asked before the files move: the view still has them where they were, and edits are of the text
// as it is. Only what is sure to lead to a file that moves is rewritten: Python, JavaScript and
// TypeScript, C and C++ includes, and what Ruby, PHP, shell and CSS load by a relative path.
// Languages whose imports name packages or modules of their own (Java, Go, Rust, C# ...) are left
// alone. Pure reader, bounded: any thread.
#pragma once

#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/text.h"
#include "repoindex/view.h"

namespace engramd::repoindex {

struct FileMove {
  std::string from, to;  // relative to the root
};
struct MovedImportEdit {
  std::string path;  // where the file is now
  ByteRange range;
  std::string new_text;
};

// By path and offset, no two in one place.
std::vector<MovedImportEdit> imports_after_move(const View&, const std::vector<FileMove>& moves,
                                                const CancelToken& = {});

// The languages of which imports are rewritten, as extensions without the dot.
std::vector<std::string> extensions_with_moved_imports();

}  // namespace engramd::repoindex
