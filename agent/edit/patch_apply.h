// agent/edit/patch_apply.h - finding the places of a patch's hunks and making the new texts.
//
// A hunk belongs where its context and removed lines stand: exactly, else but for blanks, else
// without an outermost context line or two, at one place only; a line number that it names decides
// between equal places and nothing else. All files or none. Pure functions: any thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/edit/patch_text.h"
#include "agent/edit/unified_diff.h"
#include "base/result.h"

namespace engramd::agent {

// Error not_found or invalid_input: which hunk, why, and the nearest real lines.
Result<std::string> apply_hunks(const std::string& path, std::string_view text,
                                const std::vector<PatchHunk>& hunks);

// What a patch makes of the texts that `read` gives (nothing: there is no such file). A file that
// moves is two changes.
Result<std::vector<FileChange>> changes_of_patch(
    std::string_view patch,
    const std::function<std::optional<std::string>(const std::string& path)>& read);

}  // namespace engramd::agent
