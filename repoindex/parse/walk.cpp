#include "repoindex/parse/walk.h"

#include <algorithm>
#include <cstring>

#include "repoindex/parse/walker.h"

namespace engramd::repoindex {

void Walker::walk(TSNode root, const CancelToken& cancel) {
  facts_.language = row_.name;
  facts_.has_errors = ts_node_has_error(root);
  if (memo_ == nullptr) name_ids_.reserve(text_.size() / 64 + 16);
  frames_.reserve(64);
  Frame bottom;
  bottom.node = root;
  bottom.symbol = ts_node_symbol(root);
  bottom.row = 0;
  frames_.push_back(bottom);

  TSTreeCursor cursor = ts_tree_cursor_new(root);
  size_t n_nodes = 0;
  bool more = ts_tree_cursor_goto_first_child(&cursor);
  while (more) {
    if (++n_nodes > limits_.max_nodes || facts_.symbols.size() > limits_.max_symbols ||
        ((n_nodes & 0xFFFF) == 0 && cancel.cancelled())) {
      facts_.truncated = true;
      stopped_at_ = ts_node_start_byte(ts_tree_cursor_current_node(&cursor));
      break;
    }
    TSNode node = ts_tree_cursor_current_node(&cursor);
    if (!ts_node_is_named(node)) {
      Frame& parent = frames_.back();
      if (parent.symbol == kErrorSymbol) {
        parent.broken = language_.keyword(ts_node_symbol(node));
        parent.broken_begin = ts_node_start_byte(node);
      }
    } else {
      TSFieldId field = ts_tree_cursor_current_field_id(&cursor);
      if (memo_ == nullptr || !take_over_or_record(node, field, &n_nodes)) {
        enter(node, field);
        if (ts_tree_cursor_goto_first_child(&cursor)) continue;
        leave(n_nodes);
      }
    }
    while (!(more = ts_tree_cursor_goto_next_sibling(&cursor))) {
      if (frames_.size() <= 1 || !ts_tree_cursor_goto_parent(&cursor)) break;
      leave(n_nodes);
      if (frames_.empty()) break;
    }
  }
  ts_tree_cursor_delete(&cursor);
  cancelled_ = cancel.cancelled();
}

void Walker::enter(TSNode node, TSFieldId field) {
  size_t parent_index = frames_.size() - 1;
  Frame frame;
  {
    Frame& parent = frames_[parent_index];
    frame.node = node;
    frame.symbol = ts_node_symbol(node);
    frame.field = field;
    frame.begin = ts_node_start_byte(node);
    frame.row = ts_node_start_point(node).row;
    frame.scope = parent.scope;
    frame.import = parent.import;
    frame.in_function = parent.in_function;
    frame.in_named_function = parent.in_named_function;
    if (parent.definition == kNone) frame.container = parent.container;
    if (frame.symbol == kErrorSymbol) {
      frame.misplaced = parent.misplaced;
      frame.misplaced_of = parent.definition;
    }
  }
  const KindInfo& kind = language_.kind(frame.symbol);
  Frame& parent = frames_[parent_index];
  if (kind.comment) {
    note_comment(parent, node, frame.row);
    frames_.push_back(frame);
    return;
  }
  if (kind.before_doc && parent.comment_end > 0 && parent.comment_row + 1 >= frame.row) {
    parent.comment_row = ts_node_end_point(node).row;
  }

  const KindInfo& parent_kind = language_.kind(parent.symbol);
  const bool is_first = !parent.has_children;
  SlotInfo narrowed;
  const SlotInfo* slot_here = &language_.slot(parent.symbol, field);
  if (parent_kind.narrow_end != 0) {
    narrowed =
        language_.narrowed(*slot_here, parent_kind, field, frame.symbol, is_first,
                           [&](uint16_t binding) { return binding_holds(binding, parent_index); });
    slot_here = &narrowed;
  }
  const SlotInfo& slot = *slot_here;
  const bool is_name = parent.definition != kNone && parent.name != nullptr &&
                       parent.name->matches(field, frame.symbol, is_first) &&
                       (!parent.name->any_field || facts_.symbols[parent.definition].name.empty());
  if (parent.misplaced_of != kNone && node.id == parent.misplaced) {
    frame.name_of = parent.misplaced_of;
  } else if (is_name) {
    if (parent.misplaced == nullptr) frame.name_of = parent.definition;
  } else if (parent.name_of != kNone && slot.through) {
    frame.name_of = parent.name_of;
  }
  if (frame.name_of != kNone && slot.through && slot.changes_kind &&
      slot.kind == SymbolKind::function) {
    facts_.symbols[frame.name_of].kind = SymbolKind::function;
    changed_outside(frame.name_of);
  }
  if (frame.name_of == kNone) {
    if (slot.binding != kNoIndex && !is_name && binding_holds(slot.binding, parent_index)) {
      frame.binding = slot.binding;
      frame.bind_frame = static_cast<uint32_t>(parent_index);
      frame.binding_kind = language_.bindings[slot.binding].rule->kind;
    } else if (parent.binding != kNoBinding && slot.through) {
      frame.binding = parent.binding;
      frame.bind_frame = parent.bind_frame;
      frame.binding_kind = parent.binding_kind;
      frame.binding_kind_changed = parent.binding_kind_changed;
    }
    if (frame.binding != kNoBinding && slot.through && slot.changes_kind) {
      if (frame.binding_kind != SymbolKind::type_alias) frame.binding_kind = slot.kind;
      frame.binding_kind_changed = true;
    }
  }
  if (slot.has_role) {
    frame.role = slot.role;
  } else if (slot.keep) {
    frame.role = parent.role;
  }
  if (slot.base && parent.definition != kNone) {
    frame.base_of = parent.definition;
  } else if (parent.base_of != kNone && (slot.base || slot.keep)) {
    frame.base_of = parent.base_of;
  }

  uint16_t definitions_end = kind.definitions_end;
  frames_.push_back(frame);
  Frame& top = frames_.back();
  if (kind.imports) read_imports(top);
  if (definitions_end != 0) open_definition(top, kind);
  if (kind.anonymous_function) top.in_function = true;
  if (kind.is_doc) note_doc(top);
  if (kind.embed != kNoIndex) note_embedded(top, language_.embeds[kind.embed]);
  if (kind.is_container && kind.container_type != kNoIndex) {
    TSNode type = language_.paths[kind.container_type].from(node);
    if (!ts_node_is_null(type)) {
      std::string name = main_type_name(text_of(type));
      if (!name.empty()) top.container = intern_copy(name);
    }
  }

  if (kind.identifier || kind.type_identifier) {
    std::string_view name = text_of(node);
    if (kind.dotted_name) {
      if (size_t dot = name.rfind('.'); dot != std::string_view::npos) {
        if (top.name_of != kNone && facts_.symbols[top.name_of].qualifier.empty()) {
          changed_outside(top.name_of);
          facts_.symbols[top.name_of].qualifier = std::string(name.substr(0, dot));
        }
        top.begin += static_cast<uint32_t>(dot + 1);
        name.remove_prefix(dot + 1);
      }
    }
    if (!row_.no_names.empty() && contains_kind(row_.no_names, name)) name = {};
    if (slot.ignored) name = {};
    if (!name.empty() && name.size() <= kMaxName) {
      // Interned views must outlive the walk: they point into the text.
      uint32_t id = intern(name);
      uint32_t receiver = receiver_of(frames_[parent_index], field, top.symbol);
      if (top.name_of != kNone) {
        name_definition(top, name, top.begin, ts_node_end_byte(node), receiver);
      } else if (frames_[parent_index].broken != nullptr) {
        define_broken(top, frames_[parent_index], id);
      } else if (frames_[parent_index].keyword != nullptr &&
                 frames_[parent_index].keyword->matches(field, top.symbol, is_first)) {
        // `def` of Elixir
      } else if (top.binding != kNoBinding && receiver == kNone && !top.import &&
                 (!kind.type_identifier || top.binding_kind == SymbolKind::type_alias)) {
        bind_name(top, id, receiver);
      } else {
        Role role = top.import ? Role::import : top.role;
        if (kind.type_identifier && role == Role::reference) role = Role::type;
        occurrence(top, id, role, top.scope, receiver);
        if (top.base_of != kNone) {
          changed_outside(top.base_of);
          auto& bases = facts_.symbols[top.base_of].bases;
          if (bases.size() < 32) bases.emplace_back(name);
        }
        if (role == Role::write && receiver != kNone && row_.self_writes_define_fields) {
          define_self_field(top, id);
        }
      }
    }
  } else if (kind.words != kNoIndex && top.name_of == kNone && top.binding == kNoBinding) {
    const CompiledWords& words = language_.words[kind.words];
    if (condition_holds(words.condition, frames_.size() - 1))
      word_occurrences(top, words.rule->role);
  } else if (kind.name_only && top.name_of == kNone && top.binding == kNoBinding) {
    // A shell command, a destructor called by name.
    std::string_view name = text_of(node);
    if (top.role == Role::call && !name.empty() && name.size() <= kMaxName && name[0] != '"' &&
        name[0] != '\'') {
      occurrence(top, intern(name), Role::call, top.scope,
                 receiver_of(frames_[parent_index], field, top.symbol));
    }
  } else if (kind.name_only) {
    std::string_view name = text_of(node);
    if (name.size() >= 2 && (name[0] == '"' || name[0] == '\'')) {
      name = name.substr(1, name.size() - 2);
    }
    if (size_t bracket = name.find('(');
        bracket != std::string_view::npos && name.substr(0, 8) == "operator" && bracket > 8) {
      name = name.substr(0, bracket);
    }
    while (!name.empty() && std::strchr(row_.name_marks, name.front()) != nullptr) {
      name.remove_prefix(1);
    }
    while (!name.empty() && std::strchr(row_.name_marks, name.back()) != nullptr) {
      name.remove_suffix(1);
    }
    name = trim(name);
    if (name.find('\n') != std::string_view::npos) {  // a list of CSS selectors, one a line
      made_.push_back(clean_signature(name));
      name = made_.back();
    }
    if (!name.empty() && name.size() <= kMaxName) {
      uint32_t receiver = receiver_of(frames_[parent_index], field, top.symbol);
      if (top.name_of != kNone) {
        name_definition(top, name, top.begin, ts_node_end_byte(node), receiver);
      } else if (top.binding_kind != SymbolKind::variable) {
        bind_name(top, intern(name), receiver);
      }
    }
  }
  frames_[parent_index].previous_child = frames_.back().symbol;
  frames_[parent_index].has_children = true;
  frames_[parent_index].broken = nullptr;
}

bool Walker::binding_holds(uint16_t index, size_t parent_index) {
  const CompiledBinding& binding = language_.bindings[index];
  if (binding.rule->in_name && (frames_[parent_index].name_of != kNone || parent_index == 0 ||
                                frames_[parent_index - 1].name_of == kNone)) {
    return false;  // it wants the f(x) of `def f(x)`: f is the name, its sibling holds x
  }
  return condition_holds(binding.condition, parent_index);
}

bool Walker::condition_holds(const CompiledCondition& condition, size_t frame_index) {
  auto up = static_cast<size_t>(condition.up);
  if (frame_index < up) return false;
  looked_outside(frame_index - up);
  return condition.holds(frames_[frame_index - up].node, text_);
}

// Rows of data languages bound what they keep.
bool Walker::room_for_symbol(uint32_t parent) {
  if (row_.max_depth == 0 && row_.max_symbols == 0) return true;
  uint32_t depth = 0;
  for (uint32_t i = parent; i != kNone; i = facts_.symbols[i].parent) ++depth;
  if (row_.max_depth != 0 && depth >= row_.max_depth) return false;
  if (row_.max_symbols == 0) return true;
  if (n_at_depth_.size() <= depth) n_at_depth_.resize(depth + 1);
  if (n_at_depth_[depth] >= row_.max_symbols >> std::min(depth, 31u)) {
    limited_ = true;
    return false;
  }
  ++n_at_depth_[depth];
  return true;
}

void Walker::count_symbol(uint32_t parent) {
  uint32_t depth = 0;
  for (uint32_t i = parent; i != kNone; i = facts_.symbols[i].parent) ++depth;
  if (n_at_depth_.size() <= depth) n_at_depth_.resize(depth + 1);
  taken_over_limit_ |= ++n_at_depth_[depth] > row_.max_symbols >> std::min(depth, 31u);
}

void Walker::note_doc(const Frame& frame) {
  std::string_view text = text_of(frame.node);
  for (const DocRule& rule : row_.docs) {
    if (text.substr(0, std::string_view(rule.starts).size()) != rule.starts) continue;
    if (rule.node != std::string_view(ts_node_type(frame.node))) continue;
    if (!rule.of_enclosing) {
      Frame& parent = frames_[frames_.size() - 2];
      parent.comment_begin = frame.begin;
      parent.comment_end = ts_node_end_byte(frame.node);
      parent.comment_row = ts_node_end_point(frame.node).row;
      parent.comment_is_string = true;
    } else if (frame.scope != kNone) {
      changed_outside(frame.scope);
      if (!facts_.symbols[frame.scope].doc.empty()) return;
      facts_.symbols[frame.scope].doc = clean_doc(text, true);
    }
    return;
  }
}

void Walker::note_embedded(const Frame& frame, const CompiledEmbed& embed) {
  constexpr size_t kMaxEmbedded = 500, kMaxRanges = 20'000;
  limited_ |= embedded_.size() >= kMaxEmbedded;
  if (embedded_.size() >= kMaxEmbedded) return;
  TSNode content = embed.content ? embed.content.from(frame.node) : frame.node;
  if (ts_node_is_null(content)) return;
  EmbeddedText found;
  found.language = find_language(embed.rule->language(SyntaxAccess::wrap(frame.node), text_));
  if (found.language == nullptr || found.language == &row_) return;
  found.scope = frame.scope;
  found.example = embed.rule->example;
  TSRange range{};
  range.start_byte = ts_node_start_byte(content);
  range.start_point = ts_node_start_point(content);
  auto close = [&](uint32_t byte, TSPoint point) {
    range.end_byte = byte;
    range.end_point = point;
    if (range.end_byte > range.start_byte) found.ranges.push_back(range);
  };
  if (!embed.skip.empty()) {
    TSTreeCursor cursor = ts_tree_cursor_new(content);
    for (bool more = ts_tree_cursor_goto_first_child(&cursor);
         more && found.ranges.size() < kMaxRanges;
         more = ts_tree_cursor_goto_next_sibling(&cursor)) {
      TSNode child = ts_tree_cursor_current_node(&cursor);
      TSSymbol symbol = ts_node_symbol(child);
      if (std::find(embed.skip.begin(), embed.skip.end(), symbol) == embed.skip.end()) continue;
      close(ts_node_start_byte(child), ts_node_start_point(child));
      range.start_byte = ts_node_end_byte(child);
      range.start_point = ts_node_end_point(child);
    }
    ts_tree_cursor_delete(&cursor);
  }
  close(ts_node_end_byte(content), ts_node_end_point(content));
  if (!found.ranges.empty()) embedded_.push_back(std::move(found));
}

void Walker::word_occurrences(const Frame& frame, Role role) {
  constexpr int kMaxWords = 64;
  std::string_view text = text_of(frame.node);
  size_t at = 0;
  for (int n = 0; n < kMaxWords; ++n) {
    while (at < text.size() && isspace(static_cast<unsigned char>(text[at]))) ++at;
    size_t begin = at;
    while (at < text.size() && !isspace(static_cast<unsigned char>(text[at]))) ++at;
    if (at == begin) return;
    if (at - begin > kMaxName) continue;
    Occurrence o;
    o.name = intern(text.substr(begin, at - begin));
    o.begin = frame.begin + static_cast<uint32_t>(begin);
    o.end = frame.begin + static_cast<uint32_t>(at);
    o.role = role;
    o.scope = frame.scope;
    facts_.occurrences.push_back(o);
  }
}

void Walker::note_comment(Frame& parent, TSNode node, uint32_t row) {
  uint32_t begin = ts_node_start_byte(node), end = ts_node_end_byte(node);
  if (parent.comment_end == 0 || row > parent.comment_row + 1 || begin < parent.comment_end) {
    parent.comment_begin = begin;
  } else {
    // Only white space may lie between two comments of one run.
    std::string_view between = text_.substr(parent.comment_end, begin - parent.comment_end);
    if (!trim(between).empty()) parent.comment_begin = begin;
  }
  parent.comment_end = end;
  parent.comment_is_string = false;
  parent.comment_row = ts_node_end_point(node).row;
  // Rust's line comments end after their line break.
  if (end > begin && text_[end - 1] == '\n' && parent.comment_row > 0) --parent.comment_row;
}

void Walker::occurrence(const Frame& frame, uint32_t name, Role role, uint32_t scope,
                        uint32_t receiver) {
  Occurrence o;
  o.name = name;
  o.begin = frame.begin;
  o.end = ts_node_end_byte(frame.node);
  o.role = role;
  o.scope = scope;
  o.receiver = receiver;
  facts_.occurrences.push_back(o);
}

void Walker::read_imports(Frame& frame) {
  size_t before = facts_.imports.size();
  limited_ |= before > 20000;
  if (before > 20000) return;
  if (row_.imports_look_up > 0) {
    size_t index = frames_.size() - 1, up = static_cast<size_t>(row_.imports_look_up);
    looked_outside(index > up ? index - up : 0);
  }
  row_.imports(SyntaxAccess::wrap(frame.node), text_, facts_.imports);
  if (facts_.imports.size() > before && !language_.kind(frame.symbol).has_bindings) {
    frame.import = true;
  }
}

}  // namespace engramd::repoindex
