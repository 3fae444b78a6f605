// repoindex/parse/lexical.h - names of a text without a parse: what an oversized or timed-out file
// still gives. Inside parse/ only.
#pragma once

#include <string_view>

#include "repoindex/facts.h"
#include "repoindex/parse/compiled_language.h"

namespace engramd::repoindex {

// Adds the identifiers from offset on as references, keywords left out, and sets truncated.
// Bounded: only the first occurrences of a name and the first names count, so that a generated
// table of megabytes stays small. Strings and comments are not told from code.
void add_lexical_names(const CompiledLanguage& language, std::string_view text, size_t offset,
                       FileFacts& facts);

FileFacts lexical_facts(const CompiledLanguage& language, std::string_view text);

}  // namespace engramd::repoindex
