// agent/edit/symbol_edit.h - editing a definition that is addressed by its name, through the index.
//
// Names: "name", "Container.name" (also Container::name, Container#name), "name:12" or "name@12"
// with a line inside the definition. Decorators, attributes and doc comments that stand right above
// a definition belong to it when the new text brings its own. Pure functions: any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "repoindex/query.h"

namespace engramd::agent {

enum class SymbolPlace { replace, before, after };

// The one definition that is meant. Errors list what there is: all that fit with their lines, or
// what the file defines.
Result<repoindex::SymbolHit> symbol_named(const repoindex::View& view, const std::string& path,
                                          const std::string& name);

// text is the file's; the new text is indented as the definition is, whatever indentation it came
// with.
Result<std::string> edit_symbol(std::string_view text, const repoindex::SymbolHit& symbol,
                                SymbolPlace place, std::string_view new_text);

}  // namespace engramd::agent
