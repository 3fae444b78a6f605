#include "daemon/handlers/handlers.h"

namespace engramd::daemon {

int lsp_symbol_kind(repoindex::SymbolKind kind, bool all_kinds) {
  using repoindex::SymbolKind;
  switch (kind) {
    case SymbolKind::file:
      return 1;
    case SymbolKind::module:
      return 2;
    case SymbolKind::namespace_:
      return 3;
    case SymbolKind::class_:
      return 5;
    case SymbolKind::method:
      return 6;
    case SymbolKind::property:
      return 7;
    case SymbolKind::field:
      return 8;
    case SymbolKind::constructor:
      return 9;
    case SymbolKind::enum_:
      return 10;
    case SymbolKind::interface_:
      return 11;
    case SymbolKind::function:
      return 12;
    case SymbolKind::variable:
      return 13;
    case SymbolKind::constant:
      return 14;
    case SymbolKind::macro:
      return 14;
    case SymbolKind::heading:
      return 15;
    case SymbolKind::key:
      return all_kinds ? 20 : 7;
    case SymbolKind::enum_member:
      return all_kinds ? 22 : 14;
    case SymbolKind::struct_:
      return all_kinds ? 23 : 5;
    case SymbolKind::type_alias:
      return all_kinds ? 26 : 5;
  }
  return 13;
}

}  // namespace engramd::daemon
