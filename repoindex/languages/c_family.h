// repoindex/languages/c_family.h - what C, C++ and CUDA share. For their rows only.
#pragma once

#include "repoindex/languages/language.h"

namespace engramd::repoindex::c_family {

// #include "x.h" and <x.h>
void imports(SyntaxNode node, std::string_view text, std::vector<Import>& out);

EditKinds edit_kinds();
std::vector<BindingRule> bindings();
std::vector<ThroughRule> through();
std::vector<RoleRule> roles();
// C++: everything but name, extensions and grammar.
Language cpp_base();

}  // namespace engramd::repoindex::c_family
