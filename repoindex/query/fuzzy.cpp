// Fuzzy search over the names of definitions: a scan over the distinct names with a letter mask,
// a subsequence match with bonuses for word starts, then the definitions of the best names.
#include <algorithm>
#include <array>
#include <unordered_map>

#include "repoindex/query/fuzzy.h"
#include "repoindex/query/resolve.h"
#include "repoindex/store/record.h"

namespace engramd::repoindex {

namespace {

// Classes of bytes, from a table: the C library's are calls that look at the locale, and were half
// of the time of a scan.
struct ByteTables {
  std::array<char, 256> folded{};
  std::array<bool, 256> upper{}, lower{}, separator{};
};
constexpr ByteTables make_tables() {
  ByteTables t;
  for (int c = 0; c < 256; ++c) {
    auto i = static_cast<size_t>(c);
    t.upper[i] = c >= 'A' && c <= 'Z';
    t.lower[i] = c >= 'a' && c <= 'z';
    t.folded[i] = static_cast<char>(t.upper[i] ? c + 32 : c);
  }
  for (char c : {'_', '.', '-', '$', '~'}) t.separator[static_cast<unsigned char>(c)] = true;
  return t;
}
constexpr ByteTables kBytes = make_tables();

char folded(char c) {
  return kBytes.folded[static_cast<unsigned char>(c)];
}
bool is_upper(char c) {
  return kBytes.upper[static_cast<unsigned char>(c)];
}

bool starts_word(std::string_view name, size_t i) {
  if (i == 0) return true;
  if (kBytes.separator[static_cast<unsigned char>(name[i - 1])]) return true;
  if (!is_upper(name[i])) return false;
  return !is_upper(name[i - 1]) ||
         (i + 1 < name.size() && kBytes.lower[static_cast<unsigned char>(name[i + 1])]);
}

// Higher is better; 0: no match. Greedy in two tries: one that prefers word starts, one that takes
// the first letters that fit.
int match_once(std::string_view name, std::string_view query, bool prefer_words) {
  int score = 0;
  size_t at = 0, last = std::string_view::npos;
  for (char wanted : query) {
    const char letter = folded(wanted);
    size_t found = std::string_view::npos;
    for (size_t i = at; i < name.size(); ++i) {
      if (folded(name[i]) != letter) continue;
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

}  // namespace

int fuzzy_match(std::string_view name, std::string_view query) {
  // The first letters that fit are found whenever the query is a subsequence of the name at all.
  int score = match_once(name, query, false);
  if (score == 0) return 0;
  score = std::max(score, match_once(name, query, true));
  if (name.size() == query.size()) score += name == query ? 60 : 40;
  score -= static_cast<int>(std::min<size_t>(name.size() - query.size(), 30)) / 2;
  return std::max(score, 1);
}

namespace {

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

constexpr size_t kMaxAlone = 3;

struct Scored {
  std::string_view name;
  int score;
};

// Drops what cannot be among the best n, looking at scores alone: a letter typed matches most names
// of a repository, and sorting them by name to break ties took as long as finding them.
void drop_below_best(std::vector<Scored>& names, size_t n) {
  std::vector<uint32_t> n_of_score;
  for (const Scored& s : names) {
    auto score = static_cast<size_t>(s.score);
    if (score >= n_of_score.size()) n_of_score.resize(score + 1);
    ++n_of_score[score];
  }
  size_t least = n_of_score.size(), n_kept = 0;
  while (least > 0 && n_kept < n) n_kept += n_of_score[--least];
  std::erase_if(names, [&](const Scored& s) { return static_cast<size_t>(s.score) < least; });
}

}  // namespace

std::vector<SymbolHit> workspace_symbols(const View& view, std::string_view query, size_t limit,
                                         const CancelToken& cancel) {
  query = trim(query).substr(0, 128);
  std::string compact;
  for (char c : query) {
    if (c != ' ') compact += c;
  }
  std::vector<Scored> names;
  uint64_t wanted = letter_bits(compact);
  size_t n = 0;
  auto consider = [&](std::string_view name, uint64_t letters) {
    if ((++n & 0xFFF) == 0 && cancel.cancelled()) return false;
    if ((wanted & ~letters) != 0) return true;
    int score = compact.empty() ? 1 : fuzzy_match(name, compact);
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
  drop_below_best(names, keep);
  std::partial_sort(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(keep), names.end(),
                    better);
  names.resize(keep);
  names.erase(std::unique(names.begin(), names.end(),
                          [](const Scored& a, const Scored& b) { return a.name == b.name; }),
              names.end());

  // Postings are enough to rank by; only what is answered is loaded.
  struct Candidate {
    const std::string* path;
    const FileEntry* file;  // null: of the overlay
    uint32_t symbol;
    int score;
  };
  std::vector<Candidate> candidates;
  auto add = [&](const std::string& path, const FileEntry* file, uint32_t symbol, int score,
                 SymbolKind kind, bool is_declaration) {
    candidates.push_back(
        {&path, file, symbol, score + kind_bonus(kind) - (is_declaration ? 3 : 0)});
  };
  for (const Scored& scored : names) {
    if (cancel.cancelled() || candidates.size() > limit * 4 + 256) break;
    size_t n_of_name = 0;
    if (view.overlay != nullptr) {
      for (const auto& [path, document] : *view.overlay) {
        if (document.facts == nullptr) continue;
        const std::vector<Symbol>& symbols = document.facts->symbols;
        for (uint32_t s = 0; s < symbols.size() && n_of_name < limit; ++s) {
          if (symbols[s].local || symbols[s].name != scored.name) continue;
          add(path, nullptr, s, scored.score, symbols[s].kind, symbols[s].is_declaration);
          ++n_of_name;
        }
      }
    }
    if (view.snapshot == nullptr || n_of_name >= limit) continue;
    view.snapshot->definitions(scored.name, [&](const DefinitionRef& ref) {
      if (view.overlay != nullptr && view.overlay->count(ref.file->path) != 0) return true;
      add(ref.file->path, ref.file, ref.symbol, scored.score, ref.kind, ref.is_declaration);
      return ++n_of_name < limit;
    });
  }
  std::stable_sort(candidates.begin(), candidates.end(), [](const auto& a, const auto& b) {
    return a.score != b.score ? a.score > b.score : *a.path < *b.path;
  });
  // One symbol alone is cheaper than all facts of its file, several of one file are not.
  std::unordered_map<const FileEntry*, size_t> n_of_file;
  for (size_t i = 0; i < candidates.size() && i < limit; ++i) ++n_of_file[candidates[i].file];
  Resolver resolver(view);
  std::vector<SymbolHit> out;
  for (const Candidate& c : candidates) {
    if (out.size() >= limit || cancel.cancelled()) break;
    if (c.file != nullptr && n_of_file[c.file] <= kMaxAlone) {
      if (auto card = view.snapshot->symbol(*c.file, c.symbol)) {
        out.push_back(hit_of(*c.path, std::move(*card)));
        continue;
      }
    }
    FileFactsPtr facts = view.facts(*c.path);
    if (facts == nullptr || c.symbol >= facts->symbols.size()) continue;
    out.push_back(resolver.hit({*c.path, std::move(facts), c.symbol, Confidence::possible}));
  }
  return out;
}

}  // namespace engramd::repoindex
