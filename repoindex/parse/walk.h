// repoindex/parse/walk.h - the cursor walk that turns a tree into FileFacts. Inside parse/ only.
#pragma once

#include <memory>
#include <string_view>

#include "repoindex/parse/compiled_language.h"
#include "repoindex/parse/extract.h"

namespace engramd::repoindex {

// With the facts of what is embedded in it; depth is how deep this text itself is. Macros: those
// that the parser was not shown (parse/macro_mask.h).
FileFacts facts_of_tree(const CompiledLanguage& language, TSNode root, std::string_view text,
                        const std::vector<ByteRange>& macros, const ExtractLimits& limits,
                        const CancelToken& cancel, int depth = 0);

struct WalkMemo;
// The same facts, for a text that was edited: goes only where the edits were. Memo holds what the
// call before left, of the tree that this one was parsed from; null for the first call. It is null
// afterwards when the next call must go everywhere.
FileFacts facts_of_edited_tree(const CompiledLanguage& language, TSNode root, std::string_view text,
                               const std::vector<ByteRange>& macros, const ExtractLimits& limits,
                               std::unique_ptr<WalkMemo>* memo);

// A doc comment or docstring without its comment marks, capped.
std::string clean_doc(std::string_view raw, bool docstring);
// <summary>x</summary> without its tags.
std::string without_tags(std::string_view raw);
// White space collapsed to single blanks, capped at a character's end, without a trailing { : = =>
std::string clean_signature(std::string_view raw);
// The name that counts in a written type: "Foo" of `const ns::Foo&` and of `Optional[Foo]`.
std::string main_type_name(std::string_view type);

}  // namespace engramd::repoindex
