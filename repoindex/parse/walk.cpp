#include "repoindex/parse/walk.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <unordered_map>
#include <unordered_set>

#include "repoindex/parse/embedded.h"
#include "repoindex/parse/lexical.h"
#include "repoindex/parse/macro_mask.h"
#include "repoindex/parse/syntax_access.h"

namespace engramd::repoindex {

namespace {

constexpr uint16_t kNoBinding = kNoIndex;
constexpr size_t kMaxName = 200;
constexpr TSSymbol kErrorSymbol = 0xFFFF;  // tree-sitter's number of ERROR nodes
// How far a look outwards or sideways goes: ordinary code needs a few steps, and 100,000 brackets
// deep an unbounded look from each level would take a square of that.
constexpr size_t kMaxSteps = 64;

// One named node on the way from the root to where the walk is.
struct Frame {
  TSNode node;
  TSSymbol symbol = 0, previous_child = 0;
  TSFieldId field = 0;
  const ChildRef* name = nullptr;     // of the definition this node opened
  const void* misplaced = nullptr;    // the node in an ERROR below that has its name instead
  uint32_t misplaced_of = kNone;      // in that ERROR: the definition that waits for it
  const ChildRef* keyword = nullptr;  // child that only says which definition it is: no occurrence
  const KeywordRule* broken = nullptr;  // of the token just before, in an ERROR node
  uint32_t broken_begin = 0;
  bool has_children = false;  // one was entered already, comments apart
  uint32_t begin = 0, row = 0;
  uint32_t definition = kNone;  // symbol this node opened
  uint32_t scope = kNone;       // innermost symbol whose body we are in, for children
  uint32_t name_of = kNone;     // definition that waits for its name in here
  uint32_t base_of = kNone;     // definition whose base classes are named in here
  uint32_t bind_frame = 0;      // frame whose slot began the binding
  uint16_t binding = kNoBinding;
  bool binding_kind_changed = false;
  SymbolKind binding_kind = SymbolKind::variable;
  Role role = Role::reference;
  bool import = false;
  bool in_function = false;  // in any function, lambdas and parameter lists too
  bool in_named_function = false;
  uint32_t container = kNone;  // name of the type that an impl block is for
  // The run of comments that ended last among this node's children.
  uint32_t comment_begin = 0, comment_end = 0, comment_row = 0;
  bool comment_is_string = false;  // written as code: DocRule
};

bool is_class_like(SymbolKind kind) {
  return kind == SymbolKind::class_ || kind == SymbolKind::struct_ || kind == SymbolKind::enum_ ||
         kind == SymbolKind::interface_;
}
bool is_function_like(SymbolKind kind) {
  return kind == SymbolKind::function || kind == SymbolKind::method ||
         kind == SymbolKind::constructor;
}
bool is_upper_name(std::string_view name) {
  bool letter = false;
  for (char c : name) {
    if (islower(static_cast<unsigned char>(c))) return false;
    letter |= isupper(static_cast<unsigned char>(c)) != 0;
  }
  return letter && name.size() > 1;
}

// make_unique<Foo>, static_cast<Foo*>, x.Cast<Foo>: what is written between the angles is what the
// call gives. Empty for other calls.
std::string type_argument_of_maker(std::string_view written) {
  if (written.size() < 3 || written.size() > 400 || written.back() != '>') return {};
  int depth = 0;
  size_t open = written.size();
  while (open > 0) {
    char c = written[--open];
    if (c == '>') ++depth;
    if (c == '<' && --depth == 0) break;
  }
  size_t begin = open;
  while (begin > 0 &&
         (isalnum(static_cast<unsigned char>(written[begin - 1])) || written[begin - 1] == '_')) {
    --begin;
  }
  std::string_view name = written.substr(begin, open - begin);
  bool makes = name.substr(0, 4) == "make" || name.substr(0, 4) == "Make" ||
               name.find("cast") != std::string_view::npos ||
               name.find("Cast") != std::string_view::npos;
  return makes ? main_type_name(written.substr(open)) : std::string();
}

class Walker {
 public:
  Walker(const CompiledLanguage& language, std::string_view text, const ExtractLimits& limits)
      : language_(language), row_(language.row), text_(text), limits_(limits) {}

  FileFacts run(TSNode root, const CancelToken& cancel);
  std::vector<EmbeddedText>& embedded() { return embedded_; }

 private:
  void enter(TSNode node, TSFieldId field);
  void leave() { frames_.pop_back(); }
  void note_comment(Frame& parent, TSNode node, uint32_t row);
  void note_doc(const Frame& frame);
  void note_embedded(const Frame& frame, const CompiledEmbed& embed);
  bool condition_holds(const CompiledCondition& condition, size_t frame_index) const;
  bool binding_holds(uint16_t index, size_t parent_index) const;
  bool room_for_symbol(uint32_t parent);
  void open_definition(Frame& frame, const KindInfo& kind);
  void name_fixed(Frame& frame, const CompiledDefinition& d);
  const void* misplaced_name(const Frame& frame, const CompiledDefinition& d) const;
  void name_definition(Frame& frame, std::string_view name, uint32_t begin, uint32_t end,
                       uint32_t receiver);
  void bind_name(const Frame& frame, uint32_t name, uint32_t receiver);
  void define_broken(const Frame& frame, const Frame& error, uint32_t name);
  void define_self_field(const Frame& frame, uint32_t name);
  void occurrence(const Frame& frame, uint32_t name, Role role, uint32_t scope, uint32_t receiver);
  void word_occurrences(const Frame& frame, Role role);
  void read_imports(Frame& frame);

  std::string_view text_of(TSNode node) const {
    uint32_t begin = ts_node_start_byte(node), end = ts_node_end_byte(node);
    return end <= text_.size() && begin <= end ? text_.substr(begin, end - begin)
                                               : std::string_view();
  }
  uint32_t intern(std::string_view name) {
    auto [it, added] = name_ids_.try_emplace(name, static_cast<uint32_t>(facts_.names.size()));
    if (added) facts_.names.emplace_back(name);
    return it->second;
  }
  // For a name that does not lie in the text.
  uint32_t intern_copy(const std::string& name) {
    auto it = name_ids_.find(name);
    if (it != name_ids_.end()) return it->second;
    made_.push_back(name);
    return intern(made_.back());
  }
  uint32_t receiver_of(const Frame& member, TSFieldId field, TSSymbol child);
  std::string value_type(TSNode value) const;
  std::string written_type(const Frame& frame) const;
  std::string doc_before(size_t frame_index) const;
  std::string docstring(const Frame& frame, const ChildPath& body_path) const;
  uint32_t whole_begin(size_t frame_index, uint32_t* end) const;
  std::string definition_signature(const Frame& frame, const CompiledDefinition& d,
                                   uint32_t begin) const;
  std::string line_signature(uint32_t begin, uint32_t end) const;
  void drop_nameless();

  const CompiledLanguage& language_;
  const Language& row_;
  std::string_view text_;
  const ExtractLimits& limits_;
  FileFacts facts_;
  std::vector<Frame> frames_;
  std::unordered_map<std::string_view, uint32_t> name_ids_;  // views into text_ or made_
  std::deque<std::string> made_;
  std::unordered_set<uint64_t> defined_;  // scope << 32 | name
  std::vector<EmbeddedText> embedded_;
  std::vector<uint32_t> n_at_depth_;  // symbols kept so far, for rows with max_symbols
};

FileFacts Walker::run(TSNode root, const CancelToken& cancel) {
  facts_.language = row_.name;
  facts_.has_errors = ts_node_has_error(root);
  name_ids_.reserve(text_.size() / 64 + 16);
  frames_.reserve(64);
  Frame bottom;
  bottom.node = root;
  bottom.symbol = ts_node_symbol(root);
  bottom.row = 0;
  frames_.push_back(bottom);

  TSTreeCursor cursor = ts_tree_cursor_new(root);
  size_t n_nodes = 0;
  uint32_t stopped_at = 0;
  bool more = ts_tree_cursor_goto_first_child(&cursor);
  while (more) {
    if (++n_nodes > limits_.max_nodes || facts_.symbols.size() > limits_.max_symbols ||
        ((n_nodes & 0xFFFF) == 0 && cancel.cancelled())) {
      facts_.truncated = true;
      stopped_at = ts_node_start_byte(ts_tree_cursor_current_node(&cursor));
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
      enter(node, ts_tree_cursor_current_field_id(&cursor));
      if (ts_tree_cursor_goto_first_child(&cursor)) continue;
      leave();
    }
    while (!(more = ts_tree_cursor_goto_next_sibling(&cursor))) {
      if (frames_.size() <= 1 || !ts_tree_cursor_goto_parent(&cursor)) break;
      leave();
      if (frames_.empty()) break;
    }
  }
  ts_tree_cursor_delete(&cursor);
  drop_nameless();
  if (facts_.truncated && !cancel.cancelled()) {
    if (!facts_.occurrences.empty())
      stopped_at = std::max(stopped_at, facts_.occurrences.back().end);
    add_lexical_names(language_, text_, stopped_at, facts_);
  }
  return std::move(facts_);
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

bool Walker::binding_holds(uint16_t index, size_t parent_index) const {
  const CompiledBinding& binding = language_.bindings[index];
  if (binding.rule->in_name && (frames_[parent_index].name_of != kNone || parent_index == 0 ||
                                frames_[parent_index - 1].name_of == kNone)) {
    return false;  // it wants the f(x) of `def f(x)`: f is the name, its sibling holds x
  }
  return condition_holds(binding.condition, parent_index);
}

bool Walker::condition_holds(const CompiledCondition& condition, size_t frame_index) const {
  auto up = static_cast<size_t>(condition.up);
  return frame_index >= up && condition.holds(frames_[frame_index - up].node, text_);
}

// Rows of data languages bound what they keep.
bool Walker::room_for_symbol(uint32_t parent) {
  if (row_.max_depth == 0 && row_.max_symbols == 0) return true;
  uint32_t depth = 0;
  for (uint32_t i = parent; i != kNone; i = facts_.symbols[i].parent) ++depth;
  if (row_.max_depth != 0 && depth >= row_.max_depth) return false;
  if (row_.max_symbols == 0) return true;
  if (n_at_depth_.size() <= depth) n_at_depth_.resize(depth + 1);
  if (n_at_depth_[depth] >= row_.max_symbols >> std::min(depth, 31u)) return false;
  ++n_at_depth_[depth];
  return true;
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
    } else if (frame.scope != kNone && facts_.symbols[frame.scope].doc.empty()) {
      facts_.symbols[frame.scope].doc = clean_doc(text, true);
    }
    return;
  }
}

void Walker::note_embedded(const Frame& frame, const CompiledEmbed& embed) {
  constexpr size_t kMaxEmbedded = 500, kMaxRanges = 20'000;
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

void Walker::open_definition(Frame& frame, const KindInfo& kind) {
  for (uint16_t i = kind.definitions_begin; i < kind.definitions_end; ++i) {
    const CompiledDefinition& d = language_.definitions[i];
    if (!d.condition.holds(frame.node, text_)) continue;
    if (!room_for_symbol(frame.scope)) return;
    auto index = static_cast<uint32_t>(facts_.symbols.size());
    Symbol symbol;
    symbol.kind = d.rule->kind;
    symbol.parent = frame.scope;
    symbol.local = frame.in_named_function;
    size_t frame_index = frames_.size() - 1;
    symbol.begin = whole_begin(frame_index, &symbol.end);
    if (row_.doc == DocStyle::docstring) symbol.doc = docstring(frame, d.body);
    if (symbol.doc.empty() && row_.doc != DocStyle::none) symbol.doc = doc_before(frame_index);
    symbol.signature = definition_signature(frame, d, symbol.begin);
    if (d.type) {
      TSNode type = d.type.from(frame.node);
      if (!ts_node_is_null(type)) symbol.type_name = main_type_name(text_of(type));
    }
    if (d.qualifier) {
      TSNode owner = d.qualifier.from(frame.node);
      // Go: (r *Name) or (Name); the last identifier that is not a type argument.
      std::string_view s = ts_node_is_null(owner) ? std::string_view() : text_of(owner);
      s = s.substr(0, s.find('['));
      while (!s.empty() && !isalnum(static_cast<unsigned char>(s.back())) && s.back() != '_') {
        s.remove_suffix(1);
      }
      size_t cut = s.find_last_of(" *(\t");
      symbol.qualifier = std::string(cut == std::string_view::npos ? s : s.substr(cut + 1));
    } else if (frame.container != kNone) {
      symbol.qualifier = facts_.names[frame.container];
    }
    facts_.symbols.push_back(std::move(symbol));
    frame.definition = index;
    if (d.rule->fixed_name[0] != '\0') name_fixed(frame, d);
    frame.name = d.name ? &d.name.steps[0] : nullptr;
    if (!d.misplaced.empty() && ts_node_has_error(frame.node))
      frame.misplaced = misplaced_name(frame, d);
    if (d.rule->if_text[0] != '\0' && d.rule->if_text[0] != '!') {
      frame.keyword = &d.condition.child.steps[0];
    }
    if (d.rule->opens_scope) frame.scope = index;
    if (is_function_like(d.rule->kind) ||
        (d.rule->kind == SymbolKind::macro && d.rule->opens_scope)) {
      frame.in_function = frame.in_named_function = true;
    }
    return;
  }
}

void Walker::name_fixed(Frame& frame, const CompiledDefinition& d) {
  TSNode name = d.name.from(frame.node);
  if (!ts_node_is_null(name) && ts_node_is_named(name)) return;
  Symbol& symbol = facts_.symbols[frame.definition];
  // At the word itself, or at the start of the definition.
  bool at_word = !ts_node_is_null(name);
  symbol.name = d.rule->fixed_name;
  if (symbol.name == "*") symbol.name = at_word ? text_of(name) : std::string_view("operator");
  symbol.name_begin = at_word ? ts_node_start_byte(name) : frame.begin;
  auto length = static_cast<uint32_t>(symbol.name.size());
  symbol.name_end = at_word ? ts_node_end_byte(name)
                            : std::min(symbol.name_begin + length, ts_node_end_byte(frame.node));
  Occurrence o;
  o.name = intern_copy(symbol.name);
  o.begin = symbol.name_begin;
  o.end = symbol.name_end;
  o.role = Role::definition;
  o.scope = symbol.parent;
  facts_.occurrences.push_back(o);
}

// The node in an ERROR before the name slot that has the name: see DefinitionRule. Null if none.
const void* Walker::misplaced_name(const Frame& frame, const CompiledDefinition& d) const {
  TSNode placed = d.name.from(frame.node);
  if (ts_node_is_null(placed)) return nullptr;
  for (uint32_t i = 0; i < std::min<uint32_t>(ts_node_named_child_count(frame.node), 8); ++i) {
    TSNode child = ts_node_named_child(frame.node, i);
    if (child.id == placed.id) break;
    if (ts_node_symbol(child) != kErrorSymbol) continue;
    for (uint32_t k = 0; k < std::min<uint32_t>(ts_node_named_child_count(child), 8); ++k) {
      TSNode inner = ts_node_named_child(child, k);
      TSSymbol symbol = ts_node_symbol(inner);
      if (std::find(d.misplaced.begin(), d.misplaced.end(), symbol) != d.misplaced.end()) {
        return inner.id;
      }
    }
  }
  return nullptr;
}

void Walker::name_definition(Frame& frame, std::string_view name, uint32_t begin, uint32_t end,
                             uint32_t receiver) {
  Symbol& symbol = facts_.symbols[frame.name_of];
  if (!symbol.name.empty()) {
    // namespace a::b: one definition with a name of two parts.
    if (symbol.kind == SymbolKind::namespace_) {
      symbol.name += row_.name_separator + std::string(name);
      symbol.name_end = end;
    }
    occurrence(frame, intern(name), Role::reference, symbol.parent, receiver);
    return;
  }
  symbol.name = std::string(name);
  symbol.name_begin = begin;
  symbol.name_end = end;
  if (receiver != kNone && symbol.qualifier.empty()) {
    const std::string& said = facts_.names[receiver];
    if (said != "exports" && said != "module" && said != "prototype" && said != "this" &&
        said != "window") {
      symbol.qualifier = said;
    }
  }
  const Symbol* parent = symbol.parent != kNone ? &facts_.symbols[symbol.parent] : nullptr;
  bool in_class = (parent != nullptr && is_class_like(parent->kind)) || !symbol.qualifier.empty();
  if (in_class && symbol.kind == SymbolKind::function) symbol.kind = SymbolKind::method;
  if (symbol.kind == SymbolKind::method) {
    const std::string& owner = !symbol.qualifier.empty() ? symbol.qualifier
                               : parent != nullptr       ? parent->name
                                                         : symbol.qualifier;
    if (contains_kind(row_.constructor_names, name) ||
        (row_.constructor_has_class_name && name == owner)) {
      symbol.kind = SymbolKind::constructor;
    }
  }
  uint32_t id = intern(name);
  occurrence(frame, id, Role::definition, symbol.parent, receiver);
  defined_.insert(uint64_t{symbol.parent} << 32 | id);
}

void Walker::bind_name(const Frame& frame, uint32_t name, uint32_t receiver) {
  const CompiledBinding& binding = language_.bindings[frame.binding];
  const Frame& at = frames_[frame.bind_frame];
  uint32_t scope = at.scope;
  if (binding.rule->of_class) {
    for (int up = 0; up < 8 && scope != kNone; ++up) {
      if (is_class_like(facts_.symbols[scope].kind) ||
          facts_.symbols[scope].kind == SymbolKind::module) {
        break;
      }
      scope = facts_.symbols[scope].parent;
    }
  }
  if (binding.rule->lower_case_only && isupper(static_cast<unsigned char>(facts_.names[name][0]))) {
    return occurrence(frame, name, Role::reference, frame.scope, receiver);
  }
  if (!room_for_symbol(scope)) return;
  if (binding.rule->of_file) {
    uint32_t around = scope;
    while (around != kNone && !defined_.contains(uint64_t{around} << 32 | name)) {
      around = facts_.symbols[around].parent;
    }
    scope = around;  // kNone, unless a scope has it: then this only writes
  }
  bool assigns = (row_.assignment_defines && binding.rule->kind == SymbolKind::variable) ||
                 binding.rule->of_class || binding.rule->of_file;
  bool first = defined_.insert(uint64_t{scope} << 32 | name).second;
  if (assigns && !first) {
    occurrence(frame, name, Role::write, frame.scope, receiver);
    return;
  }
  Symbol symbol;
  symbol.name = facts_.names[name];
  symbol.kind = frame.binding_kind;
  symbol.name_begin = frame.begin;
  symbol.name_end = ts_node_end_byte(frame.node);
  symbol.parent = scope;
  symbol.local = frame.in_function && !binding.rule->of_class && !binding.rule->of_file;
  const Symbol* parent = scope != kNone ? &facts_.symbols[scope] : nullptr;
  bool in_class = parent != nullptr && is_class_like(parent->kind) && !frame.in_function;
  if (symbol.kind == SymbolKind::function) {
    // `Foo x(y);` inside a function reads like a prototype and is nearly always a variable.
    if (frame.in_function) {
      symbol.kind = SymbolKind::variable;
    } else {
      symbol.is_declaration = true;
      if (in_class) {
        bool constructor = row_.constructor_has_class_name && symbol.name == parent->name;
        symbol.kind = constructor ? SymbolKind::constructor : SymbolKind::method;
      }
    }
  } else if (symbol.kind == SymbolKind::variable) {
    if (in_class) {
      symbol.kind = SymbolKind::field;
    } else if (binding.rule->constant_when_upper && is_upper_name(symbol.name)) {
      symbol.kind = SymbolKind::constant;
    }
  }
  if (frame.container != kNone && !frame.in_function) {
    symbol.qualifier = facts_.names[frame.container];
  }
  // One of a list (parameters, enum members): its own extent, not the list's.
  bool of_list = binding.rule->whole_is_child || binding.rule->slot.field[0] == '\0';
  size_t whole = frame.bind_frame + (of_list ? 1 : 0);
  if (binding.rule->whole_up > 0) {
    auto up = static_cast<size_t>(binding.rule->whole_up);
    whole = frame.bind_frame > up ? frame.bind_frame - up : frame.bind_frame;
  }
  symbol.begin = whole_begin(whole, &symbol.end);
  symbol.type_name = written_type(frame);
  if (!symbol.local) {
    symbol.signature = line_signature(symbol.begin, symbol.end);
    if (row_.doc != DocStyle::none) symbol.doc = doc_before(frame.bind_frame);
  }
  facts_.symbols.push_back(std::move(symbol));
  occurrence(frame, name, Role::definition, scope, receiver);
}

// `def name` where the text does not parse: one line that names a definition, without a scope.
void Walker::define_broken(const Frame& frame, const Frame& error, uint32_t name) {
  Symbol symbol;
  symbol.name = facts_.names[name];
  symbol.kind = error.broken->kind;
  symbol.name_begin = frame.begin;
  symbol.name_end = ts_node_end_byte(frame.node);
  symbol.parent = frame.scope;
  symbol.local = frame.in_function;
  symbol.begin = error.broken_begin;
  uint32_t error_end = ts_node_end_byte(error.node);
  size_t line_end = std::min<size_t>(text_.find('\n', frame.begin), error_end);
  symbol.end = std::max(symbol.name_end, static_cast<uint32_t>(line_end));
  symbol.signature = line_signature(symbol.begin, symbol.end);
  facts_.symbols.push_back(std::move(symbol));
  occurrence(frame, name, Role::definition, frame.scope, kNone);
  defined_.insert(uint64_t{frame.scope} << 32 | name);
}

// self.x = ... in a method: the first such write makes x a field of the class around it.
void Walker::define_self_field(const Frame& frame, uint32_t name) {
  uint32_t class_index = frame.scope;
  for (int up = 0; up < 8 && class_index != kNone; ++up) {
    if (is_class_like(facts_.symbols[class_index].kind)) break;
    class_index = facts_.symbols[class_index].parent;
  }
  if (class_index == kNone || !is_class_like(facts_.symbols[class_index].kind)) return;
  const Occurrence& written = facts_.occurrences.back();
  if (!contains_kind(row_.self_names, facts_.names[written.receiver])) return;
  if (!defined_.insert(uint64_t{class_index} << 32 | name).second) return;
  Symbol symbol;
  symbol.name = facts_.names[name];
  symbol.kind = SymbolKind::field;
  symbol.name_begin = written.begin;
  symbol.name_end = written.end;
  symbol.parent = class_index;
  // The statement around it: the frame two up is the assignment (x, then self.x, then x = y).
  size_t statement = frames_.size() >= 3 ? frames_.size() - 3 : 0;
  symbol.begin = frames_[statement].begin;
  symbol.end = ts_node_end_byte(frames_[statement].node);
  for (const char* field : {"type", "right"}) {
    if (!symbol.type_name.empty()) break;
    TSNode value = ts_node_child_by_field_name(
        frames_[statement].node, field, static_cast<uint32_t>(std::string_view(field).size()));
    if (ts_node_is_null(value)) continue;
    symbol.type_name = field[0] == 't' ? main_type_name(text_of(value)) : value_type(value);
    // self.x = x: the parameter's written type, if it has one.
    if (symbol.type_name.empty() && language_.kind(ts_node_symbol(value)).identifier) {
      std::string_view parameter = text_of(value);
      // Parameters come right after their function.
      size_t first = frame.scope == kNone ? 0 : frame.scope + 1;
      size_t last = std::min(facts_.symbols.size(), first + kMaxSteps);
      for (size_t i = first; i < last; ++i) {
        if (facts_.symbols[i].parent != frame.scope || facts_.symbols[i].name != parameter)
          continue;
        symbol.type_name = facts_.symbols[i].type_name;
        break;
      }
    }
  }
  symbol.signature = line_signature(symbol.begin, symbol.end);
  facts_.occurrences.back().role = Role::definition;
  facts_.symbols.push_back(std::move(symbol));
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
  if (before > 20000) return;
  row_.imports(SyntaxAccess::wrap(frame.node), text_, facts_.imports);
  if (facts_.imports.size() > before && !language_.kind(frame.symbol).has_bindings) {
    frame.import = true;
  }
}

uint32_t Walker::receiver_of(const Frame& member, TSFieldId field, TSSymbol child) {
  const KindInfo& kind = language_.kind(member.symbol);
  if (!kind.is_member) return kNone;
  if (!kind.member_any_child &&
      (kind.member_name == kNoIndex ||
       !language_.paths[kind.member_name].steps[0].matches(field, child, !member.has_children))) {
    return kNone;
  }
  if (kind.member_receiver == kNoIndex) return intern(std::string_view());
  if (ts_node_has_error(member.node) && ts_node_is_missing(ts_node_child(member.node, 1))) {
    return kNone;  // what stands before is no receiver: error recovery put the separator there
  }
  TSNode owner = member.node;
  if (kind.receiver_above) {
    size_t index = static_cast<size_t>(&member - frames_.data());
    if (index == 0) return kNone;
    owner = frames_[index - 1].node;
  }
  TSNode receiver = language_.paths[kind.member_receiver].from(owner);
  if (ts_node_is_null(receiver)) return kNone;
  for (int depth = 0; depth < 6; ++depth) {
    const KindInfo& inner = language_.kind(ts_node_symbol(receiver));
    TSNode next{};
    if (inner.dotted_name) {
      std::string_view name = text_of(receiver);
      return intern(name.substr(name.rfind('.') + 1));
    }
    if (inner.identifier || inner.type_identifier) return intern(text_of(receiver));
    if (inner.is_call) {
      std::string called = value_type(receiver);
      if (called.empty()) break;
      if (inner.call_constructs) called += "()";
      return intern_copy(called);
    }
    if (inner.is_member && inner.member_name != kNoIndex) {
      next = language_.paths[inner.member_name].from(receiver);
    } else if (ts_node_named_child_count(receiver) == 1) {  // (x), *x, &x, x!
      next = ts_node_named_child(receiver, 0);
    } else if (ts_node_child_count(receiver) == 0 ||  // this, self, super, crate
               (ts_node_named_child_count(receiver) == 0 &&
                contains_kind(row_.self_names, text_of(receiver)))) {
      return intern(text_of(receiver).substr(0, 64));
    }
    if (ts_node_is_null(next)) break;
    receiver = next;
  }
  return intern(std::string_view());
}

// What a value tells of its type: "Foo" for a construction, "make()" for a call.
std::string Walker::value_type(TSNode value) const {
  for (int depth = 0; depth < 4; ++depth) {
    const KindInfo& kind = language_.kind(ts_node_symbol(value));
    if (kind.is_call) {
      if (kind.call_function == kNoIndex) return {};
      TSNode function = language_.paths[kind.call_function].from(value);
      if (ts_node_is_null(function)) return {};
      std::string_view written = text_of(function);
      if (std::string made = type_argument_of_maker(written); !made.empty()) return made;
      if (written.size() > 200 || written.find('(') != std::string_view::npos) return {};
      if (kind.call_constructs) return main_type_name(written);
      if (kind.constructor_name[0] != '\0' && written == kind.constructor_name) {
        TSNode type = language_.paths[kind.call_receiver].from(value);
        if (!ts_node_is_null(type)) return main_type_name(text_of(type));
      }
      // Type arguments go: make<Foo>(), Vec::<u8>::new().
      std::string_view path = written.substr(0, written.find_first_of("<["));
      size_t cut = path.find_last_of(".:>");
      std::string_view last = cut == std::string_view::npos ? path : path.substr(cut + 1);
      if (last.empty()) return {};
      if (row_.scoped_call_constructs && cut != std::string_view::npos && cut > 1 &&
          path[cut] == ':' && islower(static_cast<unsigned char>(last[0]))) {
        std::string_view owner = path.substr(0, cut - 1);
        size_t before = owner.find_last_of(":");
        if (before != std::string_view::npos) owner = owner.substr(before + 1);
        if (!owner.empty() && isupper(static_cast<unsigned char>(owner[0]))) {
          return std::string(owner);
        }
      }
      return std::string(last) + "()";
    }
    if (ts_node_named_child_count(value) != 1) return {};
    value = ts_node_named_child(value, 0);
  }
  return {};
}

std::string Walker::written_type(const Frame& frame) const {
  const CompiledBinding& binding = language_.bindings[frame.binding];
  const Frame& at = frames_[frame.bind_frame];
  std::string name;
  if (binding.type) {
    TSNode type = binding.type.from(at.node);
    if (!ts_node_is_null(type)) name = main_type_name(text_of(type));
  }
  if (!name.empty() && name != "auto" && name != "var") return name;
  if (!binding.value) return {};
  // The value is beside the name, or beside one of the declarators in between.
  const size_t last = std::min(frames_.size() - 1, frame.bind_frame + kMaxSteps);
  for (size_t i = last; i-- > frame.bind_frame;) {
    TSNode value = binding.value.from(frames_[i].node);
    if (!ts_node_is_null(value)) return value_type(value);
    // One of several names: what the whole value is says nothing of its parts.
    if (i > frame.bind_frame && ts_node_named_child_count(frames_[i].node) > 1) return {};
  }
  return {};
}

// Where the definition begins and ends with its decorators, `export`, `template<...>`.
uint32_t Walker::whole_begin(size_t frame_index, uint32_t* end) const {
  uint32_t begin = frames_[frame_index].begin;
  *end = ts_node_end_byte(frames_[frame_index].node);
  for (size_t i = frame_index; i > 1 && frame_index - i < kMaxSteps; --i) {
    const Frame& above = frames_[i - 1];
    if (!language_.kind(above.symbol).wrapper) break;
    uint32_t above_end = ts_node_end_byte(above.node);
    if (above.previous_child == frames_[i].symbol || above_end > *end + 1) break;
    begin = above.begin;
    *end = above_end;
  }
  return begin;
}

std::string Walker::doc_before(size_t frame_index) const {
  for (size_t i = frame_index; i >= 1 && frame_index - i < kMaxSteps; --i) {
    const Frame& above = frames_[i - 1];
    const Frame& node = frames_[i];
    if (above.comment_end > 0 && above.comment_end <= node.begin &&
        above.comment_row + 1 >= node.row) {
      // A comment behind other code on its line belongs to that code.
      size_t at = above.comment_begin;
      while (at > 0 && text_[at - 1] != '\n' &&
             isspace(static_cast<unsigned char>(text_[at - 1]))) {
        --at;
      }
      if (at > 0 && text_[at - 1] != '\n') return {};
      std::string_view raw =
          text_.substr(above.comment_begin, above.comment_end - above.comment_begin);
      if (row_.file_doc[0] != '\0' && raw.substr(0, std::strlen(row_.file_doc)) == row_.file_doc) {
        return {};
      }
      if (row_.doc == DocStyle::xml_comment_before) return clean_doc(without_tags(raw), false);
      return clean_doc(raw, above.comment_is_string);
    }
    if (!language_.kind(above.symbol).wrapper && above.row != node.row) break;
    if (i == 1 || above.definition != kNone) break;
  }
  return {};
}

std::string Walker::docstring(const Frame& frame, const ChildPath& body_path) const {
  if (!body_path) return {};
  TSNode body = body_path.from(frame.node);
  if (ts_node_is_null(body)) return {};
  TSNode first = ts_node_named_child(body, 0);
  if (ts_node_is_null(first)) return {};
  if (std::string_view(ts_node_type(first)) == "expression_statement") {
    first = ts_node_named_child(first, 0);
  }
  if (ts_node_is_null(first) || std::string_view(ts_node_type(first)) != "string") return {};
  return clean_doc(text_of(first), true);
}

std::string Walker::definition_signature(const Frame& frame, const CompiledDefinition& d,
                                         uint32_t whole) const {
  uint32_t begin = frame.begin, end = ts_node_end_byte(frame.node);
  // `export` or `type` on the same line is part of how it is written.
  if (whole < begin && begin - whole < 200 &&
      text_.substr(whole, begin - whole).find('\n') == std::string_view::npos) {
    begin = whole;
  }
  TSNode body{};
  if (d.body) body = d.body.from(frame.node);
  if (d.body && !ts_node_is_null(body)) {
    TSNode inner = ts_node_child_by_field_name(body, "body", 4);  // of the arrow function
    if (!ts_node_is_null(inner)) {
      return clean_signature(text_.substr(begin, ts_node_start_byte(inner) - begin));
    }
    // A comment between the head and the body is not part of the head.
    end = begin;
    for (uint32_t i = 0; i < ts_node_child_count(frame.node) && i < 64; ++i) {
      TSNode child = ts_node_child(frame.node, i);
      if (ts_node_eq(child, body)) break;
      if (!language_.kind(ts_node_symbol(child)).comment) end = ts_node_end_byte(child);
    }
    if (end < begin) end = ts_node_start_byte(body);
    return clean_signature(text_.substr(begin, end - begin));
  }
  if (is_function_like(d.rule->kind)) return clean_signature(text_.substr(begin, end - begin));
  return line_signature(begin, end);
}

std::string Walker::line_signature(uint32_t begin, uint32_t end) const {
  std::string_view s = text_.substr(begin, std::min<uint32_t>(end - begin, 300));
  return clean_signature(s.substr(0, s.find('\n')));
}

// Definitions without a name (an error in the text, a computed key) go; what they enclose moves to
// the next one out.
void Walker::drop_nameless() {
  std::vector<uint32_t> new_index(facts_.symbols.size(), kNone);
  uint32_t kept = 0;
  for (size_t i = 0; i < facts_.symbols.size(); ++i) {
    Symbol& symbol = facts_.symbols[i];
    uint32_t parent = symbol.parent == kNone ? kNone : new_index[symbol.parent];
    if (symbol.name.empty()) {
      new_index[i] = parent;
      continue;
    }
    symbol.parent = parent;
    new_index[i] = kept;
    if (kept != i) facts_.symbols[kept] = std::move(symbol);
    ++kept;
  }
  facts_.symbols.resize(kept);
  for (Occurrence& o : facts_.occurrences) {
    if (o.scope != kNone) o.scope = new_index[o.scope];
  }
  for (EmbeddedText& e : embedded_) {
    if (e.scope != kNone) e.scope = new_index[e.scope];
  }
  // Nearly sorted already: a definition's name can come after its qualifier's.
  if (!std::is_sorted(facts_.occurrences.begin(), facts_.occurrences.end(),
                      [](const auto& a, const auto& b) { return a.begin < b.begin; })) {
    std::stable_sort(facts_.occurrences.begin(), facts_.occurrences.end(),
                     [](const auto& a, const auto& b) { return a.begin < b.begin; });
  }
  facts_.symbols.shrink_to_fit();
  facts_.occurrences.shrink_to_fit();
  facts_.names.shrink_to_fit();
}

// Names in the macros that the parser was not shown.
void note_misplaced_macros(std::string_view text, FileFacts* facts) {
  std::vector<ByteRange> macros = misplaced_macros(text);
  if (macros.empty()) return;
  std::unordered_map<std::string, uint32_t> ids;
  for (uint32_t i = 0; i < facts->names.size(); ++i) ids.emplace(facts->names[i], i);
  for (const ByteRange& macro : macros) {
    uint32_t scope = kNone, extent = UINT32_MAX;
    for (uint32_t s = 0; s < facts->symbols.size(); ++s) {
      const Symbol& symbol = facts->symbols[s];
      bool around = (is_class_like(symbol.kind) || is_function_like(symbol.kind)) &&
                    symbol.name_end <= macro.begin && macro.end <= symbol.end;
      if (around && symbol.end - symbol.begin < extent) {
        scope = s;
        extent = symbol.end - symbol.begin;
      }
    }
    bool first = true;
    for (size_t at = macro.begin; at < macro.end;) {
      auto c = static_cast<unsigned char>(text[at]);
      size_t end = at;
      while (end < macro.end &&
             (isalnum(static_cast<unsigned char>(text[end])) || text[end] == '_')) {
        ++end;
      }
      if (end > at && !isdigit(c)) {
        std::string name(text.substr(at, end - at));
        auto [it, added] = ids.try_emplace(name, static_cast<uint32_t>(facts->names.size()));
        if (added) facts->names.push_back(std::move(name));
        facts->occurrences.push_back({it->second, static_cast<uint32_t>(at),
                                      static_cast<uint32_t>(end),
                                      first ? Role::call : Role::reference, scope, kNone});
        first = false;
      }
      at = std::max(end, at + 1);
    }
  }
  std::stable_sort(facts->occurrences.begin(), facts->occurrences.end(),
                   [](const auto& a, const auto& b) { return a.begin < b.begin; });
}

}  // namespace

FileFacts facts_of_tree(const CompiledLanguage& language, TSNode root, std::string_view text,
                        const ExtractLimits& limits, const CancelToken& cancel, int depth) {
  Walker walker(language, text, limits);
  FileFacts facts = walker.run(root, cancel);
  // Embedded code is not masked for: it is examples, and the text here is the whole outer file's.
  if (depth == 0 && may_hold_macros(language.grammar)) note_misplaced_macros(text, &facts);
  add_embedded(facts, walker.embedded(), text, limits, cancel, depth);
  facts.n_bytes = static_cast<uint32_t>(text.size());
  facts.n_lines = count_lines(text);
  return facts;
}

}  // namespace engramd::repoindex
