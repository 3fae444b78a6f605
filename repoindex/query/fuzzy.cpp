// Fuzzy search over the names of definitions: a scan over the distinct names with a letter mask,
// a subsequence match with bonuses for word starts, then the definitions of the best names.
#include <algorithm>

#include "repoindex/query/resolve.h"

namespace engramd::repoindex {

namespace {

char folded(char c) {
  return static_cast<char>(tolower(static_cast<unsigned char>(c)));
}

bool starts_word(std::string_view name, size_t i) {
  if (i == 0) return true;
  char before = name[i - 1], here = name[i];
  if (before == '_' || before == '.' || before == '-' || before == '$' || before == '~')
    return true;
  return isupper(static_cast<unsigned char>(here)) &&
         (!isupper(static_cast<unsigned char>(before)) ||
          (i + 1 < name.size() && islower(static_cast<unsigned char>(name[i + 1]))));
}

// Higher is better; 0: no match. Greedy in two tries: one that prefers word starts, one that takes
// the first letters that fit.
int match_once(std::string_view name, std::string_view query, bool prefer_words) {
  int score = 0;
  size_t at = 0, last = std::string_view::npos;
  for (char wanted : query) {
    size_t found = std::string_view::npos;
    for (size_t i = at; i < name.size(); ++i) {
      if (folded(name[i]) != folded(wanted)) continue;
      bool adjacent = last != std::string_view::npos && i == last + 1;
      if (!prefer_words || adjacent || starts_word(name, i)) {
        found = i;
        break;
      }
      if (found == std::string_view::npos) found = i;
    }
    if (found == std::string_view::npos) return 0;
    score += 4;
    if (last != std::string_view::npos && found == last + 1) score += 8;
    if (starts_word(name, found)) score += 10;
    if (name[found] == wanted) score += 1;
    last = found;
    at = found + 1;
  }
  return score;
}

int match(std::string_view name, std::string_view query) {
  int score = std::max(match_once(name, query, true), match_once(name, query, false));
  if (score == 0) return 0;
  if (name.size() == query.size()) score += name == query ? 60 : 40;
  score -= static_cast<int>(std::min<size_t>(name.size() - query.size(), 30)) / 2;
  return std::max(score, 1);
}

int kind_bonus(SymbolKind kind) {
  switch (kind) {
    case SymbolKind::class_:
    case SymbolKind::struct_:
    case SymbolKind::interface_:
    case SymbolKind::enum_:
      return 6;
    case SymbolKind::function:
    case SymbolKind::method:
    case SymbolKind::constructor:
      return 4;
    case SymbolKind::key:
    case SymbolKind::heading:
      return -12;
    default:
      return 0;
  }
}

}  // namespace

std::vector<SymbolHit> workspace_symbols(const View& view, std::string_view query, size_t limit,
                                         const CancelToken& cancel) {
  query = trim(query).substr(0, 128);
  std::string compact;
  for (char c : query) {
    if (c != ' ') compact += c;
  }
  struct Scored {
    std::string_view name;
    int score;
  };
  std::vector<Scored> names;
  uint64_t wanted = letter_bits(compact);
  size_t n = 0;
  auto consider = [&](std::string_view name, uint64_t letters) {
    if ((++n & 0xFFF) == 0 && cancel.cancelled()) return false;
    if ((wanted & ~letters) != 0) return true;
    int score = compact.empty() ? 1 : match(name, compact);
    if (score > 0) names.push_back({name, score});
    return true;
  };
  if (view.snapshot != nullptr) view.snapshot->for_each_defined_name(consider, wanted);
  if (view.overlay != nullptr) {
    for (const auto& [path, document] : *view.overlay) {
      if (document.facts == nullptr) continue;
      for (const Symbol& symbol : document.facts->symbols) {
        if (!symbol.local) consider(symbol.name, letter_bits(symbol.name));
      }
    }
  }
  auto better = [](const Scored& a, const Scored& b) {
    return a.score != b.score ? a.score > b.score : a.name < b.name;
  };
  size_t keep = std::min(names.size(), limit * 4 + 64);
  std::partial_sort(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(keep), names.end(),
                    better);
  names.resize(keep);
  names.erase(std::unique(names.begin(), names.end(),
                          [](const Scored& a, const Scored& b) { return a.name == b.name; }),
              names.end());

  Resolver resolver(view);
  // The postings tell enough to rank by; facts are loaded for the answers only.
  struct Candidate {
    Found found;  // facts: null until it is an answer
    const FileEntry* file;
    int score;
  };
  std::vector<Candidate> candidates;
  for (const Scored& scored : names) {
    if (cancel.cancelled() || candidates.size() > limit * 4 + 256) break;
    auto add = [&](Found found, const FileEntry* file, SymbolKind kind, bool is_declaration) {
      int score = scored.score + kind_bonus(kind) - (is_declaration ? 3 : 0);
      candidates.push_back({std::move(found), file, score});
    };
    size_t most = candidates.size() + limit;
    if (view.overlay != nullptr) {
      for (const auto& [path, document] : *view.overlay) {
        if (document.facts == nullptr) continue;
        for (uint32_t s = 0; s < document.facts->symbols.size() && candidates.size() < most; ++s) {
          const Symbol& symbol = document.facts->symbols[s];
          if (symbol.local || symbol.name != scored.name) continue;
          add({path, document.facts, s}, nullptr, symbol.kind, symbol.is_declaration);
        }
      }
    }
    if (view.snapshot == nullptr) continue;
    view.snapshot->definitions(scored.name, [&](DefinitionRef ref) {
      if (view.overlay == nullptr || view.overlay->count(ref.file->path) == 0) {
        add({ref.file->path, nullptr, ref.symbol}, ref.file, ref.kind, ref.is_declaration);
      }
      return candidates.size() < most;
    });
  }
  std::stable_sort(candidates.begin(), candidates.end(), [](const auto& a, const auto& b) {
    return a.score != b.score ? a.score > b.score : a.found.path < b.found.path;
  });
  std::vector<SymbolHit> out;
  for (Candidate& c : candidates) {
    if (out.size() >= limit) break;
    if (c.file != nullptr) c.found.facts = view.snapshot->facts(*c.file);
    if (c.found.facts == nullptr || c.found.symbol >= c.found.facts->symbols.size()) continue;
    out.push_back(resolver.hit(c.found));
  }
  return out;
}

}  // namespace engramd::repoindex
