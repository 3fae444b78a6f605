// repoindex/languages/javascript_family.h - what JavaScript, TypeScript and TSX share. For
// their rows only.
#pragma once

#include "repoindex/languages/language.h"

namespace engramd::repoindex::javascript_family {

// import a, {b as c}, * as d from "x"; export {e} from "y"; export * from "z";
// const f = require("w"); const {g} = require("v")
void imports(SyntaxNode node, std::string_view text, std::vector<Import>& out);

EditKinds edit_kinds();
// Everything but name, extensions and grammar.
Language base();
Language typescript_base();
// Elements: not in plain TypeScript.
void add_jsx(Language& language);

}  // namespace engramd::repoindex::javascript_family
