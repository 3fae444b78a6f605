#include <algorithm>

#include "repoindex/parse/macro_body.h"
#include "repoindex/parse/walker.h"

namespace engramd::repoindex {

namespace {

bool is_upper_name(std::string_view name) {
  bool letter = false;
  for (char c : name) {
    if (islower(static_cast<unsigned char>(c))) return false;
    letter |= isupper(static_cast<unsigned char>(c)) != 0;
  }
  return letter && name.size() > 1;
}

}  // namespace

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
    bool nameless = is_class_like(symbol.kind) && d.name && d.rule->fixed_name[0] == '\0' &&
                    ts_node_is_null(d.name.from(frame.node));
    facts_.symbols.push_back(std::move(symbol));
    frame.definition = index;
    if (nameless && frame_index > 0) frames_[frame_index - 1].nameless = index;
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
  changed_outside(frame.name_of);
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
  define(symbol.parent, id);
}

void Walker::bind_name(const Frame& frame, uint32_t name, uint32_t receiver) {
  const CompiledBinding& binding = language_.bindings[frame.binding];
  const Frame& at = frames_[frame.bind_frame];
  looked_outside(frame.bind_frame);
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
    while (around != kNone && !defined(around, name)) {
      around = facts_.symbols[around].parent;
    }
    scope = around;  // kNone, unless a scope has it: then this only writes
  }
  bool assigns = (row_.assignment_defines && binding.rule->kind == SymbolKind::variable) ||
                 binding.rule->of_class || binding.rule->of_file;
  bool own = binding.rule->inside_only;
  bool first = own || define_if_new(scope, name);
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
    looked_outside(whole);
  }
  symbol.begin = whole_begin(whole, &symbol.end);
  symbol.inside_only = own;
  symbol.type_name = written_type(frame);
  if (!symbol.local) {
    symbol.signature = line_signature(symbol.begin, symbol.end);
    if (row_.doc != DocStyle::none) symbol.doc = doc_before(frame.bind_frame);
  }
  uint32_t body = nameless_body(at, symbol);
  bool is_macro = symbol.kind == SymbolKind::macro;
  if (body != kNone) {
    // Its place in the order stays: before what is in it.
    facts_.symbols[body] = std::move(symbol);
  } else {
    facts_.symbols.push_back(std::move(symbol));
  }
  occurrence(frame, name, Role::definition, scope, receiver);
  if (is_macro) macro_names(static_cast<uint32_t>(facts_.symbols.size() - 1));
}

// `struct {...} x;`: what is in the struct belongs to x, for it has no other name. The symbol that
// was opened for the struct then becomes x, and a typedef's stays a struct. kNone if there is none.
uint32_t Walker::nameless_body(const Frame& declaration, Symbol& declared) const {
  uint32_t body = declaration.nameless;
  if (body == kNone) return kNone;
  if (!facts_.symbols[body].name.empty()) {  // struct {...} x, *y;
    declared.type_name = facts_.symbols[body].name;
    return kNone;
  }
  const Symbol& opened = facts_.symbols[body];
  if (declared.kind == SymbolKind::type_alias) {
    declared.kind = opened.kind;
  } else if (opened.kind == SymbolKind::enum_) {
    return kNone;  // its names are the scope's around it, not the variable's
  }
  declared.type_name.clear();
  declared.parent = opened.parent;
  if (declared.doc.empty()) declared.doc = opened.doc;
  return body;
}

// The parameters and the names in the body of the #define that was just bound.
void Walker::macro_names(uint32_t macro) {
  const Symbol symbol = facts_.symbols[macro];
  MacroBody body = read_macro_body(text_, symbol.name_end, symbol.end);
  auto note = [&](ByteRange range, Role role, uint32_t receiver) {
    Occurrence o;
    o.name = intern(text_.substr(range.begin, range.size()));
    o.begin = static_cast<uint32_t>(range.begin);
    o.end = static_cast<uint32_t>(range.end);
    o.role = role;
    o.scope = macro;
    o.receiver = receiver;
    facts_.occurrences.push_back(o);
  };
  for (const ByteRange& range : body.parameters) {
    if (!room_for_symbol(macro)) return;
    Symbol parameter;
    parameter.name = text_.substr(range.begin, range.size());
    parameter.name_begin = parameter.begin = static_cast<uint32_t>(range.begin);
    parameter.name_end = parameter.end = static_cast<uint32_t>(range.end);
    parameter.parent = macro;
    parameter.local = true;
    facts_.symbols.push_back(std::move(parameter));
    note(range, Role::definition, kNone);
  }
  if (body.is_one_name) {  // #define Alias Class
    const ByteRange& range = body.names[0].range;
    facts_.symbols[macro].type_name = text_.substr(range.begin, range.size());
  }
  for (const ByteRange& range : body.namespaces) {
    if (!room_for_symbol(kNone)) return;
    Symbol opened;
    opened.name = text_.substr(range.begin, range.size());
    opened.kind = SymbolKind::namespace_;
    opened.name_begin = opened.begin = static_cast<uint32_t>(range.begin);
    opened.name_end = opened.end = static_cast<uint32_t>(range.end);
    facts_.symbols.push_back(std::move(opened));
    note(range, Role::definition, kNone);
  }
  for (const MacroName& name : body.names) {
    note(name.range, name.role, name.has_receiver ? intern_copy(name.receiver) : kNone);
  }
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
  define(frame.scope, name);
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
  if (!define_if_new(class_index, name)) return;
  Symbol symbol;
  symbol.name = facts_.names[name];
  symbol.kind = SymbolKind::field;
  symbol.name_begin = written.begin;
  symbol.name_end = written.end;
  symbol.parent = class_index;
  // The statement around it: the frame two up is the assignment (x, then self.x, then x = y).
  size_t statement = frames_.size() >= 3 ? frames_.size() - 3 : 0;
  looked_outside(statement);
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
      changed_outside(frame.scope);
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

}  // namespace engramd::repoindex
