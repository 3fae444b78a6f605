// repoindex/parse/walker.h - the walk over one tree: where it is and what it has found so far.
// Inside parse/ only. walk.cpp goes from node to node, walk_definitions.cpp makes symbols of them,
// walk_types.cpp reads what the text around a name says of it (type, receiver, doc, signature),
// walk_finish.cpp makes facts of what was found, walk_memo.cpp takes over what an
// earlier walk found.
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
#include "repoindex/parse/walk_memo.h"

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

  // With both the walk starts from what before holds and leaves its own in now; without before it
  // only leaves. Before is empty afterwards. Call it ahead of walk().
  void remember(WalkMemo* before, WalkMemo* now);
  void walk(TSNode root, const CancelToken& cancel);
  // Whether remember()'s memo serves again: not when a limit made this walk leave something out,
  // which depends on everything before it.
  bool memo_serves() const { return !facts_.truncated && !limited_; }
  // False: a limit was met among facts that were taken over, so they are not those of the text.
  bool sound() const { return !taken_over_limit_; }
  // Once, at the end. With a memo the facts are a copy, and the memo's keep what was walked.
  FileFacts finish(std::vector<EmbeddedText>* embedded);

 private:
  struct OpenRecord {
    uint32_t record = 0, frame = 0;
  };
  void enter(TSNode node, TSFieldId field);
  void leave(size_t n_nodes) {
    frames_.pop_back();
    if (!open_records_.empty() && open_records_.back().frame == frames_.size()) {
      close_record(n_nodes);
    }
  }
  // Parse/walk_memo.h says what these are for.
  bool may_have_record(const Frame& parent, TSNode node, const KindInfo& kind) const;
  uint64_t surroundings(TSNode node, TSSymbol symbol, TSFieldId field) const;
  bool take_over_or_record(TSNode node, TSFieldId field, size_t* n_nodes);
  void close_record(size_t n_nodes);
  bool repeat_accesses(const WalkRecord& record);
  void take_over(const WalkRecord& record, TSNode node);
  uint32_t outer_scope(const WalkRecord& record, uint32_t scope) const;
  void looked_outside(size_t frame_index);  // at the text of that frame's node
  void changed_outside(uint32_t symbol);
  bool defined(uint32_t scope, uint32_t name) {
    bool found = defined_.contains(uint64_t{scope} << 32 | name);
    if (memo_ != nullptr) {
      memo_->accesses.push_back({scope, name, ScopeAccess::Kind::look, found});
    }
    return found;
  }
  bool define_if_new(uint32_t scope, uint32_t name) {
    bool added = defined_.insert(uint64_t{scope} << 32 | name).second;
    if (memo_ != nullptr) {
      memo_->accesses.push_back({scope, name, ScopeAccess::Kind::add_if_new, !added});
    }
    return added;
  }
  void define(uint32_t scope, uint32_t name) {
    defined_.insert(uint64_t{scope} << 32 | name);
    if (memo_ != nullptr) memo_->accesses.push_back({scope, name, ScopeAccess::Kind::add, false});
  }
  void note_comment(Frame& parent, TSNode node, uint32_t row);
  void note_doc(const Frame& frame);
  void note_embedded(const Frame& frame, const CompiledEmbed& embed);
  bool condition_holds(const CompiledCondition& condition, size_t frame_index);
  bool binding_holds(uint16_t index, size_t parent_index);
  bool room_for_symbol(uint32_t parent);
  void count_symbol(uint32_t parent);  // that was taken over
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
    if (memo_ != nullptr) return intern_copy(name);  // it outlives the text
    auto [it, added] = name_ids_.try_emplace(name, static_cast<uint32_t>(facts_.names.size()));
    if (added) facts_.names.emplace_back(name);
    return it->second;
  }
  // For a name that does not lie in the text.
  uint32_t intern_copy(std::string_view name) {
    auto it = name_ids_.find(name);
    if (it != name_ids_.end()) return it->second;
    auto id = static_cast<uint32_t>(facts_.names.size());
    name_ids_.emplace(made_.emplace_back(name), id);
    facts_.names.emplace_back(name);
    return id;
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
  uint32_t stopped_at_ = 0;           // where a budget ended, if it did
  bool cancelled_ = false;
  bool limited_ = false;  // one of the limits that truncated does not tell of was met
  WalkMemo* before_ = nullptr;
  WalkMemo* memo_ = nullptr;
  bool taken_over_limit_ = false;
  std::vector<OpenRecord> open_records_;  // of the nodes around where the walk is
  std::vector<uint64_t> added_;           // by repeat_accesses()
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
