#include "repoindex/facts.h"

#include <algorithm>

namespace engramd::repoindex {

std::string_view to_string(SymbolKind kind) {
  switch (kind) {
    case SymbolKind::file:
      return "file";
    case SymbolKind::module:
      return "module";
    case SymbolKind::namespace_:
      return "namespace";
    case SymbolKind::class_:
      return "class";
    case SymbolKind::struct_:
      return "struct";
    case SymbolKind::enum_:
      return "enum";
    case SymbolKind::interface_:
      return "interface";
    case SymbolKind::function:
      return "function";
    case SymbolKind::method:
      return "method";
    case SymbolKind::constructor:
      return "constructor";
    case SymbolKind::field:
      return "field";
    case SymbolKind::property:
      return "property";
    case SymbolKind::variable:
      return "variable";
    case SymbolKind::constant:
      return "constant";
    case SymbolKind::enum_member:
      return "enum member";
    case SymbolKind::type_alias:
      return "type alias";
    case SymbolKind::macro:
      return "macro";
    case SymbolKind::key:
      return "key";
    case SymbolKind::heading:
      return "heading";
  }
  return "symbol";
}

std::string_view to_string(Role role) {
  switch (role) {
    case Role::definition:
      return "definition";
    case Role::reference:
      return "reference";
    case Role::call:
      return "call";
    case Role::import:
      return "import";
    case Role::type:
      return "type";
    case Role::write:
      return "write";
  }
  return "reference";
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

}  // namespace engramd::repoindex
