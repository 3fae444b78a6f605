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

// One step down to a child, as language.h writes it.
struct ChildRef {
  enum class Place : uint8_t { any, first, later };
  bool any_field = true;  // else `field` counts, 0 meaning a child without one
  Place place = Place::any;
  TSFieldId field = 0;
  bool tokens = false;          // the kinds are tokens, not nodes
  std::vector<TSSymbol> kinds;  // empty: any

  bool matches(TSFieldId child_field, TSSymbol symbol, bool is_first) const {
    if (!any_field && child_field != field) return false;
    if (place != Place::any && (place == Place::first) != is_first) return false;
    if (kinds.empty()) return true;
    for (TSSymbol kind : kinds) {
      if (kind == symbol) return true;
    }
    return false;
  }
};

// Steps down; empty: no such child is meant.
struct ChildPath {
  std::vector<ChildRef> steps;
  explicit operator bool() const { return !steps.empty(); }
  // The null node when there is none. Looks through at most 256 children a step.
  TSNode from(TSNode node) const;
};

// "a|b" or "!a|b"
struct WordList {
  std::vector<std::string_view> words;
  bool negated = false;
  bool accepts(std::string_view word) const;
};

struct CompiledCondition {
  int up = 0;
  ChildPath child;
  WordList texts, kinds;
  bool holds(TSNode above, std::string_view text) const;  // above: the node `up` levels up
};

struct CompiledDefinition {
  const DefinitionRule* rule = nullptr;
  ChildPath name, body, type, qualifier;
  CompiledCondition condition;
  std::vector<TSSymbol> misplaced;  // see DefinitionRule::misplaced_name
};

struct CompiledBinding {
  const BindingRule* rule = nullptr;
  ChildPath type, value;
  CompiledCondition condition;
};

struct CompiledWords {
  const WordsRule* rule = nullptr;
  CompiledCondition condition;
};

struct CompiledEmbed {
  const EmbedRule* rule = nullptr;
  ChildPath content;
  std::vector<TSSymbol> skip;
};

// What is said of one node kind.
struct KindInfo {
  bool identifier = false, type_identifier = false, name_only = false;
  bool comment = false, before_doc = false, wrapper = false, anonymous_function = false;
  bool imports = false, has_bindings = false;
  bool dotted_name = false, is_doc = false;
  bool is_call = false, call_constructs = false;
  bool is_member = false, member_any_child = false, receiver_above = false;
  bool is_container = false, is_element = false;
  // Indexes into CompiledLanguage::paths. No receiver: there is one, unknown.
  uint16_t call_function = kNoIndex, member_name = kNoIndex, member_receiver = kNoIndex,
           container_type = kNoIndex, call_receiver = kNoIndex, hangs_on = kNoIndex;
  const char* constructor_name = "";
  uint16_t words = kNoIndex, embed = kNoIndex;
  uint16_t definitions_begin = 0, definitions_end = 0;
  uint16_t narrow_begin = 0, narrow_end = 0;  // slots below it that a field alone does not tell
};

// What is said of one slot.
struct SlotInfo {
  uint16_t binding = kNoIndex;
  bool through = false, changes_kind = false, has_role = false, keep = false, base = false;
  bool ignored = false;
  SymbolKind kind = SymbolKind::variable;
  Role role = Role::reference;
};

// A slot that asks for a child's kind or place.
struct NarrowSlot {
  TSSymbol parent = 0;
  ChildRef child;
  SlotInfo info;
};

class CompiledLanguage {
 public:
  explicit CompiledLanguage(const Language& row);

  const Language& row;
  const TSLanguage* grammar = nullptr;
  std::vector<CompiledDefinition> definitions;  // of one kind together, in the row's order
  std::vector<CompiledBinding> bindings;
  std::vector<CompiledWords> words;
  std::vector<CompiledEmbed> embeds;
  std::vector<ChildPath> paths;
  std::vector<std::string> unknown;               // names the grammar does not have
  std::unordered_set<std::string_view> keywords;  // the grammar's: no identifiers

  const KindInfo& kind(TSSymbol symbol) const {
    return kinds_[symbol < kinds_.size() ? symbol : kinds_.size() - 1];
  }
  // What is said by the parent's kind and the child's field.
  const SlotInfo& slot(TSSymbol parent, TSFieldId field) const {
    if (parent >= n_symbols_) return slots_[0];
    return slots_[slot_index_[size_t{parent} * n_fields_ + field]];
  }
  // And what the child's kind and place add. Call it when the parent has narrow slots.
  // `holds` says of a binding whether its condition does.
  template <class Holds>
  SlotInfo narrowed(SlotInfo slot, const KindInfo& parent, TSFieldId field, TSSymbol child,
                    bool is_first, const Holds& holds) const {
    bool bound = false;
    for (uint16_t i = parent.narrow_begin; i < parent.narrow_end; ++i) {
      const NarrowSlot& narrow = narrow_[i];
      if (!narrow.child.matches(field, child, is_first)) continue;
      const SlotInfo& more = narrow.info;
      if (more.binding != kNoIndex && !bound && holds(more.binding)) {
        slot.binding = more.binding;
        bound = true;
      }
      if (more.through) {
        slot.through = true;
        slot.changes_kind = more.changes_kind;
        slot.kind = more.kind;
      }
      if (more.has_role) {
        slot.has_role = true;
        slot.role = more.role;
      }
      slot.keep |= more.keep;
      slot.base |= more.base;
      slot.ignored |= more.ignored;
    }
    return slot;
  }
  // What a keyword in an ERROR node says of the name behind it; null when nothing.
  const KeywordRule* keyword(TSSymbol token) const {
    for (const auto& [symbol, rule] : keywords_) {
      if (symbol == token) return rule;
    }
    return nullptr;
  }

 private:
  std::vector<TSSymbol> symbols_of(std::string_view name);
  TSSymbol token_of(std::string_view text);
  void any_symbol_of(std::string_view name);  // keywords and operators too: only notes unknown ones
  TSFieldId field_of(std::string_view name, bool must_exist = true);
  ChildRef ref_of(std::string_view written, bool must_exist = true);
  ChildPath path_of(std::string_view written, bool must_exist = true);
  uint16_t path_index(std::string_view written);
  CompiledCondition condition_of(const Condition& condition);
  template <class Set>
  void set_slot(const Slot& slot, Set set);
  template <class Set>
  void set_kind(std::string_view name, Set set);

  uint32_t n_symbols_ = 0, n_fields_ = 0;
  std::vector<KindInfo> kinds_;       // the last one is for ERROR and other foreign symbols
  std::vector<SlotInfo> slots_;       // slots_[0]: nothing is said
  std::vector<uint16_t> slot_index_;  // [parent symbol][field]
  std::vector<std::pair<TSSymbol, const KeywordRule*>> keywords_;
  std::vector<NarrowSlot> narrow_;  // by parent; KindInfo says from where to where
};

const CompiledLanguage& compiled(const Language& row);

}  // namespace engramd::repoindex
