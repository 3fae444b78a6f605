// daemon/completion/memory_context.h - the text left of the cursor as the repository memory is
// asked about it: its last tokens, cut where the memory knows the word.
//
// Pure functions: any thread.
#pragma once

#include <string_view>
#include <vector>

#include "engine/api/model.h"
#include "repoindex/memory/memory.h"

namespace engramd::daemon {

// The last tokens of a text: the context a memory is asked with.
std::vector<engine::TokenId> memory_context(const engine::Tokenizer& tokenizer,
                                            std::string_view text);

// Where to cut the text left of the cursor so that the memory recognises the words there: after
// the tokens of its own most probable way to cover the text from healing_start() on, all but the
// last, which may reach beyond the cursor. The end when it knows no way: the cut word's tokens
// would then be chosen by chance, and it would recognise nothing after them.
size_t heal_with_memory(const engine::Tokenizer& tokenizer,
                        const repoindex::RepositoryMemory& memory, std::string_view before_cursor);

}  // namespace engramd::daemon
