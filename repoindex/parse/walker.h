// repoindex/parse/walker.h - the walk over one tree: where it is and what it has found so far.
// Inside parse/ only. walk.cpp goes from node to node, walk_definitions.cpp makes symbols of them,
// walk_types.cpp reads what the text around a name says of it (type, receiver, doc, signature).
// Bounded by ExtractLimits; no recursion. One thread.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "repoindex/parse/embedded.h"
#include "repoindex/parse/syntax_access.h"
#include "repoindex/parse/walk.h"

namespace engramd::repoindex {

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
  uint32_t nameless = kNone;    // struct without a name that was opened in its type slot
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
  uint32_t nameless_body(const Frame& declaration, Symbol& declared) const;
  void macro_names(uint32_t macro);
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

inline bool is_class_like(SymbolKind kind) {
  return kind == SymbolKind::class_ || kind == SymbolKind::struct_ || kind == SymbolKind::enum_ ||
         kind == SymbolKind::interface_;
}
inline bool is_function_like(SymbolKind kind) {
  return kind == SymbolKind::function || kind == SymbolKind::method ||
         kind == SymbolKind::constructor;
}

}  // namespace engramd::repoindex
