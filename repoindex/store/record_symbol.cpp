// One symbol alone: its columns are read up to it, and of the occurrences only the definitions'
// places. What names a list of a hundred definitions would else decode a hundred files.
#include <algorithm>

#include "repoindex/store/place_reader.h"
#include "repoindex/store/record.h"
#include "repoindex/store/record_parts.h"

namespace engramd::repoindex {

namespace {

using Point = PlaceReader::Point;

struct Definition {
  uint32_t name = 0;
  Point begin, end;
};

// What is known of the symbols before: enough for parents and what they are called.
struct Outer {
  uint32_t begin = 0, end = 0, parent = kNone;
  uint32_t name = kNone;  // of the record; kNone: own_name
  std::string_view own_name, own_qualifier;
  uint64_t qualifier = 0;  // 0: none, 1: own_qualifier, else a name plus two
};

class SymbolReader {
 public:
  SymbolReader(const OutlineColumns& c, const std::function<std::string_view(uint32_t)>& name_of,
               size_t n_names)
      : name_of_(name_of),
        n_names_(n_names),
        at_(c.at),
        symbol_names_(c.symbol_names),
        kinds_(c.kinds),
        own_places_(c.own_places),
        before_(c.before),
        lengths_(c.lengths),
        begin_lines_(c.begin_lines),
        end_lines_(c.end_lines),
        parents_(c.parents),
        qualifiers_(c.qualifiers),
        types_(c.types),
        n_bases_(c.n_bases),
        bases_(c.bases),
        others_(c.other_lengths, c.other_bytes),
        signatures_(c.signature_lengths, c.signature_bytes),
        docs_(c.doc_lengths, c.doc_bytes) {}

  // Reads symbols up to this one.
  bool read(uint32_t wanted, const std::vector<Definition>& definitions, SymbolCard* card) {
    outers_.reserve(size_t{wanted} + 1);
    int64_t expected = 0;
    for (uint32_t i = 0; i <= wanted; ++i) {
      Outer o;
      Point name, name_end;
      if (uint64_t which = at_.number(); which == 0) {
        uint64_t id = symbol_names_.number();
        if (id == 1) o.own_name = others_.next();
        if (id > 1) o.name = static_cast<uint32_t>(id - 2);
        name.offset = own_places_.u32();
        name_end.offset = name.offset + own_places_.u32();
        if (!go(own_places_, {}, &name) || !go(own_places_, name, &name_end)) return false;
      } else {
        int64_t found = expected + unzigzag(which - 1);
        if (found < 0 || found >= static_cast<int64_t>(definitions.size())) return false;
        const Definition& d = definitions[static_cast<size_t>(found)];
        o.name = d.name;
        name = d.begin;
        name_end = d.end;
        expected = found + 1;
      }
      uint8_t bits = kinds_.byte();
      Point begin, end;
      int64_t from = static_cast<int64_t>(name.offset) - before_.signed_number();
      int64_t to = static_cast<int64_t>(name_end.offset) + lengths_.signed_number();
      if (from < 0 || from > to || to >= kNone || (o.name != kNone && o.name >= n_names_)) {
        return false;
      }
      begin.offset = static_cast<uint64_t>(from);
      end.offset = static_cast<uint64_t>(to);
      if (!go(begin_lines_, name, &begin) || !go(end_lines_, name_end, &end)) return false;
      o.begin = static_cast<uint32_t>(from);
      o.end = static_cast<uint32_t>(to);
      uint64_t parent = parents_.number();
      if (parent > uint64_t{i} + 1) return false;
      o.parent = parent == 0 ? likely_parent(outers_, i, o.begin, o.end)
                             : static_cast<uint32_t>(parent - 1) - 1;
      if (o.parent != kNone && o.parent >= i) return false;
      std::string_view signature = signatures_.next(), doc = docs_.next();
      o.qualifier = qualifiers_.number();
      if (o.qualifier == 1) o.own_qualifier = others_.next();
      std::string_view type = text(types_);
      uint64_t n_of_bases = n_bases_.number();
      if (n_of_bases > bases_.left()) return false;
      if (i < wanted) {
        for (; n_of_bases > 0; --n_of_bases) text(bases_);
        outers_.push_back(o);
        continue;
      }
      Symbol& s = card->symbol;
      s.name = name_of(o);
      s.kind = static_cast<SymbolKind>(bits & kKindMask);
      if (s.kind > SymbolKind::heading) return false;
      s.local = (bits & kLocal) != 0;
      s.is_declaration = (bits & kDeclaration) != 0;
      s.inside_only = (bits & kInsideOnly) != 0;
      s.name_begin = static_cast<uint32_t>(name.offset);
      s.name_end = static_cast<uint32_t>(name_end.offset);
      s.begin = o.begin;
      s.end = o.end;
      s.parent = o.parent;
      s.signature = signature;
      s.doc = doc;
      s.qualifier = qualifier_of(o);
      s.type_name = type;
      for (; n_of_bases > 0; --n_of_bases) s.bases.emplace_back(text(bases_));
      card->name_start = name.position();
      card->name_end = name_end.position();
      card->start = begin.position();
      card->end = end.position();
      card->container = s.qualifier;
      uint32_t above = o.parent;
      for (int n = 0; n < 50 && above != kNone; ++n) {
        std::string outer(name_of(outers_[above]));
        card->container = card->container.empty() ? outer : outer + "." + card->container;
        above = outers_[above].parent;
      }
    }
    return good_ && at_.ok() && kinds_.ok() && own_places_.ok() && before_.ok() && lengths_.ok() &&
           begin_lines_.ok() && end_lines_.ok() && parents_.ok() && qualifiers_.ok() &&
           types_.ok() && n_bases_.ok() && bases_.ok();
  }

 private:
  // What put_lines of record_outline.cpp wrote: where `to`, whose offset is known, lies.
  static bool go(ByteReader& r, const Point& from, Point* to) {
    int64_t lines = r.signed_number();
    to->line = from.line + static_cast<uint64_t>(lines);
    to->line_start = from.line_start;
    if (lines == 0) return to->line_start <= to->offset;
    uint32_t column = r.u32();
    if (column > to->offset || to->line >= kNone) return false;
    to->line_start = to->offset - column;
    return true;
  }
  std::string_view by_id(uint64_t id) {
    if (id < 2) return {};
    if (id - 2 < n_names_) return name_of_(static_cast<uint32_t>(id - 2));
    good_ = false;
    return {};
  }
  std::string_view text(ByteReader& column) {
    uint64_t id = column.number();
    return id == 1 ? others_.next() : by_id(id);
  }
  std::string_view name_of(const Outer& o) {
    return o.name == kNone ? o.own_name : by_id(uint64_t{o.name} + 2);
  }
  std::string_view qualifier_of(const Outer& o) {
    return o.qualifier == 1 ? o.own_qualifier : by_id(o.qualifier);
  }

  const std::function<std::string_view(uint32_t)>& name_of_;
  size_t n_names_;
  ByteReader at_, symbol_names_, kinds_, own_places_, before_, lengths_, begin_lines_, end_lines_,
      parents_, qualifiers_, types_, n_bases_, bases_;
  TextColumnReader others_, signatures_, docs_;
  std::vector<Outer> outers_;
  bool good_ = true;
};

}  // namespace

Result<SymbolCard> unpack_symbol(std::string_view outline, std::string_view places, uint32_t symbol,
                                 const std::vector<uint32_t>& name_sizes,
                                 const std::function<std::string_view(uint32_t)>& name_of) {
  auto corrupt = [] { return fail(ErrorCode::corrupt, "the record's content is out of bounds"); };
  if (outline.empty()) return fail(ErrorCode::not_found, "the file has no symbols");
  // Kept between calls; nothing else on this thread decodes meanwhile.
  thread_local std::string numbers, texts, prose;
  ByteReader first(outline);
  ENGRAMD_CHECK(decompress(Part::numbers, first.text(), &numbers));
  ENGRAMD_CHECK(decompress(Part::texts, first.text(), &texts));
  ENGRAMD_CHECK(decompress(Part::texts, first.rest(), &prose));
  ByteReader head(numbers);
  FileFacts facts;
  bool has_lines = false;
  OutlineColumns columns;
  if (!read_head(head, facts, &has_lines) || !read_columns(head, texts, &columns) ||
      !read_prose(prose, &columns)) {
    return corrupt();
  }
  if (!has_lines || symbol >= columns.n_symbols) {
    return fail(ErrorCode::not_found, "no such symbol, or its lines are not known");
  }
  // As many definitions as the symbols up to this one name.
  int64_t n_needed = 0, expected = 0;
  ByteReader at(columns.at);
  for (uint32_t i = 0; i <= symbol; ++i) {
    uint64_t which = at.number();
    if (which == 0) continue;
    if (which > uint64_t{kNone} * 2) return corrupt();
    expected += unzigzag(which - 1) + 1;
    n_needed = std::max(n_needed, expected);
  }
  std::vector<Definition> definitions;
  PlaceReader reader(places);
  auto sizes = [&](uint64_t n) { return n < name_sizes.size() ? name_sizes[n] : 0; };
  while (static_cast<int64_t>(definitions.size()) < n_needed && reader.next(sizes)) {
    if ((reader.role_byte & PlaceReader::kRoleBits) == static_cast<uint8_t>(Role::definition)) {
      definitions.push_back({static_cast<uint32_t>(reader.name), reader.begin, reader.end});
    }
  }
  SymbolCard card;
  SymbolReader symbols(columns, name_of, name_sizes.size());
  if (!symbols.read(symbol, definitions, &card)) return corrupt();
  // Limits on what a hostile record can keep.
  for (std::string* kept : {&texts, &prose}) {
    if (kept->capacity() > (1u << 20)) *kept = std::string();
  }
  return card;
}

}  // namespace engramd::repoindex
