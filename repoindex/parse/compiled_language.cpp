#include "repoindex/parse/compiled_language.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <mutex>

namespace engramd::repoindex {

std::vector<TSSymbol> CompiledLanguage::symbols_of(std::string_view name) {
  std::vector<TSSymbol> out;
  for (uint32_t symbol = 1; symbol < n_symbols_; ++symbol) {
    if (ts_language_symbol_type(grammar, static_cast<TSSymbol>(symbol)) != TSSymbolTypeRegular) {
      continue;
    }
    if (name == ts_language_symbol_name(grammar, static_cast<TSSymbol>(symbol))) {
      out.push_back(static_cast<TSSymbol>(symbol));
    }
  }
  if (out.empty()) unknown.push_back("node kind " + std::string(name));
  return out;
}

TSFieldId CompiledLanguage::field_of(std::string_view name) {
  if (name.empty()) return 0;
  TSFieldId id =
      ts_language_field_id_for_name(grammar, name.data(), static_cast<uint32_t>(name.size()));
  if (id == 0) unknown.push_back("field " + std::string(name));
  return id;
}

template <class Set>
void CompiledLanguage::set_slot(const Slot& slot, Set set) {
  bool any = std::string_view(slot.field) == kAnyField;
  TSFieldId only = any ? TSFieldId{0} : field_of(slot.field);
  if (!any && slot.field[0] != '\0' && only == 0) return;
  for (TSSymbol symbol : symbols_of(slot.parent)) {
    for (uint32_t field = 0; field < n_fields_; ++field) {
      if (!any && field != only) continue;
      uint16_t& index = slot_index_[size_t{symbol} * n_fields_ + field];
      if (index == 0) {
        index = static_cast<uint16_t>(slots_.size());
        slots_.emplace_back();
      }
      set(slots_[index]);
    }
  }
}

template <class Set>
void CompiledLanguage::set_kind(std::string_view name, Set set) {
  for (TSSymbol symbol : symbols_of(name)) set(kinds_[symbol]);
}

CompiledLanguage::CompiledLanguage(const Language& language_row)
    : row(language_row), grammar(language_row.grammar()) {
  n_symbols_ = ts_language_symbol_count(grammar);
  n_fields_ = ts_language_field_count(grammar) + 1;
  kinds_.resize(size_t{n_symbols_} + 1);
  slots_.resize(1);
  slot_index_.assign(size_t{n_symbols_} * n_fields_, 0);
  for (uint32_t symbol = 1; symbol < n_symbols_; ++symbol) {
    auto id = static_cast<TSSymbol>(symbol);
    if (ts_language_symbol_type(grammar, id) != TSSymbolTypeAnonymous) continue;
    const char* token = ts_language_symbol_name(grammar, id);
    if (isalpha(static_cast<unsigned char>(token[0]))) keywords.insert(token);
  }

  auto flag = [this](const std::vector<std::string_view>& names, bool KindInfo::*member) {
    for (std::string_view name : names) set_kind(name, [&](KindInfo& k) { k.*member = true; });
  };
  flag(row.identifiers, &KindInfo::identifier);
  flag(row.type_identifiers, &KindInfo::type_identifier);
  flag(row.name_only, &KindInfo::name_only);
  flag(row.comments, &KindInfo::comment);
  flag(row.transparent_before_doc, &KindInfo::before_doc);
  flag(row.wrappers, &KindInfo::wrapper);
  flag(row.functions_without_name, &KindInfo::anonymous_function);
  flag(row.import_nodes, &KindInfo::imports);

  std::vector<const DefinitionRule*> order;
  for (const DefinitionRule& rule : row.definitions) order.push_back(&rule);
  std::stable_sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    return std::string_view(a->node) < std::string_view(b->node);
  });
  for (const DefinitionRule* rule : order) {
    CompiledDefinition d;
    d.rule = rule;
    d.name_field = field_of(rule->name_field);
    // Not every kind with a rule has a body; "body" is the default, so its absence is no mistake.
    d.body_field = ts_language_field_id_for_name(
        grammar, rule->body_field,
        static_cast<uint32_t>(std::string_view(rule->body_field).size()));
    d.type_field = field_of(rule->type_field);
    d.if_field = field_of(rule->if_field);
    d.qualifier_field = field_of(rule->qualifier_field);
    auto index = static_cast<uint16_t>(definitions.size());
    definitions.push_back(d);
    set_kind(rule->node, [&](KindInfo& k) {
      if (k.definitions_end == 0) k.definitions_begin = index;
      k.definitions_end = static_cast<uint16_t>(index + 1);
    });
    if (rule->if_kind[0] != '\0') symbols_of(rule->if_kind);
    if (rule->misplaced_name[0] != '\0') {
      definitions.back().misplaced = symbols_of(rule->misplaced_name);
    }
  }
  for (const BindingRule& rule : row.bindings) {
    auto index = static_cast<uint16_t>(bindings.size());
    bindings.push_back({&rule, field_of(rule.type_field),
                        ts_language_field_id_for_name(
                            grammar, rule.value_field,
                            static_cast<uint32_t>(std::string_view(rule.value_field).size()))});
    set_slot(rule.slot, [&](SlotInfo& s) { s.binding = index; });
    set_kind(rule.slot.parent, [](KindInfo& k) { k.has_bindings = true; });
  }
  for (const ThroughRule& rule : row.through) {
    set_slot(rule.slot, [&](SlotInfo& s) {
      s.through = true;
      s.changes_kind = rule.changes_kind;
      s.kind = rule.kind;
    });
  }
  for (const RoleRule& rule : row.roles) {
    set_slot(rule.slot, [&](SlotInfo& s) {
      s.has_role = true;
      s.role = rule.role;
    });
  }
  for (const Slot& slot : row.keeps) set_slot(slot, [](SlotInfo& s) { s.keep = true; });
  for (const Slot& slot : row.bases) set_slot(slot, [](SlotInfo& s) { s.base = true; });
  for (const MemberRule& rule : row.members) {
    set_kind(rule.node, [&](KindInfo& k) {
      k.is_member = true;
      k.member_any_child = rule.name_field[0] == '\0';
      k.member_name = field_of(rule.name_field);
      k.member_receiver = field_of(rule.receiver_field);
    });
  }
  for (const ContainerRule& rule : row.containers) {
    set_kind(rule.node, [&](KindInfo& k) {
      k.is_container = true;
      k.container_type = field_of(rule.type_field);
    });
  }
  for (const CallRule& rule : row.calls) {
    set_kind(rule.node, [&](KindInfo& k) {
      k.is_call = true;
      k.call_constructs = rule.constructs;
      k.call_field = field_of(rule.function_field);
    });
  }
}

const CompiledLanguage& compiled(const Language& row) {
  // Built lazily because a C++ grammar's table costs a millisecond that most runs never need.
  static std::mutex mutex;  // guards the map; an entry never changes once it is there
  static std::map<const Language*, std::unique_ptr<const CompiledLanguage>> all;
  std::lock_guard lock(mutex);
  auto& entry = all[&row];
  if (entry == nullptr) entry = std::make_unique<const CompiledLanguage>(row);
  return *entry;
}

}  // namespace engramd::repoindex
