// Definitions that are near, when nothing but the name is known.
//
// A bare name cannot be a member, what stands behind a dot cannot be a function outside a class,
// and other languages' names are not meant. The postings tell all that choosing needs.
#include <algorithm>

#include "repoindex/query/project/paths.h"
#include "repoindex/query/resolve.h"
#include "repoindex/store/record.h"

namespace engramd::repoindex {

namespace {
constexpr size_t kMaxLists = 64;  // of names that one question remembers
}

const Resolver::Named& Resolver::named(std::string_view name, std::string_view language,
                                       bool bare) {
  std::string key = std::string(name) + '\n' + std::string(language) + (bare ? "\n" : "");
  if (auto known = named_.find(key); known != named_.end()) return known->second;
  if (named_.size() >= kMaxLists) {
    named_.clear();
    nearest_ = {};
  }
  Named& out = named_[std::move(key)];
  auto add = [&](const Guess& guess, SymbolKind kind, std::string_view its_language) {
    bool may_be =
        !bare || guess.is_top_level || kind == SymbolKind::enum_member || is_class_like(kind);
    if (!may_be || !same_family(its_language, language)) return;
    out.any_member = out.any_member || !guess.is_top_level;
    out.all.push_back(guess);
  };
  if (view_.overlay != nullptr) {
    for (const auto& [path, document] : *view_.overlay) {
      if (document.facts == nullptr) continue;
      const FileFacts& facts = *document.facts;
      for (uint32_t s = 0; s < facts.symbols.size() && out.all.size() < kMaxGuesses; ++s) {
        const Symbol& symbol = facts.symbols[s];
        if (symbol.local || symbol.name != name) continue;
        add({path, nullptr, s, symbol.is_declaration, repoindex::is_top_level(facts, symbol),
             !owner_of(facts, symbol).empty()},
            symbol.kind, facts.language);
      }
    }
  }
  if (view_.snapshot == nullptr) return out;
  view_.snapshot->definitions(name, [&](const DefinitionRef& ref) {
    if (out.all.size() >= kMaxGuesses) return false;
    if (!hidden(*ref.file)) {
      add({ref.file->path, ref.file, ref.symbol, ref.is_declaration, ref.is_top_level,
           ref.has_owner},
          ref.kind, view_.snapshot->summary(*ref.file).language);
    }
    return true;
  });
  return out;
}

const std::vector<const Guess*>& Resolver::nearest_named(const std::string& path,
                                                         std::string_view language,
                                                         std::string_view name, bool bare) {
  if (nearest_.path == path && nearest_.name == name && nearest_.bare == bare) {
    return nearest_.guesses;
  }
  const Named& named_so = named(name, language, bare);
  std::vector<std::pair<size_t, size_t>> near;  // how near, which
  near.reserve(named_so.all.size());
  for (size_t i = 0; i < named_so.all.size(); ++i) {
    const Guess& guess = named_so.all[i];
    size_t score = 2 * shared_prefix(guess.path, path) + (guess.is_declaration ? 0 : 1);
    if (!bare && !guess.is_top_level) score += 10000;  // a member rather than what has its name
    near.emplace_back(score, i);
  }
  // By path where they are equally near: the order of the postings is that in which files happened
  // to be parsed.
  auto by_path = [&](size_t a, size_t b) {
    const Guess &x = named_so.all[a], &y = named_so.all[b];
    return x.path != y.path ? x.path < y.path : x.symbol < y.symbol;
  };
  size_t n_kept = std::min(near.size(), kMaxGuessesRead);
  std::partial_sort(near.begin(), near.begin() + static_cast<ptrdiff_t>(n_kept), near.end(),
                    [&](const auto& x, const auto& y) {
                      return x.first != y.first ? x.first > y.first : by_path(x.second, y.second);
                    });
  near.resize(n_kept);
  std::sort(near.begin(), near.end(),
            [&](const auto& x, const auto& y) { return by_path(x.second, y.second); });
  nearest_ = {path, std::string(name), bare, {}};
  std::vector<const Guess*>& out = nearest_.guesses;
  for (const auto& [score, i] : near) out.push_back(&named_so.all[i]);
  if (!bare && named_so.any_member) {
    auto owned = [](const Guess* guess) { return guess->has_owner; };
    if (std::any_of(out.begin(), out.end(), owned)) std::erase_if(out, std::not_fn(owned));
  }
  return out;
}

bool Resolver::may_guess(const std::string& path, const FileFactsPtr& facts,
                         const Occurrence& occurrence) {
  // Behind std:: and the like, of which the repository defines nothing.
  if (occurrence.receiver != kNone && facts->language == "cpp") {
    const std::string& receiver = facts->names[occurrence.receiver];
    bool call = receiver.size() > 2 && receiver.back() == ')';
    bool known = receiver.empty() || call || receiver == "this" || !by_name(receiver, 1).empty() ||
                 !plain_name(path, facts, receiver, occurrence.scope, occurrence.begin, 1).empty();
    if (!known) is_foreign_ = true;
    if (!known) return false;
  }
  return ++n_steps_ <= kMaxSteps;
}

// C and C++ link by name: one body is very probably the one.
void Resolver::trust_only_body(const FileFacts& facts, const Occurrence& occurrence,
                               std::vector<Found>* found) {
  bool bare = occurrence.receiver == kNone;
  if (!bare || !is_c_family(facts.language)) return;
  auto n_bodies = std::count_if(found->begin(), found->end(),
                                [](const Found& f) { return !f.get().is_declaration; });
  bool all_seen =
      named(facts.names[occurrence.name], facts.language, bare).all.size() <= kMaxGuessesRead;
  if (n_bodies != 1 || !all_seen) return;
  for (Found& f : *found) f.confidence = Confidence::likely;
}

std::vector<Found> Resolver::guesses(const std::string& path, const FileFactsPtr& facts,
                                     const Occurrence& occurrence) {
  if (!may_guess(path, facts, occurrence)) return {};
  std::vector<Found> found;
  for (const Guess* guess : nearest_named(path, facts->language, facts->names[occurrence.name],
                                          occurrence.receiver == kNone)) {
    std::string there(guess->path);
    FileFactsPtr its_facts =
        guess->file != nullptr ? view_.snapshot->facts(*guess->file) : view_.facts(there);
    if (its_facts == nullptr || guess->symbol >= its_facts->symbols.size()) continue;
    found.push_back({std::move(there), std::move(its_facts), guess->symbol});
  }
  trust_only_body(*facts, occurrence, &found);
  rank(path, facts, occurrence, &found);
  return found;
}

std::vector<SymbolHit> Resolver::resolve_hits(const std::string& path, const FileFactsPtr& facts,
                                              const Occurrence& occurrence, size_t limit) {
  std::vector<Found> found;
  std::unordered_map<const FileFacts*, SymbolCard> cards;  // of facts with nothing but the symbol
  bool guessed = !resolve_known(path, facts, occurrence, &found);
  if (guessed && may_guess(path, facts, occurrence)) {
    for (const Guess* guess : nearest_named(path, facts->language, facts->names[occurrence.name],
                                            occurrence.receiver == kNone)) {
      std::string there(guess->path);
      if (guess->file != nullptr) {
        if (auto card = view_.snapshot->symbol(*guess->file, guess->symbol)) {
          auto alone = std::make_shared<FileFacts>();
          alone->language = view_.snapshot->summary(*guess->file).language;
          alone->symbols.push_back(card->symbol);
          alone->symbols[0].parent = kNone;
          cards.emplace(alone.get(), std::move(*card));
          found.push_back({std::move(there), std::move(alone), 0});
          continue;
        }
      }
      FileFactsPtr its_facts = view_.facts(there);
      if (its_facts == nullptr || guess->symbol >= its_facts->symbols.size()) continue;
      found.push_back({std::move(there), std::move(its_facts), guess->symbol});
    }
    trust_only_body(*facts, occurrence, &found);
    rank(path, facts, occurrence, &found);
  }
  std::vector<SymbolHit> out;
  for (const Found& f : found) {
    if (out.size() >= limit) break;
    auto card = cards.find(f.facts.get());
    out.push_back(card == cards.end() ? hit(f) : hit_of(f.path, std::move(card->second)));
    out.back().confidence = f.confidence;
  }
  return out;
}

}  // namespace engramd::repoindex
