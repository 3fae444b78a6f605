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

}  // namespace engramd::daemon
