// repoindex/parse/compiled_language.h - a language row with node kinds and fields as numbers.
// Inside parse/ only. Built once per language on first use, then constant: any thread.
#pragma once

#include <tree_sitter/api.h>

#include <string>
#include <unordered_set>
#include <vector>

#include "repoindex/languages/language.h"

namespace engramd::repoindex {

constexpr uint16_t kNoIndex = 0xFFFF;

struct CompiledDefinition {
  const DefinitionRule* rule = nullptr;
  TSFieldId name_field = 0, body_field = 0, type_field = 0, if_field = 0, qualifier_field = 0;
  std::vector<TSSymbol> misplaced;  // see DefinitionRule::misplaced_name
};

struct CompiledBinding {
  const BindingRule* rule = nullptr;
  TSFieldId type_field = 0, value_field = 0;
};

// What is said of one node kind.
struct KindInfo {
  bool identifier = false, type_identifier = false, name_only = false;
  bool comment = false, before_doc = false, wrapper = false, anonymous_function = false;
  bool imports = false, has_bindings = false;
  bool is_call = false, call_constructs = false;
  TSFieldId call_field = 0;
  bool is_member = false, member_any_child = false;
  TSFieldId member_name = 0, member_receiver = 0;  // receiver 0: there is one, unknown
  bool is_container = false;
  TSFieldId container_type = 0;
  uint16_t definitions_begin = 0, definitions_end = 0;
};

// What is said of one slot.
struct SlotInfo {
  uint16_t binding = kNoIndex;
  bool through = false, changes_kind = false, has_role = false, keep = false, base = false;
  SymbolKind kind = SymbolKind::variable;
  Role role = Role::reference;
};

class CompiledLanguage {
 public:
  explicit CompiledLanguage(const Language& row);

  const Language& row;
  const TSLanguage* grammar = nullptr;
  std::vector<CompiledDefinition> definitions;  // of one kind together, in the row's order
  std::vector<CompiledBinding> bindings;
  std::vector<std::string> unknown;               // names the grammar does not have
  std::unordered_set<std::string_view> keywords;  // the grammar's: no identifiers

  const KindInfo& kind(TSSymbol symbol) const {
    return kinds_[symbol < kinds_.size() ? symbol : kinds_.size() - 1];
  }
  const SlotInfo& slot(TSSymbol parent, TSFieldId field) const {
    if (parent >= n_symbols_) return slots_[0];
    return slots_[slot_index_[size_t{parent} * n_fields_ + field]];
  }

 private:
  std::vector<TSSymbol> symbols_of(std::string_view name);
  TSFieldId field_of(std::string_view name);
  template <class Set>
  void set_slot(const Slot& slot, Set set);
  template <class Set>
  void set_kind(std::string_view name, Set set);

  uint32_t n_symbols_ = 0, n_fields_ = 0;
  std::vector<KindInfo> kinds_;       // the last one is for ERROR and other foreign symbols
  std::vector<SlotInfo> slots_;       // slots_[0]: nothing is said
  std::vector<uint16_t> slot_index_;  // [parent symbol][field]
};

const CompiledLanguage& compiled(const Language& row);

}  // namespace engramd::repoindex
