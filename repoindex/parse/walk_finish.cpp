// From what a walk found to the facts of the file: nameless definitions go, occurrences are sorted
// and names numbered, and what the walk does not see is added (embedded texts, masked macros).
#include <algorithm>
#include <unordered_map>

#include "repoindex/parse/errors.h"
#include "repoindex/parse/lexical.h"
#include "repoindex/parse/walk.h"
#include "repoindex/parse/walker.h"

namespace engramd::repoindex {

namespace {

// Definitions without a name (an error in the text, a computed key) go; what they enclose moves to
// the next one out.
void drop_nameless(FileFacts& facts, std::vector<EmbeddedText>& embedded) {
  std::vector<uint32_t> new_index(facts.symbols.size(), kNone);
  uint32_t kept = 0;
  for (size_t i = 0; i < facts.symbols.size(); ++i) {
    Symbol& symbol = facts.symbols[i];
    uint32_t parent = symbol.parent == kNone ? kNone : new_index[symbol.parent];
    if (symbol.name.empty()) {
      new_index[i] = parent;
      continue;
    }
    symbol.parent = parent;
    new_index[i] = kept;
    if (kept != i) facts.symbols[kept] = std::move(symbol);
    ++kept;
  }
  if (kept == facts.symbols.size()) return;
  facts.symbols.resize(kept);
  for (Occurrence& o : facts.occurrences) {
    if (o.scope != kNone) o.scope = new_index[o.scope];
  }
  for (EmbeddedText& e : embedded) {
    if (e.scope != kNone) e.scope = new_index[e.scope];
  }
}

// Nearly sorted already: a definition's name can come after its qualifier's. So each is moved to
// its place, until that turns out to be far.
void sort_by_begin(std::vector<Occurrence>& occurrences) {
  size_t moves = 0;
  const size_t max_moves = 64 + 8 * occurrences.size();
  for (size_t i = 1; i < occurrences.size(); ++i) {
    if (occurrences[i - 1].begin <= occurrences[i].begin) continue;
    Occurrence moved = occurrences[i];
    size_t at = i;
    for (; at > 0 && moved.begin < occurrences[at - 1].begin; --at) {
      occurrences[at] = occurrences[at - 1];
      ++moves;
    }
    occurrences[at] = moved;
    if (moves > max_moves) {
      std::stable_sort(occurrences.begin(), occurrences.end(),
                       [](const auto& a, const auto& b) { return a.begin < b.begin; });
      return;
    }
  }
}

// Numbers names by their first use; returns which they were, in the new order. Names that nothing
// uses (a word that the language gives a meaning) are not among them.
std::vector<uint32_t> number_by_use(std::vector<Occurrence>& occurrences, size_t n_names) {
  std::vector<uint32_t> number(n_names, kNone), order;
  order.reserve(n_names);
  auto numbered = [&](uint32_t name) {
    if (number[name] == kNone) {
      number[name] = static_cast<uint32_t>(order.size());
      order.push_back(name);
    }
    return number[name];
  };
  for (Occurrence& o : occurrences) {
    o.name = numbered(o.name);
    if (o.receiver != kNone) o.receiver = numbered(o.receiver);
  }
  return order;
}

void number_names(FileFacts& facts) {
  std::vector<uint32_t> order = number_by_use(facts.occurrences, facts.names.size());
  if (order.size() == facts.names.size() && std::is_sorted(order.begin(), order.end())) return;
  std::vector<std::string> names;
  names.reserve(order.size());
  for (uint32_t old : order) names.push_back(std::move(facts.names[old]));
  facts.names = std::move(names);
}

}  // namespace

FileFacts Walker::finish(std::vector<EmbeddedText>* embedded) {
  FileFacts facts;
  if (memo_ != nullptr) {
    facts.language = facts_.language;
    facts.has_errors = facts_.has_errors;
    facts.truncated = facts_.truncated;
    facts.symbols = facts_.symbols;
    facts.occurrences = facts_.occurrences;
    facts.imports = facts_.imports;
    *embedded = embedded_;
    for (uint32_t name : number_by_use(facts.occurrences, facts_.names.size())) {
      facts.names.push_back(facts_.names[name]);
    }
    memo_->facts = std::move(facts_);
    memo_->embedded = std::move(embedded_);
    memo_->name_ids = std::move(name_ids_);
    memo_->made = std::move(made_);
  } else {
    facts = std::move(facts_);
    *embedded = std::move(embedded_);
  }
  drop_nameless(facts, *embedded);
  sort_by_begin(facts.occurrences);
  if (facts.truncated && !cancelled_) {
    uint32_t stopped_at = stopped_at_;
    if (!facts.occurrences.empty()) {
      stopped_at = std::max(stopped_at, facts.occurrences.back().end);
    }
    add_lexical_names(language_, text_, stopped_at, facts);
  }
  return facts;
}

namespace {

// Names in the macros that the parser was not shown.
void note_misplaced_macros(std::string_view text, const std::vector<ByteRange>& macros,
                           FileFacts* facts) {
  if (macros.empty()) return;
  struct Word {
    std::string_view name;
    uint32_t begin = 0;
    size_t macro = 0;
    bool first = false;
  };
  std::vector<Word> words;
  std::unordered_map<std::string_view, uint32_t> ids;
  for (size_t i = 0; i < macros.size(); ++i) {
    bool first = true;
    for (size_t at = macros[i].begin; at < macros[i].end;) {
      size_t end = at;
      while (end < macros[i].end &&
             (isalnum(static_cast<unsigned char>(text[end])) || text[end] == '_')) {
        ++end;
      }
      if (end > at && !isdigit(static_cast<unsigned char>(text[at]))) {
        words.push_back({text.substr(at, end - at), static_cast<uint32_t>(at), i, first});
        ids.emplace(words.back().name, kNone);
        first = false;
      }
      at = std::max(end, at + 1);
    }
  }
  for (uint32_t i = 0; i < facts->names.size(); ++i) {
    if (auto it = ids.find(facts->names[i]); it != ids.end() && it->second == kNone) it->second = i;
  }
  // The smallest class or function around each macro.
  std::vector<uint32_t> scopes(macros.size(), kNone), extents(macros.size(), UINT32_MAX);
  for (uint32_t s = 0; s < facts->symbols.size(); ++s) {
    const Symbol& symbol = facts->symbols[s];
    if (!is_class_like(symbol.kind) && !is_function_like(symbol.kind)) continue;
    auto at = std::lower_bound(macros.begin(), macros.end(), size_t{symbol.name_end},
                               [](const ByteRange& m, size_t place) { return m.begin < place; });
    for (; at != macros.end() && at->end <= symbol.end; ++at) {
      auto i = static_cast<size_t>(at - macros.begin());
      if (symbol.end - symbol.begin >= extents[i]) continue;
      scopes[i] = s;
      extents[i] = symbol.end - symbol.begin;
    }
  }
  for (const Word& word : words) {
    uint32_t& id = ids[word.name];
    if (id == kNone) {
      id = static_cast<uint32_t>(facts->names.size());
      facts->names.emplace_back(word.name);
    }
    facts->occurrences.push_back(
        {id, word.begin, word.begin + static_cast<uint32_t>(word.name.size()),
         word.first ? Role::call : Role::reference, scopes[word.macro], kNone});
  }
  std::stable_sort(facts->occurrences.begin(), facts->occurrences.end(),
                   [](const auto& a, const auto& b) { return a.begin < b.begin; });
}

// One of a line, also where a line holds texts of several languages.
void bound_errors(std::vector<SyntaxError>& errors, const LineMap& lines) {
  std::stable_sort(errors.begin(), errors.end(),
                   [](const auto& a, const auto& b) { return a.begin < b.begin; });
  auto same_line = [&](const SyntaxError& a, const SyntaxError& b) {
    return lines.position(a.begin).line == lines.position(b.begin).line;
  };
  errors.erase(std::unique(errors.begin(), errors.end(), same_line), errors.end());
  if (errors.size() > kMaxErrors) errors.resize(kMaxErrors);
}

void complete(const Language& language, FileFacts& facts, const std::vector<EmbeddedText>& embedded,
              const std::vector<ByteRange>& macros, std::string_view text,
              const ExtractLimits& limits, const CancelToken& cancel, int depth) {
  note_misplaced_macros(text, macros, &facts);
  add_embedded(facts, embedded, text, limits, cancel, depth);
  facts.n_bytes = static_cast<uint32_t>(text.size());
  facts.n_lines = count_lines(text);
  if (depth > 0) return;  // the file around numbers names and lines
  facts.lines = LineMap(text);
  if (!facts.errors.empty() && !grammar_fits(language, text)) facts.errors.clear();
  if (!facts.errors.empty()) bound_errors(facts.errors, facts.lines);
  number_names(facts);
  facts.symbols.shrink_to_fit();
  facts.occurrences.shrink_to_fit();
  facts.names.shrink_to_fit();
}

}  // namespace

FileFacts facts_of_tree(const CompiledLanguage& language, TSNode root, std::string_view text,
                        const std::vector<ByteRange>& macros, const ExtractLimits& limits,
                        const CancelToken& cancel, int depth) {
  Walker walker(language, text, limits);
  walker.walk(root, cancel);
  std::vector<EmbeddedText> embedded;
  FileFacts facts = walker.finish(&embedded);
  facts.errors = syntax_errors(language.row, root, text);
  complete(language.row, facts, embedded, macros, text, limits, cancel, depth);
  return facts;
}

FileFacts facts_of_edited_tree(const CompiledLanguage& language, TSNode root, std::string_view text,
                               const std::vector<ByteRange>& macros, const ExtractLimits& limits,
                               std::unique_ptr<WalkMemo>* memo) {
  // Names of the memo's that nothing uses any more: those of half typed words.
  constexpr size_t kMaxUnusedNames = 10'000;
  std::unique_ptr<WalkMemo> before = std::move(*memo), now = std::make_unique<WalkMemo>();
  Walker walker(language, text, limits);
  walker.remember(before.get(), now.get());
  walker.walk(root, {});
  if (!walker.sound()) return facts_of_tree(language, root, text, macros, limits, {});
  const bool serves = walker.memo_serves();
  std::vector<EmbeddedText> embedded;
  FileFacts facts = walker.finish(&embedded);
  if (serves && now->facts.names.size() < facts.names.size() + kMaxUnusedNames) {
    *memo = std::move(now);
  }
  facts.errors = syntax_errors(language.row, root, text);
  complete(language.row, facts, embedded, macros, text, limits, {}, 0);
  return facts;
}

}  // namespace engramd::repoindex
