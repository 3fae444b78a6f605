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

TSSymbol CompiledLanguage::token_of(std::string_view text) {
  TSSymbol token =
      ts_language_symbol_for_name(grammar, text.data(), static_cast<uint32_t>(text.size()), false);
  if (token == 0) unknown.push_back("token " + std::string(text));
  return token;
}

void CompiledLanguage::any_symbol_of(std::string_view name) {
  for (uint32_t symbol = 1; symbol < n_symbols_; ++symbol) {
    if (name == ts_language_symbol_name(grammar, static_cast<TSSymbol>(symbol))) return;
  }
  unknown.push_back("node kind " + std::string(name));
}

TSFieldId CompiledLanguage::field_of(std::string_view name, bool must_exist) {
  if (name.empty()) return 0;
  TSFieldId id =
      ts_language_field_id_for_name(grammar, name.data(), static_cast<uint32_t>(name.size()));
  if (id == 0 && must_exist) unknown.push_back("field " + std::string(name));
  return id;
}

namespace {
std::vector<std::string_view> split_words(std::string_view list) {
  std::vector<std::string_view> out;
  while (!list.empty()) {
    size_t end = std::min(list.find('|'), list.size());
    if (end > 0) out.push_back(list.substr(0, end));
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return out;
}

WordList word_list(std::string_view list) {
  WordList out;
  if (!list.empty() && list[0] == '!') {
    out.negated = true;
    list.remove_prefix(1);
  }
  out.words = split_words(list);
  return out;
}

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (text.substr(0, prefix.size()) != prefix) return false;
  text.remove_prefix(prefix.size());
  return true;
}
}  // namespace

bool WordList::accepts(std::string_view word) const {
  if (words.empty()) return true;
  bool found = false;
  for (std::string_view wanted : words) {
    bool prefix = wanted.size() > 1 && wanted.back() == '*';
    if (prefix) wanted.remove_suffix(1);
    found |= prefix ? word.substr(0, wanted.size()) == wanted : word == wanted;
  }
  return found != negated;
}

TSNode ChildPath::from(TSNode node) const {
  for (const ChildRef& step : steps) {
    if (ts_node_is_null(node)) return node;
    if (step.kinds.empty() && step.place == ChildRef::Place::any && step.field != 0) {
      node = ts_node_child_by_field_id(node, step.field);
      continue;
    }
    TSNode found{};
    TSTreeCursor cursor = ts_tree_cursor_new(node);
    bool is_first = true;
    int n = 0;
    for (bool more = ts_tree_cursor_goto_first_child(&cursor); more && n < 256;
         more = ts_tree_cursor_goto_next_sibling(&cursor), ++n) {
      TSNode child = ts_tree_cursor_current_node(&cursor);
      if (ts_node_is_named(child) == step.tokens || ts_node_is_extra(child)) continue;
      if (step.matches(ts_tree_cursor_current_field_id(&cursor), ts_node_symbol(child), is_first)) {
        found = child;
        break;
      }
      is_first = false;
    }
    ts_tree_cursor_delete(&cursor);
    node = found;
  }
  return node;
}

bool CompiledCondition::holds(TSNode above, std::string_view text) const {
  if (!child && texts.words.empty() && kinds.words.empty()) return true;
  TSNode found = child ? child.from(above) : above;
  if (ts_node_is_null(found) || !kinds.accepts(ts_node_type(found))) return false;
  if (texts.words.empty()) return true;
  uint32_t begin = ts_node_start_byte(found), end = ts_node_end_byte(found);
  return end <= text.size() && begin <= end && texts.accepts(text.substr(begin, end - begin));
}

ChildRef CompiledLanguage::ref_of(std::string_view written, bool must_exist) {
  ChildRef ref;
  if (take_prefix(written, "first:")) ref.place = ChildRef::Place::first;
  if (take_prefix(written, "later:")) ref.place = ChildRef::Place::later;
  std::string_view field = written.substr(0, written.find('<'));
  std::string_view kinds = written.substr(field.size());
  ref.any_field = field == kAnyField ||
                  (field.empty() && (!kinds.empty() || ref.place != ChildRef::Place::any));
  if (!ref.any_field) ref.field = field_of(field, must_exist);
  if (kinds.size() > 2) {
    for (std::string_view kind : split_words(kinds.substr(1, kinds.size() - 2))) {
      if (kind.size() > 2 && kind[0] == '\'') {
        ref.tokens = true;
        ref.kinds.push_back(token_of(kind.substr(1, kind.size() - 2)));
        continue;
      }
      for (TSSymbol symbol : symbols_of(kind)) ref.kinds.push_back(symbol);
    }
  }
  return ref;
}

ChildPath CompiledLanguage::path_of(std::string_view written, bool must_exist) {
  ChildPath path;
  while (!written.empty()) {
    size_t end = std::min(written.find('/'), written.size());
    ChildRef step = ref_of(written.substr(0, end), must_exist);
    // A field that need not exist, and does not: there is never such a child.
    if (!step.any_field && step.field == 0) return {};
    path.steps.push_back(std::move(step));
    written.remove_prefix(std::min(end + 1, written.size()));
  }
  return path;
}

uint16_t CompiledLanguage::path_index(std::string_view written) {
  ChildPath path = path_of(written);
  if (!path) return kNoIndex;
  paths.push_back(std::move(path));
  return static_cast<uint16_t>(paths.size() - 1);
}

CompiledCondition CompiledLanguage::condition_of(const Condition& condition) {
  CompiledCondition out;
  out.up = condition.up;
  out.child = path_of(condition.child);
  out.texts = word_list(condition.text);
  out.kinds = word_list(condition.kind);
  return out;
}

template <class Set>
void CompiledLanguage::set_slot(const Slot& slot, Set set) {
  ChildRef ref = ref_of(slot.field);
  if (!ref.kinds.empty() || ref.place != ChildRef::Place::any) {
    for (TSSymbol symbol : symbols_of(slot.parent)) {
      NarrowSlot narrow;
      narrow.parent = symbol;
      narrow.child = ref;
      set(narrow.info);
      narrow_.push_back(std::move(narrow));
    }
    return;
  }
  if (!ref.any_field && slot.field[0] != '\0' && ref.field == 0) return;
  for (TSSymbol symbol : symbols_of(slot.parent)) {
    for (uint32_t field = 0; field < n_fields_; ++field) {
      if (!ref.any_field && field != ref.field) continue;
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
  flag(row.dotted_names, &KindInfo::dotted_name);

  std::vector<const DefinitionRule*> order;
  for (const DefinitionRule& rule : row.definitions) order.push_back(&rule);
  std::stable_sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    return std::string_view(a->node) < std::string_view(b->node);
  });
  for (const DefinitionRule* rule : order) {
    CompiledDefinition d;
    d.rule = rule;
    d.name = path_of(rule->name_field);
    if (d.name.steps.size() > 1)
      unknown.push_back("path as a name: " + std::string(rule->name_field));
    // Not every kind with a rule has a body; "body" is the default, so its absence is no mistake.
    d.body = path_of(rule->body_field, false);
    d.type = path_of(rule->type_field);
    d.qualifier = path_of(rule->qualifier_field);
    d.condition =
        condition_of({.child = rule->if_field, .text = rule->if_text, .kind = rule->if_kind});
    auto index = static_cast<uint16_t>(definitions.size());
    definitions.push_back(std::move(d));
    set_kind(rule->node, [&](KindInfo& k) {
      if (k.definitions_end == 0) k.definitions_begin = index;
      k.definitions_end = static_cast<uint16_t>(index + 1);
    });
    for (std::string_view kind : definitions.back().condition.kinds.words) any_symbol_of(kind);
    if (rule->misplaced_name[0] != '\0') {
      definitions.back().misplaced = symbols_of(rule->misplaced_name);
    }
  }
  for (const BindingRule& rule : row.bindings) {
    auto index = static_cast<uint16_t>(bindings.size());
    bindings.push_back({&rule, path_of(rule.type_field), path_of(rule.value_field, false),
                        condition_of(rule.when)});
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
  for (const Slot& slot : row.ignored) set_slot(slot, [](SlotInfo& s) { s.ignored = true; });
  for (const Slot& slot : row.bases) set_slot(slot, [](SlotInfo& s) { s.base = true; });
  for (const MemberRule& rule : row.members) {
    set_kind(rule.node, [&](KindInfo& k) {
      k.is_member = true;
      k.member_any_child = rule.name_field[0] == '\0';
      k.member_name = path_index(rule.name_field);
      k.member_receiver = path_index(rule.receiver_field);
      k.receiver_above = rule.receiver_above;
    });
  }
  for (const ReceiverRule& rule : row.receivers) {
    set_kind(rule.node, [&](KindInfo& k) {
      k.hangs_on = path_index(rule.field);
      k.is_element = rule.is_element;
    });
  }
  for (const ContainerRule& rule : row.containers) {
    set_kind(rule.node, [&](KindInfo& k) {
      k.is_container = true;
      k.container_type = path_index(rule.type_field);
    });
  }
  for (const CallRule& rule : row.calls) {
    set_kind(rule.node, [&](KindInfo& k) {
      k.is_call = true;
      k.call_constructs = rule.constructs;
      k.call_function = path_index(rule.function_field);
      k.call_receiver = path_index(rule.receiver_field);
      k.constructor_name = rule.constructor_name;
    });
  }
  for (const WordsRule& rule : row.words) {
    auto index = static_cast<uint16_t>(words.size());
    words.push_back({&rule, condition_of(rule.when)});
    set_kind(rule.node, [&](KindInfo& k) { k.words = index; });
  }
  for (const EmbedRule& rule : row.embedded) {
    auto index = static_cast<uint16_t>(embeds.size());
    CompiledEmbed embed;
    embed.rule = &rule;
    embed.content = path_of(rule.content);
    if (rule.skip[0] != '\0') embed.skip = symbols_of(rule.skip);
    embeds.push_back(std::move(embed));
    set_kind(rule.node, [&](KindInfo& k) { k.embed = index; });
  }
  for (const KeywordRule& rule : row.keywords) {
    keywords_.emplace_back(token_of(rule.token), &rule);
  }
  for (const DocRule& rule : row.docs) set_kind(rule.node, [](KindInfo& k) { k.is_doc = true; });

  std::stable_sort(narrow_.begin(), narrow_.end(),
                   [](const NarrowSlot& a, const NarrowSlot& b) { return a.parent < b.parent; });
  for (size_t i = 0; i < narrow_.size(); ++i) {
    KindInfo& k = kinds_[narrow_[i].parent];
    if (k.narrow_end == 0) k.narrow_begin = static_cast<uint16_t>(i);
    k.narrow_end = static_cast<uint16_t>(i + 1);
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
