// tests/markers/client.h - the editor that a case is run with: one that can everything, unless the
// case says otherwise.
#pragma once

#include "tests/daemon/editor.h"
#include "tests/markers/marked_text.h"

namespace engramd::test {

EditorOptions options_for(const MarkedText& marked, const std::string& encoding);

}  // namespace engramd::test
