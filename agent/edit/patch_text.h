// agent/edit/patch_text.h - patches as models write them, read into hunks.
//
// Two forms, told apart by themselves: the apply_patch envelope
//   *** Begin Patch / *** Update File: a.py / @@ def f(): / -old / +new / *** End Patch
// (also *** Add File, *** Delete File, *** Move to, *** End of File) and unified diffs whose line
// numbers and counts may be wrong: they are hints, the lines themselves decide. Code fences, a
// here-document around it and a missing end mark are forgiven. Reading only; patch_apply.h finds
// the places. Pure functions: any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace engramd::agent {

struct PatchLine {
  char kind = ' ';   // ' ' context, '-' removed, '+' added
  std::string text;  // without line end
};

struct PatchHunk {
  std::vector<std::string> anchors;  // lines that come before the hunk, outermost first
  std::optional<size_t> line;        // where it says it is, from 1
  std::vector<PatchLine> lines;
  bool at_end = false;           // stands at the end of the file
  bool no_last_newline = false;  // the new text ends without one
};

struct FilePatch {
  enum class Kind { add, update, remove } kind = Kind::update;
  std::string path;
  std::string new_path;  // when it moves; else empty
  std::vector<PatchHunk> hunks;
  bool executable = false;  // of a new file
};

// An error says which line of the patch is wrong and what was expected.
Result<std::vector<FilePatch>> read_patch(std::string_view text);

}  // namespace engramd::agent
