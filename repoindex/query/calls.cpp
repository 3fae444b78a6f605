// The call hierarchy: calls of a function grouped by who calls, and the calls that a function
// makes grouped by what is called.
#include <algorithm>
#include <map>

#include "repoindex/hierarchy.h"
#include "repoindex/query/references.h"
#include "repoindex/query/symbol_key.h"

namespace engramd::repoindex {

namespace {

constexpr size_t kMaxCallables = 20;     // that one name means
constexpr size_t kMaxCallsRead = 10000;  // of one function's body

bool is_function(SymbolKind kind) {
  return kind == SymbolKind::function || kind == SymbolKind::method ||
         kind == SymbolKind::constructor || kind == SymbolKind::macro;
}

// The innermost function around, else the innermost class, else the file.
uint32_t caller_of(const FileFacts& facts, uint32_t scope) {
  uint32_t type = kNone;
  for (int n = 0; scope != kNone && n < 50; scope = facts.symbols[scope].parent, ++n) {
    const Symbol& symbol = facts.symbols[scope];
    if (is_function(symbol.kind)) return scope;
    if (type == kNone && is_class_like(symbol.kind)) type = scope;
  }
  return type;
}

uint32_t scope_at(const FileFacts& facts, uint32_t begin, uint32_t end) {
  auto it = std::lower_bound(facts.occurrences.begin(), facts.occurrences.end(), begin,
                             [](const Occurrence& o, uint32_t at) { return o.begin < at; });
  for (; it != facts.occurrences.end() && it->begin == begin; ++it) {
    if (it->end == end) return it->scope;
  }
  return kNone;
}

std::vector<Found> best_callables(const std::vector<Found>& found) {
  std::vector<Found> out;
  for (const Found& f : found) {
    if (f.symbol == kNone || !is_callable(f.get().kind)) continue;
    if (f.confidence == Confidence::possible || out.size() >= kMaxCallables) continue;
    out.push_back(f);
  }
  // A prototype beside its body is the same function.
  bool body =
      std::any_of(out.begin(), out.end(), [](const Found& f) { return !f.get().is_declaration; });
  if (body) std::erase_if(out, [](const Found& f) { return f.get().is_declaration; });
  return out;
}

// What a call of the definition may be written as: a constructor is called by its class's name.
std::vector<Sought> sought_of(const View& view, Resolver& resolver, const Found& function) {
  const Occurrence* own = occurrence_at(*function.facts, function.get().name_begin);
  std::vector<Found> meant = {function};
  // With the prototype of the body, and the body of the prototype.
  if (own != nullptr && own->role == Role::definition) {
    append_new(meant, meant_by(resolver, function.path, function.facts, *own));
  }
  std::vector<Sought> out = {{function.get().name, meant, function.path, false}};
  if (function.get().kind == SymbolKind::constructor) {
    for (Found& type : resolver.class_around(function.path, function.facts, function.symbol, 0)) {
      if (type.get().name == function.get().name) {
        out[0].meant.push_back(std::move(type));
      } else {
        std::string name = type.get().name;
        out.push_back({std::move(name), {std::move(type)}, function.path, false});
      }
      break;
    }
  }
  (void)view;
  return out;
}

}  // namespace

std::vector<SymbolHit> callables_at(const View& view, const std::string& path, size_t offset) {
  FileFactsPtr facts = view.facts(path);
  if (facts == nullptr) return {};
  const Occurrence* asked = occurrence_at(*facts, offset);
  if (asked == nullptr) return {};
  Resolver resolver(view);
  std::vector<SymbolHit> out;
  for (const Found& f : best_callables(meant_by(resolver, path, facts, *asked))) {
    out.push_back(resolver.hit(f));
  }
  return out;
}

std::vector<CallHit> incoming_calls(const View& view, const SymbolKey& key, size_t limit,
                                    const CancelToken& cancel) {
  std::optional<Found> function = found_by_key(view, key);
  if (!function || function->symbol == kNone || !is_callable(function->get().kind)) return {};
  Resolver resolver(view);
  std::vector<CallHit> out;
  std::map<std::pair<std::string, uint32_t>, size_t> by_caller;
  size_t n_calls = 0;
  auto take = [&](std::vector<ReferenceHit>&& hits) {
    FileFactsPtr facts = view.facts(hits[0].place.path);
    if (facts == nullptr) return true;
    for (ReferenceHit& hit : hits) {
      if (hit.role != Role::call || hit.confidence == Confidence::possible) continue;
      uint32_t caller =
          caller_of(*facts, scope_at(*facts, static_cast<uint32_t>(hit.place.range.begin),
                                     static_cast<uint32_t>(hit.place.range.end)));
      auto [it, added] = by_caller.try_emplace({hit.place.path, caller}, out.size());
      if (added) {
        out.push_back({resolver.hit({hit.place.path, facts, caller, hit.confidence}), {}});
      }
      out[it->second].at.push_back(std::move(hit));
      if (++n_calls >= limit) return false;
    }
    return true;
  };
  for (const Sought& sought : sought_of(view, resolver, *function)) {
    for_each_use(view, sought, cancel, take);
  }
  return out;
}

std::vector<CallHit> outgoing_calls(const View& view, const SymbolKey& key,
                                    const CancelToken& cancel) {
  std::optional<Found> function = found_by_key(view, key);
  if (!function) return {};
  const FileFacts& facts = *function->facts;
  if (function->symbol != kNone && function->get().is_declaration) {
    Resolver resolver(view);
    std::vector<Found> bodies =
        is_c_family(facts.language) ? resolver.bodies_of(*function) : std::vector<Found>();
    if (bodies.empty()) return {};
    function = bodies[0];
  }
  const FileFactsPtr& there = function->facts;
  Resolver resolver(view);
  std::vector<CallHit> out;
  std::map<std::pair<std::string, uint32_t>, size_t> by_target;
  size_t n_calls = 0;
  uint32_t begin = 0, end = kNone;
  if (function->symbol != kNone) {
    begin = function->get().begin;
    end = function->get().end;
  }
  auto it = std::lower_bound(there->occurrences.begin(), there->occurrences.end(), begin,
                             [](const Occurrence& o, uint32_t at) { return o.begin < at; });
  for (; it != there->occurrences.end() && it->begin < end; ++it) {
    if (it->role != Role::call || caller_of(*there, it->scope) != function->symbol) continue;
    if (cancel.cancelled() || ++n_calls > kMaxCallsRead) break;
    std::vector<Found> called = best_callables(meant_by(resolver, function->path, there, *it));
    if (called.empty()) continue;
    const Found& target = called[0];
    auto [known, added] = by_target.try_emplace({target.path, target.symbol}, out.size());
    if (added) out.push_back({resolver.hit(target), {}});
    out[known->second].at.push_back({resolver.place(function->path, *there, it->begin, it->end),
                                     Role::call, target.confidence});
  }
  return out;
}

}  // namespace engramd::repoindex
