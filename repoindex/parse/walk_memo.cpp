#include "repoindex/parse/walk_memo.h"

#include <bit>
#include <cstring>

#include "repoindex/parse/walker.h"

namespace engramd::repoindex {

namespace {

// Smaller nodes are walked sooner than looked up, unless there are very many beside each other.
constexpr uint32_t kMinBytes = 120, kMinBytesOfMany = 16, kManyBytes = 4096;
constexpr size_t kMaxDepth = 200;  // of nodes with records: the chain of scopes is read for each
constexpr size_t kMaxRecords = 200'000;

class Mixer {
 public:
  void add(uint64_t value) {
    h_ = (std::rotl(h_, 23) ^ value) * 0x9E3779B97F4A7C15u;
    h_ ^= h_ >> 29;
  }
  void add(std::string_view text) {
    add(text.size());
    for (; text.size() >= 8; text.remove_prefix(8)) {
      uint64_t word;
      std::memcpy(&word, text.data(), 8);
      add(word);
    }
    uint64_t rest = 0;
    std::memcpy(&rest, text.data(), text.size());
    add(rest);
  }
  void add(const void* p) { add(static_cast<uint64_t>(reinterpret_cast<uintptr_t>(p))); }
  uint64_t value() const { return h_; }

 private:
  uint64_t h_ = 0x243F6A8885A308D3u;
};

size_t slot_of(const void* subtree, size_t mask) {
  return static_cast<size_t>(
             (static_cast<uint64_t>(reinterpret_cast<uintptr_t>(subtree)) * 0x9E3779B97F4A7C15u) >>
             20) &
         mask;
}

}  // namespace

void WalkMemo::index_records() {
  by_subtree_.assign(std::bit_ceil(records.size() * 2 + 2), kNone);
  const size_t mask = by_subtree_.size() - 1;
  for (uint32_t i = 0; i < records.size(); ++i) {
    if (records[i].subtree == nullptr) continue;
    size_t slot = slot_of(records[i].subtree, mask);
    while (by_subtree_[slot] != kNone) slot = (slot + 1) & mask;
    by_subtree_[slot] = i;
  }
}

const WalkRecord* WalkMemo::find(const void* subtree) const {
  const size_t mask = by_subtree_.size() - 1;
  for (size_t slot = slot_of(subtree, mask);; slot = (slot + 1) & mask) {
    if (by_subtree_[slot] == kNone) return nullptr;
    const WalkRecord& record = records[by_subtree_[slot]];
    if (record.subtree == subtree) return &record;
  }
}

void Walker::remember(WalkMemo* before, WalkMemo* now) {
  before_ = before;
  memo_ = now;
  if (before == nullptr) return;
  before->index_records();
  facts_.names = std::move(before->facts.names);
  name_ids_ = std::move(before->name_ids);
  made_ = std::move(before->made);
  facts_.symbols.reserve(before->facts.symbols.size() + 16);
  facts_.occurrences.reserve(before->facts.occurrences.size() + 64);
  now->records.reserve(before->records.size() + 16);
  now->accesses.reserve(before->accesses.size() + 16);
}

bool Walker::may_have_record(const Frame& parent, TSNode node, const KindInfo& kind) const {
  if (frames_.size() > kMaxDepth || memo_->records.size() >= kMaxRecords) return false;
  // Where a definition waits for its name, a binding for its names, …: all of it short.
  if (parent.name_of != kNone || parent.binding != kNoBinding || parent.base_of != kNone ||
      parent.import || parent.misplaced != nullptr || parent.misplaced_of != kNone ||
      parent.broken != nullptr || language_.kind(parent.symbol).wrapper) {
    return false;
  }
  // What changes its parent, or asks it.
  if (kind.comment || kind.before_doc || kind.is_doc || kind.is_member || kind.identifier ||
      kind.type_identifier || kind.name_only) {
    return false;
  }
  const uint32_t n_bytes = ts_node_end_byte(node) - ts_node_start_byte(node);
  const bool of_many = ts_node_end_byte(parent.node) - parent.begin >= kManyBytes;
  return n_bytes >= (of_many ? kMinBytesOfMany : kMinBytes) && ts_node_child_count(node) > 0;
}

uint64_t Walker::surroundings(TSNode node, TSSymbol symbol, TSFieldId field) const {
  const Frame& parent = frames_.back();
  Mixer mix;
  mix.add(uint64_t{symbol} << 48 | uint64_t{parent.symbol} << 32 | uint64_t{field} << 16 |
          static_cast<uint64_t>(parent.role) << 8 | uint64_t{parent.has_children} << 0 |
          uint64_t{parent.in_function} << 1 | uint64_t{parent.in_named_function} << 2 |
          uint64_t{parent.definition != kNone} << 3 |
          uint64_t{parent.definition != kNone && facts_.symbols[parent.definition].name.empty()}
              << 4 |
          uint64_t{frames_.size() > 1 && frames_[frames_.size() - 2].name_of != kNone} << 5 |
          uint64_t{frames_.size() > 1} << 6);
  mix.add(uint64_t{parent.container});
  mix.add(parent.name);
  for (uint32_t s = parent.scope; s != kNone; s = facts_.symbols[s].parent) {
    const Symbol& scope = facts_.symbols[s];
    mix.add(static_cast<uint64_t>(scope.kind) + 1);
    // Constructors are called as their class.
    if (row_.constructor_has_class_name && is_class_like(scope.kind)) mix.add(scope.name);
  }
  // The comment that a definition which begins here would take for its own: as doc_before() finds
  // it.
  uint32_t begin = ts_node_start_byte(node), row = ts_node_start_point(node).row;
  for (size_t i = frames_.size(); i >= 1; --i) {
    const Frame& above = frames_[i - 1];
    if (above.comment_end > 0 && above.comment_end <= begin && above.comment_row + 1 >= row) {
      size_t at = above.comment_begin;
      while (at > 0 && text_[at - 1] != '\n' &&
             isspace(static_cast<unsigned char>(text_[at - 1]))) {
        --at;
      }
      mix.add(uint64_t{at > 0 && text_[at - 1] != '\n'} << 1 | uint64_t{above.comment_is_string});
      mix.add(text_.substr(above.comment_begin, above.comment_end - above.comment_begin));
      break;
    }
    if (!language_.kind(above.symbol).wrapper && above.row != row) break;
    if (i == 1 || above.definition != kNone) break;
    begin = above.begin;
    row = above.row;
  }
  return mix.value();
}

bool Walker::take_over_or_record(TSNode node, TSFieldId field, size_t* n_nodes) {
  const TSSymbol symbol = ts_node_symbol(node);
  const KindInfo& kind = language_.kind(symbol);
  if (!may_have_record(frames_.back(), node, kind)) return false;
  WalkRecord fresh;
  fresh.subtree = subtree_of(node);
  fresh.surroundings = surroundings(node, symbol, field);
  if (before_ != nullptr) {
    const WalkRecord* known = before_->find(fresh.subtree);
    if (known != nullptr && known->surroundings == fresh.surroundings &&
        *n_nodes + known->n_nodes <= limits_.max_nodes &&
        facts_.symbols.size() + known->symbols.size() <= limits_.max_symbols &&
        repeat_accesses(*known)) {
      take_over(*known, node);
      *n_nodes += known->n_nodes;
      Frame& parent = frames_.back();
      parent.previous_child = symbol;
      parent.has_children = true;
      return true;
    }
  }
  fresh.begin = ts_node_start_byte(node);
  TSPoint point = ts_node_start_point(node);
  fresh.row = point.row;
  fresh.column = point.column;
  fresh.scope = frames_.back().scope;
  fresh.n_nodes = static_cast<uint32_t>(*n_nodes);
  fresh.symbols.begin = static_cast<uint32_t>(facts_.symbols.size());
  fresh.occurrences.begin = static_cast<uint32_t>(facts_.occurrences.size());
  fresh.imports.begin = static_cast<uint32_t>(facts_.imports.size());
  fresh.embedded.begin = static_cast<uint32_t>(embedded_.size());
  fresh.accesses.begin = static_cast<uint32_t>(memo_->accesses.size());
  open_records_.push_back(
      {static_cast<uint32_t>(memo_->records.size()), static_cast<uint32_t>(frames_.size())});
  memo_->records.push_back(fresh);
  return false;
}

void Walker::close_record(size_t n_nodes) {
  WalkRecord& record = memo_->records[open_records_.back().record];
  open_records_.pop_back();
  record.n_nodes = static_cast<uint32_t>(n_nodes) - record.n_nodes;
  record.symbols.end = static_cast<uint32_t>(facts_.symbols.size());
  record.occurrences.end = static_cast<uint32_t>(facts_.occurrences.size());
  record.imports.end = static_cast<uint32_t>(facts_.imports.size());
  record.embedded.end = static_cast<uint32_t>(embedded_.size());
  record.accesses.end = static_cast<uint32_t>(memo_->accesses.size());
  record.records_end = static_cast<uint32_t>(memo_->records.size());
}

void Walker::looked_outside(size_t frame_index) {
  for (size_t i = open_records_.size(); i-- > 0 && open_records_[i].frame > frame_index;) {
    memo_->records[open_records_[i].record].subtree = nullptr;
  }
}

void Walker::changed_outside(uint32_t symbol) {
  for (size_t i = open_records_.size(); i-- > 0;) {
    WalkRecord& record = memo_->records[open_records_[i].record];
    if (record.symbols.begin <= symbol) break;
    record.subtree = nullptr;
  }
}

// The scope of this walk that a scope outside the record's node was: both chains are alike, or the
// surroundings would differ.
uint32_t Walker::outer_scope(const WalkRecord& record, uint32_t scope) const {
  uint32_t now = frames_.back().scope;
  for (uint32_t then = record.scope; then != scope && then != kNone && now != kNone;) {
    then = before_->facts.symbols[then].parent;
    now = facts_.symbols[now].parent;
  }
  return scope == kNone ? kNone : now;
}

// False, and nothing done, when a look would see something else than it did.
bool Walker::repeat_accesses(const WalkRecord& record) {
  added_.clear();
  for (uint32_t i = record.accesses.begin; i < record.accesses.end; ++i) {
    const ScopeAccess& access = before_->accesses[i];
    if (access.scope != kNone && access.scope >= record.symbols.begin) continue;  // inside
    uint64_t key = uint64_t{outer_scope(record, access.scope)} << 32 | access.name;
    bool found;
    if (access.kind == ScopeAccess::Kind::look) {
      found = defined_.contains(key);
    } else {
      found = !defined_.insert(key).second;
      if (!found) added_.push_back(key);
    }
    if (access.kind != ScopeAccess::Kind::add && found != access.found) {
      for (uint64_t back : added_) defined_.erase(back);
      return false;
    }
  }
  return true;
}

void Walker::take_over(const WalkRecord& record, TSNode node) {
  const uint32_t bytes = ts_node_start_byte(node) - record.begin;  // wraps when it moved forward
  const TSPoint point = ts_node_start_point(node);
  const uint32_t around = frames_.back().scope;
  const auto first_symbol = static_cast<uint32_t>(facts_.symbols.size());
  const uint32_t symbols = first_symbol - record.symbols.begin;
  const auto occurrences =
      static_cast<uint32_t>(facts_.occurrences.size()) - record.occurrences.begin;
  const auto imports = static_cast<uint32_t>(facts_.imports.size()) - record.imports.begin;
  const auto embedded = static_cast<uint32_t>(embedded_.size()) - record.embedded.begin;
  const auto accesses = static_cast<uint32_t>(memo_->accesses.size()) - record.accesses.begin;
  auto moved_scope = [&](uint32_t scope) {
    if (scope == kNone) return kNone;
    if (scope >= record.symbols.begin) return scope + symbols;
    return scope == record.scope ? around : outer_scope(record, scope);
  };

  for (uint32_t i = record.symbols.begin; i < record.symbols.end; ++i) {
    Symbol& symbol = facts_.symbols.emplace_back(std::move(before_->facts.symbols[i]));
    // The parent stays readable where it was: outer_scope() walks over it.
    symbol.parent = moved_scope(symbol.parent);
    symbol.begin += bytes;
    symbol.end += bytes;
    symbol.name_begin += bytes;
    symbol.name_end += bytes;
    if (row_.max_symbols != 0) count_symbol(symbol.parent);
  }
  for (uint32_t i = record.occurrences.begin; i < record.occurrences.end; ++i) {
    Occurrence o = before_->facts.occurrences[i];
    o.begin += bytes;
    o.end += bytes;
    o.scope = moved_scope(o.scope);
    facts_.occurrences.push_back(o);
  }
  for (uint32_t i = record.imports.begin; i < record.imports.end; ++i) {
    Import& import = facts_.imports.emplace_back(std::move(before_->facts.imports[i]));
    import.begin += bytes;
    import.end += bytes;
  }
  for (uint32_t i = record.embedded.begin; i < record.embedded.end; ++i) {
    EmbeddedText& text = embedded_.emplace_back(std::move(before_->embedded[i]));
    text.scope = moved_scope(text.scope);
    for (TSRange& range : text.ranges) {
      range.start_byte += bytes;
      range.end_byte += bytes;
      for (TSPoint* p : {&range.start_point, &range.end_point}) {
        if (p->row == record.row) p->column += point.column - record.column;
        p->row += point.row - record.row;
      }
    }
  }
  for (uint32_t i = record.accesses.begin; i < record.accesses.end; ++i) {
    ScopeAccess access = before_->accesses[i];
    access.scope = moved_scope(access.scope);
    memo_->accesses.push_back(access);
  }
  const auto first = static_cast<uint32_t>(&record - before_->records.data());
  const uint32_t records = static_cast<uint32_t>(memo_->records.size()) - first;
  auto move_stretch = [](Stretch& stretch, uint32_t by) {
    stretch.begin += by;
    stretch.end += by;
  };
  for (uint32_t i = first; i < record.records_end; ++i) {
    WalkRecord inner = before_->records[i];
    if (inner.row == record.row) inner.column += point.column - record.column;
    inner.row += point.row - record.row;
    inner.begin += bytes;
    inner.scope = moved_scope(inner.scope);
    move_stretch(inner.symbols, symbols);
    move_stretch(inner.occurrences, occurrences);
    move_stretch(inner.imports, imports);
    move_stretch(inner.embedded, embedded);
    move_stretch(inner.accesses, accesses);
    inner.records_end += records;
    memo_->records.push_back(inner);
  }
}

}  // namespace engramd::repoindex
