// repoindex/parse/walk_memo.h - what a walk leaves behind, so that the walk after an edit visits
// only what the edit touched. Inside parse/ only. Belongs to one open document; one thread.
//
// An incremental parse keeps every subtree that no edit touched. A walk with a memo notes, for each
// larger node, which stretch of symbols, occurrences and imports came of it (a WalkRecord). When
// the next walk meets the same subtree again in the same surroundings, it takes the stretch over,
// moved to its new place, instead of going in.
//
// What must stay true: facts with a memo are those without one. What the walk below a node reads of
// the rest of the file is therefore in one of three places, and whatever adds a read must add it
// there too:
//   - the fingerprint: what is around the node (Walker::surroundings), compared before taking over;
//   - the accesses: which names were defined in scopes outside the node, made again in order;
//   - Walker::looked_outside and Walker::changed_outside: anything else, rare, which makes the
//     nodes that are open at that time go without a record.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "repoindex/parse/embedded.h"

namespace engramd::repoindex {

// Half-open stretch of one of the vectors below.
struct Stretch {
  uint32_t begin = 0, end = 0;
  uint32_t size() const { return end - begin; }
};

struct WalkRecord {
  const void* subtree = nullptr;  // null: not to be taken over
  uint64_t surroundings = 0;
  uint32_t begin = 0, row = 0, column = 0;  // of the node
  uint32_t scope = kNone;                   // around it
  uint32_t n_nodes = 0;
  Stretch symbols, occurrences, imports, embedded, accesses;
  uint32_t records_end = 0;  // of those inside it, which follow it
};

// One look into, or change of, the set of names that a scope defines.
struct ScopeAccess {
  enum class Kind : uint8_t { add, add_if_new, look };
  uint32_t scope = kNone, name = 0;
  Kind kind = Kind::add;
  bool found = false;  // what add_if_new and look saw
};

struct WalkMemo {
  FileFacts facts;  // as walked: with nameless definitions, and all names since the memo is kept
  std::vector<EmbeddedText> embedded;
  std::vector<WalkRecord> records;  // a node before those in it, in the order of the text
  std::vector<ScopeAccess> accesses;
  std::unordered_map<std::string_view, uint32_t> name_ids;  // of facts.names; views into made
  std::deque<std::string> made;
  uint32_t n_nodes = 0;

  void index_records();
  const WalkRecord* find(const void* subtree) const;

 private:
  std::vector<uint32_t> by_subtree_;  // open addressing, a power of two in size
};

}  // namespace engramd::repoindex
