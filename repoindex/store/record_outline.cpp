// Symbols and imports as bytes: columns of numbers, and all texts together.
#include <algorithm>

#include "repoindex/store/record_parts.h"

namespace engramd::repoindex {

namespace {

constexpr uint8_t kHasErrors = 1, kTruncated = 2, kMarkedGenerated = 4, kHasLines = 8,
                  kIsAscii = 16;
constexpr size_t kMaxSymbols = 4u << 20;

// A string that is also a name is written as that name's number plus two, an empty one as 0,
// another as 1 and text.
class NamedColumn {
 public:
  NamedColumn(const std::unordered_map<std::string_view, uint32_t>& ids, TextColumn& others)
      : ids_(ids), others_(others) {}
  void add(const std::string& s) {
    if (s.empty()) {
      put_varint(numbers, 0);
      return;
    }
    auto it = ids_.find(s);
    put_varint(numbers, it == ids_.end() ? 1 : uint64_t{it->second} + 2);
    if (it == ids_.end()) others_.add(s);
  }
  std::string numbers;

 private:
  const std::unordered_map<std::string_view, uint32_t>& ids_;
  TextColumn& others_;
};

// Texts that are no names come back in the order in which they were written: row by row.
class NamedReader {
 public:
  NamedReader(const std::vector<std::string>& names, TextColumnReader& others)
      : names_(names), others_(others) {}
  std::string next(ByteReader& column) {
    uint64_t id = column.number();
    if (id == 0) return {};
    if (id == 1) return std::string(others_.next());
    if (id - 2 < names_.size()) return names_[id - 2];
    ok_ = false;
    return {};
  }
  bool ok() const { return ok_; }

 private:
  const std::vector<std::string>& names_;
  TextColumnReader& others_;
  bool ok_ = true;
};

// Where in the list of definition occurrences the one of a symbol's name is, or kNone.
uint32_t definition_at(const FileFacts& facts, const std::vector<uint32_t>& definitions,
                       const Symbol& symbol) {
  auto it =
      std::lower_bound(definitions.begin(), definitions.end(), symbol.name_begin,
                       [&](uint32_t o, uint32_t at) { return facts.occurrences[o].begin < at; });
  for (; it != definitions.end(); ++it) {
    const Occurrence& o = facts.occurrences[*it];
    if (o.begin != symbol.name_begin) return kNone;
    if (o.end == symbol.name_end && facts.names[o.name] == symbol.name) {
      return static_cast<uint32_t>(it - definitions.begin());
    }
  }
  return kNone;
}

std::vector<uint32_t> definition_occurrences(const FileFacts& facts) {
  std::vector<uint32_t> out;
  for (uint32_t i = 0; i < facts.occurrences.size(); ++i) {
    if (facts.occurrences[i].role == Role::definition) out.push_back(i);
  }
  return out;
}

// A place that lies some lines from one that is known: the lines between, and the column if any.
void put_lines(std::string& out, LineColumn known, LineColumn at) {
  int64_t lines = int64_t{at.line} - known.line;
  put_varint(out, zigzag(lines));
  if (lines != 0) put_varint(out, at.column);
}
// False when that leads out of the file.
bool read_lines(ByteReader& r, uint32_t known_line, int64_t offset,
                std::vector<LineMap::Line>* lines) {
  int64_t n = r.signed_number();
  if (n == 0) return true;
  int64_t number = known_line + n, start = offset - int64_t{r.u32()};
  if (number < 0 || number >= kNone || start < 0) return false;
  lines->push_back({static_cast<uint32_t>(start), static_cast<uint32_t>(number)});
  return true;
}

struct SymbolColumns {
  std::string at, kinds, own_places, before, lengths, parents, n_bases, begin_lines, end_lines;
};

}  // namespace

void outline_of(const FileFacts& facts, const std::unordered_map<std::string_view, uint32_t>& ids,
                FactsParts* parts) {
  std::string& out = parts->numbers;
  put_text(out, facts.language);
  put_varint(out, facts.n_bytes);
  put_varint(out, facts.n_lines);
  out +=
      static_cast<char>((facts.has_errors ? kHasErrors : 0) | (facts.truncated ? kTruncated : 0) |
                        (facts.marked_generated ? kMarkedGenerated : 0) |
                        (facts.lines.known() ? kHasLines : 0) | (facts.is_ascii ? kIsAscii : 0));

  put_varint(out, facts.symbols.size());
  TextColumn others, signatures, docs;
  NamedColumn symbol_names(ids, others), qualifiers(ids, others), types(ids, others),
      bases(ids, others);
  SymbolColumns c;
  const std::vector<uint32_t> definitions = definition_occurrences(facts);
  uint32_t expected = 0;
  for (uint32_t i = 0; i < facts.symbols.size(); ++i) {
    const Symbol& s = facts.symbols[i];
    uint32_t found = definition_at(facts, definitions, s);
    const LineColumn name_at = facts.lines.position(s.name_begin);
    const LineColumn name_end_at = facts.lines.position(s.name_end);
    if (found != kNone) {
      put_varint(c.at, zigzag(int64_t{found} - expected) + 1);
      expected = found + 1;
    } else {
      // A symbol whose name is no definition occurrence says name and place itself.
      put_varint(c.at, 0);
      symbol_names.add(s.name);
      put_varint(c.own_places, s.name_begin);
      put_varint(c.own_places, s.name_end - s.name_begin);
      put_lines(c.own_places, {}, name_at);
      put_lines(c.own_places, name_at, name_end_at);
    }
    c.kinds += static_cast<char>(static_cast<uint8_t>(s.kind) | (s.local ? kLocal : 0) |
                                 (s.is_declaration ? kDeclaration : 0) |
                                 (s.inside_only ? kInsideOnly : 0));
    put_varint(c.before, zigzag(int64_t{s.name_begin} - s.begin));
    put_varint(c.lengths, zigzag(int64_t{s.end} - s.name_end));
    put_lines(c.begin_lines, name_at, facts.lines.position(s.begin));
    put_lines(c.end_lines, name_end_at, facts.lines.position(s.end));
    uint32_t likely = likely_parent(facts.symbols, i, s.begin, s.end);
    put_varint(c.parents, s.parent == likely ? 0 : uint64_t{s.parent + 1} + 1);  // kNone becomes 1
    signatures.add(s.signature);
    docs.add(s.doc);
    qualifiers.add(s.qualifier);
    types.add(s.type_name);
    put_varint(c.n_bases, s.bases.size());
    for (const std::string& base : s.bases) bases.add(base);
  }

  put_varint(out, facts.imports.size());
  TextColumn import_others;
  NamedColumn imported(ids, import_others);
  std::string import_places;
  uint32_t at = 0;
  for (const Import& i : facts.imports) {
    imported.add(i.target);
    imported.add(i.name);
    imported.add(i.alias);
    put_varint(import_places, zigzag(int64_t{i.begin} - at));
    put_varint(import_places, i.end - i.begin);
    put_varint(import_places, i.level);
    at = i.end;
  }
  put_varint(out, facts.errors.size());
  TextColumn errors;
  std::string error_places;
  at = 0;
  for (const SyntaxError& e : facts.errors) {
    put_varint(error_places, e.begin - at);
    put_varint(error_places, e.end - e.begin);
    errors.add(e.message);
    at = e.begin;
  }
  for (const std::string* column : {&c.at,
                                    &symbol_names.numbers,
                                    &c.kinds,
                                    &c.own_places,
                                    &c.before,
                                    &c.lengths,
                                    &c.begin_lines,
                                    &c.end_lines,
                                    &c.parents,
                                    &qualifiers.numbers,
                                    &types.numbers,
                                    &c.n_bases,
                                    &bases.numbers,
                                    &others.lengths,
                                    &signatures.lengths,
                                    &docs.lengths,
                                    &imported.numbers,
                                    &import_others.lengths,
                                    &import_places,
                                    &errors.lengths,
                                    &error_places}) {
    put_text(out, *column);
  }
  for (const TextColumn* column : {&others, &import_others, &errors}) {
    put_text(parts->texts, column->bytes);
  }
  for (const TextColumn* column : {&signatures, &docs}) put_text(parts->prose, column->bytes);
}

bool read_head(ByteReader& numbers, FileFacts& facts, bool* has_lines) {
  facts.language = std::string(numbers.text());
  facts.n_bytes = numbers.u32();
  facts.n_lines = numbers.u32();
  uint8_t flags = numbers.byte();
  facts.has_errors = (flags & kHasErrors) != 0;
  facts.truncated = (flags & kTruncated) != 0;
  facts.marked_generated = (flags & kMarkedGenerated) != 0;
  facts.is_ascii = (flags & kIsAscii) != 0;
  *has_lines = (flags & kHasLines) != 0;
  return numbers.ok();
}

bool read_columns(ByteReader& r, std::string_view text_bytes, OutlineColumns* c) {
  c->n_symbols = r.count(1);
  c->n_imports = r.count(1);
  c->n_errors = r.count(1);
  for (std::string_view* column : {&c->at,
                                   &c->symbol_names,
                                   &c->kinds,
                                   &c->own_places,
                                   &c->before,
                                   &c->lengths,
                                   &c->begin_lines,
                                   &c->end_lines,
                                   &c->parents,
                                   &c->qualifiers,
                                   &c->types,
                                   &c->n_bases,
                                   &c->bases,
                                   &c->other_lengths,
                                   &c->signature_lengths,
                                   &c->doc_lengths,
                                   &c->imported,
                                   &c->import_lengths,
                                   &c->import_places,
                                   &c->error_lengths,
                                   &c->error_places}) {
    *column = r.text();
  }
  ByteReader texts(text_bytes);
  for (std::string_view* column : {&c->other_bytes, &c->import_bytes, &c->error_bytes}) {
    *column = texts.text();
  }
  return r.ok() && r.at_end() && texts.ok() && texts.at_end() && c->n_symbols <= kMaxSymbols &&
         c->kinds.size() == c->n_symbols && c->n_imports <= c->import_places.size() &&
         c->n_errors <= c->error_places.size();
}

bool read_prose(std::string_view prose, OutlineColumns* c) {
  ByteReader r(prose);
  c->signature_bytes = r.text();
  c->doc_bytes = r.text();
  return r.ok() && r.at_end();
}

bool read_outline(ByteReader& r, std::string_view text_bytes, std::string_view prose,
                  FileFacts& facts, std::vector<LineMap::Line>* lines) {
  OutlineColumns c;
  if (!read_columns(r, text_bytes, &c) || !read_prose(prose, &c)) return false;
  ByteReader at(c.at), symbol_names(c.symbol_names), kinds(c.kinds), own_places(c.own_places),
      before(c.before), lengths(c.lengths), begin_lines(c.begin_lines), end_lines(c.end_lines),
      parents(c.parents), qualifiers(c.qualifiers), types(c.types), n_bases(c.n_bases),
      bases(c.bases), imported(c.imported), import_places(c.import_places);
  TextColumnReader others(c.other_lengths, c.other_bytes),
      signatures(c.signature_lengths, c.signature_bytes), docs(c.doc_lengths, c.doc_bytes),
      import_others(c.import_lengths, c.import_bytes);
  const auto n = static_cast<uint32_t>(c.n_symbols);
  NamedReader named(facts.names, others), import_named(facts.names, import_others);
  const std::vector<uint32_t> definitions = definition_occurrences(facts);
  int64_t expected = 0;
  facts.symbols.resize(n);
  for (uint32_t i = 0; i < n && named.ok(); ++i) {
    Symbol& s = facts.symbols[i];
    int64_t name_begin = 0, name_end = 0;
    uint32_t name_line = kNone, name_end_line = kNone;
    if (uint64_t which = at.number(); which == 0) {
      s.name = named.next(symbol_names);
      name_begin = own_places.u32();
      name_end = name_begin + own_places.u32();
      size_t n_lines = lines->size();
      if (!read_lines(own_places, 0, name_begin, lines)) return false;
      name_line = lines->size() > n_lines ? lines->back().number : 0;
      n_lines = lines->size();
      if (!read_lines(own_places, name_line, name_end, lines)) return false;
      name_end_line = lines->size() > n_lines ? lines->back().number : name_line;
    } else {
      if (which > uint64_t{kNone} * 2) return false;
      int64_t found = expected + unzigzag(which - 1);
      if (found < 0 || found >= static_cast<int64_t>(definitions.size())) return false;
      const Occurrence& o = facts.occurrences[definitions[static_cast<size_t>(found)]];
      s.name = facts.names[o.name];
      name_begin = o.begin;
      name_end = o.end;
      expected = found + 1;
      name_line = facts.lines.position(o.begin).line;
      name_end_line = facts.lines.position(o.end).line;
    }
    uint8_t bits = kinds.byte(), kind = bits & kKindMask;
    s.kind = static_cast<SymbolKind>(kind);
    s.local = (bits & kLocal) != 0;
    s.is_declaration = (bits & kDeclaration) != 0;
    s.inside_only = (bits & kInsideOnly) != 0;
    int64_t begin = name_begin - before.signed_number();
    int64_t end = name_end + lengths.signed_number();
    if (kind > static_cast<uint8_t>(SymbolKind::heading) || begin < 0 || begin > end ||
        end > facts.n_bytes || name_end > facts.n_bytes ||
        !read_lines(begin_lines, name_line, begin, lines) ||
        !read_lines(end_lines, name_end_line, end, lines)) {
      return false;
    }
    s.begin = static_cast<uint32_t>(begin);
    s.end = static_cast<uint32_t>(end);
    s.name_begin = static_cast<uint32_t>(name_begin);
    s.name_end = static_cast<uint32_t>(name_end);
    uint64_t parent = parents.number();
    s.parent = parent == 0 ? likely_parent(facts.symbols, i, s.begin, s.end)
                           : static_cast<uint32_t>(parent - 1) - 1;
    if (parent > i + 1 || (s.parent != kNone && s.parent >= i)) return false;
    s.signature = std::string(signatures.next());
    s.doc = std::string(docs.next());
    s.qualifier = named.next(qualifiers);
    s.type_name = named.next(types);
    size_t n_of_bases = static_cast<size_t>(n_bases.number());
    if (n_of_bases > bases.left()) return false;
    s.bases.reserve(n_of_bases);
    for (size_t b = 0; b < n_of_bases; ++b) s.bases.push_back(named.next(bases));
  }

  facts.imports.resize(c.n_imports);
  int64_t import_at = 0;
  for (Import& import : facts.imports) {
    import.target = import_named.next(imported);
    import.name = import_named.next(imported);
    import.alias = import_named.next(imported);
    int64_t begin = import_at + import_places.signed_number();
    int64_t end = begin + import_places.u32();
    import.level = import_places.u32();
    if (begin < 0 || end > facts.n_bytes) return false;
    import.begin = static_cast<uint32_t>(begin);
    import.end = static_cast<uint32_t>(end);
    import_at = end;
  }
  ByteReader error_places(c.error_places);
  TextColumnReader messages(c.error_lengths, c.error_bytes);
  facts.errors.resize(c.n_errors);
  int64_t error_at = 0;
  for (SyntaxError& error : facts.errors) {
    const int64_t begin = error_at + error_places.u32(), end = begin + error_places.u32();
    if (begin >= end || end > facts.n_bytes) return false;
    error.begin = static_cast<uint32_t>(begin);
    error.end = static_cast<uint32_t>(end);
    error.message = std::string(messages.next());
    error_at = begin;
  }
  bool good = messages.ok() && error_places.ok() && error_places.at_end() && named.ok() &&
              import_named.ok() && others.ok() && signatures.ok() && docs.ok() &&
              import_others.ok();
  for (const ByteReader* column :
       {&at, &symbol_names, &kinds, &own_places, &before, &lengths, &begin_lines, &end_lines,
        &parents, &qualifiers, &types, &n_bases, &bases, &imported, &import_places}) {
    good = good && column->ok() && column->at_end();
  }
  return good;
}

}  // namespace engramd::repoindex
