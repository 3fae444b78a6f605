// daemon/completion/typed_over.h - closers that the editor wrote by itself and a suggestion writes
// again.
//
// Knows text only. Any thread.
#pragma once

#include <cstddef>
#include <string_view>

namespace engramd::daemon {

// Editors put a bracket's or quote's partner behind the cursor. How many bytes of `after`, the text
// behind the cursor, a suggestion ends with too, so that it must replace them: of `")` all when the
// suggestion is `of it", x)`, none when it is `(x`, whose own brackets are not theirs.
size_t n_typed_over(std::string_view suggestion, std::string_view after);

// How many bytes of closers stand at the front of `after` when nothing else is left of their line,
// which is how an editor that closes by itself leaves it; else 0. A line that goes on is to be
// looked at without them: with them it seems to end here.
size_t n_closers(std::string_view after);

}  // namespace engramd::daemon
