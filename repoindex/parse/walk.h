// repoindex/parse/walk.h - the cursor walk that turns a tree into FileFacts. Inside parse/ only.
#pragma once

#include <string_view>

#include "repoindex/parse/compiled_language.h"
#include "repoindex/parse/extract.h"

namespace engramd::repoindex {

FileFacts facts_of_tree(const CompiledLanguage& language, TSNode root, std::string_view text,
                        const ExtractLimits& limits, const CancelToken& cancel);

// A doc comment or docstring without its comment marks, capped.
std::string clean_doc(std::string_view raw, bool docstring);
// White space collapsed to single blanks, capped at a character's end, without a trailing { : = =>
std::string clean_signature(std::string_view raw);
// The name that counts in a written type: "Foo" of `const ns::Foo&` and of `Optional[Foo]`.
std::string main_type_name(std::string_view type);

}  // namespace engramd::repoindex
