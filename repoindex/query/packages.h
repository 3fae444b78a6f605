// repoindex/query/packages.h - languages whose imports name packages, namespaces or modules,
// wherever the files lie: what a definition is called in full, and what a file declares. Inside
// query/ only.
//
// Names are compared in one spelling: App\Billing, App::Billing and App.Billing are "App.Billing".
// Pure functions of facts: any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "repoindex/facts.h"

namespace engramd::repoindex {

struct PackageLanguage {
  std::string_view name;
  std::string_view family;     // languages that see each other's packages
  std::string_view separator;  // as written in the name of a namespace
  // Names of the packages around a file's own are visible: namespace A.B.C sees A.B and A.
  bool sees_parents = false;
  // What an import says may begin at a package that is visible already.
  bool relative_imports = false;
  // A dotted name is one leaf of the tree, or its front is none at all: the text has to be read.
  bool reads_text = false;
  bool is_global = false;  // a name without a package is a whole name: Elixir, Ruby
};

// Import::level of a C# `global using`.
constexpr uint32_t kGlobalUsing = 1;

const PackageLanguage* package_language(std::string_view language);  // null: no such language
bool in_package_family(std::string_view family, std::string_view language);

// `use A\B`, `import a.b` and the like; not the loading of a file, which is written as a string.
bool names_package(const FileFacts& facts, const Import& import);

std::string dotted(std::string_view written);       // "A.B" of A\B, A::B and A.B
std::string_view last_part(std::string_view name);  // "C" of A.B.C, A\B\C and A::B::C
std::string joined_name(std::string_view package, std::string_view name);
std::vector<std::string> split_name(std::string_view dotted_name);

// `namespace A;` and `package a`: holds for what follows, and has no body.
bool is_flat_package(const Symbol& symbol);
// Of what stands at an offset at the top level, by the flat packages in front of it; a Scala file
// may have several that add up: all of them, outermost first.
std::vector<std::string> flat_packages(const FileFacts& facts, uint32_t offset);
// With all that is around it, in one spelling.
std::string qualified_name(const FileFacts& facts, uint32_t symbol);
// Every package, namespace or module that a file declares.
std::vector<std::string> declared_packages(const FileFacts& facts);

}  // namespace engramd::repoindex
