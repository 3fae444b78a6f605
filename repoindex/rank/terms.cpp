#include "repoindex/rank/terms.h"

#include <algorithm>
#include <unordered_set>

#include "base/hash.h"

namespace engramd::repoindex {
namespace {

constexpr size_t kMaxKnownWords = 1u << 20;
constexpr size_t kMaxNameDepth = 16;

bool is_stop_word(const std::string& word) {
  static const std::unordered_set<std::string> words = {
      "a",      "an",     "and",     "are",   "as",   "at",    "be",    "been",  "but",
      "by",     "can",    "could",   "did",   "do",   "does",  "for",   "from",  "had",
      "has",    "have",   "how",     "if",    "in",   "into",  "is",    "it",    "its",
      "may",    "might",  "no",      "not",   "now",  "of",    "on",    "or",    "our",
      "should", "so",     "some",    "such",  "than", "that",  "the",   "their", "then",
      "there",  "these",  "they",    "this",  "to",   "use",   "used",  "uses",  "using",
      "was",    "we",     "were",    "what",  "when", "where", "which", "while", "who",
      "will",   "with",   "without", "would", "you",  "your",  "self",  "cls",   "def",
      "class",  "return", "import",  "none",  "true", "false", "elif",  "else",  "try",
      "except", "also",   "only",    "just",  "more", "any",   "all",   "fix",   "fixes",
      "fixed",  "fixing", "bug",     "add",   "adds", "added", "make",  "see",   "test",
      "tests",  "var",    "let",     "const", "null", "void",  "new",   "func",  "function",
      "static", "public", "private"};
  return words.count(word) > 0;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return out;
}

std::string stem(std::string word) {
  struct Ending {
    std::string_view text;
    size_t min_length;
    std::string_view instead;
  };
  constexpr Ending kEndings[] = {
      {"ies", 5, "y"}, {"ing", 7, ""}, {"ed", 6, ""}, {"es", 6, ""}, {"s", 5, ""}};
  if (word.ends_with("ss")) return word;
  for (const Ending& ending : kEndings) {
    if (word.size() < ending.min_length || !word.ends_with(ending.text)) continue;
    word.resize(word.size() - ending.text.size());
    word += ending.instead;
    break;
  }
  return word;
}

std::string qualified_name(const FileFacts& facts, const Symbol& symbol) {
  std::string name = symbol.name;
  uint32_t parent = symbol.parent;
  for (size_t depth = 0; parent < facts.symbols.size() && depth < kMaxNameDepth; ++depth) {
    name = facts.symbols[parent].name + "." + name;
    parent = facts.symbols[parent].parent;
  }
  return name;
}

bool is_function(SymbolKind kind) {
  return kind == SymbolKind::function || kind == SymbolKind::method ||
         kind == SymbolKind::constructor;
}

}  // namespace

Term exact_name(std::string_view name) {
  return hash64(name, 1);
}

std::vector<std::string_view> identifier_parts(std::string_view word) {
  auto upper = [&](size_t i) { return i < word.size() && word[i] >= 'A' && word[i] <= 'Z'; };
  auto small = [&](size_t i) { return i < word.size() && word[i] >= 'a' && word[i] <= 'z'; };
  auto digit = [&](size_t i) { return i < word.size() && word[i] >= '0' && word[i] <= '9'; };
  std::vector<std::string_view> parts;
  for (size_t i = 0; i < word.size();) {
    size_t end = i;
    if (digit(i)) {
      while (digit(end)) ++end;
    } else if (upper(i)) {
      while (upper(end)) ++end;
      if (small(end)) {
        // "HTTPServer": the last capital begins the next part; "Server": it is the part's own.
        if (end - i > 1)
          --end;
        else
          while (small(end)) ++end;
      }
    } else if (small(i)) {
      while (small(end)) ++end;
    } else {
      ++i;
      continue;
    }
    parts.push_back(word.substr(i, end - i));
    i = end;
  }
  return parts;
}

const std::vector<Term>& TermTable::terms(std::string_view word) {
  std::string key(word);
  if (auto found = known_.find(key); found != known_.end()) return found->second;
  if (known_.size() >= kMaxKnownWords) known_.clear();
  std::vector<Term> terms;
  std::string whole = lower(word);
  const size_t first = whole.find_first_not_of('_');
  whole = first == std::string::npos ? ""
                                     : whole.substr(first, whole.find_last_not_of('_') + 1 - first);
  if (whole.size() > 1 && !is_stop_word(whole)) {
    terms.push_back(hash64(whole));
    const std::vector<std::string_view> parts = identifier_parts(word);
    if (parts.size() > 1) {
      for (std::string_view part : parts) {
        std::string small = lower(part);
        if (small.size() > 1 && !is_stop_word(small))
          terms.push_back(hash64(stem(std::move(small))));
      }
    } else if (std::string stemmed = stem(whole); stemmed != whole) {
      terms.push_back(hash64(stemmed));
    }
  }
  return known_.emplace(std::move(key), std::move(terms)).first->second;
}

size_t TextTerms::find(Term term) const {
  const auto found = std::lower_bound(terms.begin(), terms.end(), term);
  if (found == terms.end() || *found != term) return terms.size();
  return static_cast<size_t>(found - terms.begin());
}

size_t TextTerms::n_bytes() const {
  size_t n = sizeof(*this) + terms.size() * sizeof(Term) + counts.size() * 4 +
             posting_begin.size() * 4 + postings.size() * sizeof(Posting) +
             defined.size() * sizeof(Term) + defined_words.size() * sizeof(defined_words[0]);
  for (const Function& function : functions) {
    n += sizeof(Function) + function.name.capacity() + function.bare_name.capacity();
  }
  return n;
}

namespace {

void sort_unique(std::vector<Term>& terms) {
  std::sort(terms.begin(), terms.end());
  terms.erase(std::unique(terms.begin(), terms.end()), terms.end());
}

void count_defined_words(const FileFacts& facts, TermTable& table, TextTerms& counted) {
  std::vector<Term> words;
  for (const Symbol& symbol : facts.symbols) {
    if (symbol.local) continue;
    for_each_word(symbol.name, [&](size_t, std::string_view word) {
      const std::vector<Term>& terms = table.terms(word);
      words.insert(words.end(), terms.begin(), terms.end());
    });
  }
  std::sort(words.begin(), words.end());
  counted.n_defined_words = static_cast<uint32_t>(words.size());
  for (Term word : words) {
    if (counted.defined_words.empty() || counted.defined_words.back().first != word)
      counted.defined_words.push_back({word, 0});
    ++counted.defined_words.back().second;
  }
}

}  // namespace

TextTerms count_terms(std::string_view text, const FileFacts& facts, TermTable& table) {
  TextTerms counted;
  for (const Symbol& symbol : facts.symbols) {
    if (!symbol.local) counted.defined.push_back(exact_name(symbol.name));
    if (!is_function(symbol.kind) || symbol.local) continue;
    const size_t end = std::min<size_t>(symbol.end, text.size());
    if (symbol.begin >= end) continue;
    counted.functions.push_back(
        {qualified_name(facts, symbol), symbol.name, {symbol.begin, end}, 0});
  }
  sort_unique(counted.defined);
  // Functions do not overlap once those inside another are left to the outer one.
  std::stable_sort(counted.functions.begin(), counted.functions.end(),
                   [](const auto& a, const auto& b) { return a.range.begin < b.range.begin; });
  std::vector<TextTerms::Function> outer;
  for (auto& function : counted.functions) {
    if (outer.empty() || function.range.begin >= outer.back().range.end)
      outer.push_back(std::move(function));
  }
  counted.functions = std::move(outer);
  count_defined_words(facts, table, counted);

  struct Seen {
    Term term;
    uint32_t function;  // kNone outside
  };
  std::vector<Seen> seen;
  auto add = [&](std::string_view word, uint32_t function, bool in_text) {
    for (Term term : table.terms(word)) {
      if (in_text) ++counted.n_terms;
      if (function != kNone) ++counted.functions[function].n_terms;
      // A function's own full name counts for the function only, once more.
      seen.push_back({term, in_text ? function : function | 0x80000000u});
    }
  };
  uint32_t next_function = 0;
  for_each_word(text, [&](size_t offset, std::string_view word) {
    while (next_function < counted.functions.size() &&
           counted.functions[next_function].range.end <= offset) {
      ++next_function;
    }
    const bool inside = next_function < counted.functions.size() &&
                        counted.functions[next_function].range.begin <= offset;
    add(word, inside ? next_function : kNone, true);
  });
  for (uint32_t f = 0; f < counted.functions.size(); ++f) {
    for_each_word(counted.functions[f].name,
                  [&](size_t, std::string_view word) { add(word, f, false); });
  }

  std::sort(seen.begin(), seen.end(), [](const Seen& a, const Seen& b) {
    const uint32_t fa = a.function == kNone ? kNone : a.function & 0x7FFFFFFFu;
    const uint32_t fb = b.function == kNone ? kNone : b.function & 0x7FFFFFFFu;
    return a.term != b.term ? a.term < b.term : fa < fb;
  });
  for (size_t i = 0; i < seen.size();) {
    const Term term = seen[i].term;
    counted.terms.push_back(term);
    counted.posting_begin.push_back(static_cast<uint32_t>(counted.postings.size()));
    uint32_t in_text = 0;
    while (i < seen.size() && seen[i].term == term) {
      const bool outside = seen[i].function == kNone;
      const uint32_t function = seen[i].function & 0x7FFFFFFFu;
      uint32_t count = 0;
      while (i < seen.size() && seen[i].term == term && (seen[i].function == kNone) == outside &&
             (outside || (seen[i].function & 0x7FFFFFFFu) == function)) {
        in_text += outside || (seen[i].function & 0x80000000u) == 0;
        ++count;
        ++i;
      }
      if (!outside) counted.postings.push_back({function, count});
    }
    counted.counts.push_back(in_text);
  }
  counted.posting_begin.push_back(static_cast<uint32_t>(counted.postings.size()));
  return counted;
}

}  // namespace engramd::repoindex
