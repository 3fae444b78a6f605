// What resolving the uses of one name needs of a file, without the rest: some four fifths of the
// occurrences and all signatures and docs stay packed.
#include <algorithm>

#include "repoindex/store/place_reader.h"
#include "repoindex/store/record.h"
#include "repoindex/store/record_parts.h"

namespace engramd::repoindex {

namespace {

// Occurrences that come along with one that is asked about or that may be: what stands around a
// name says what it is behind, and around a definition what its value is made from. Who needs
// others notices (see FileFacts::gaps) and reads the whole file.
constexpr size_t kBefore = 8;           // a name that is behind a dot
constexpr size_t kBeforeArgument = 40;  // f(name=...), f(...).name
constexpr size_t kBehind = 34;          // x = f(...)
constexpr size_t kBehindBase = 8;       // class X(Base): for each base

struct Window {
  size_t begin, end;
};

// What is known of a symbol before any place is read.
struct Outline {
  uint64_t name = 0;             // as in its column: 0 none, 1 another text, else plus two
  size_t occurrence = SIZE_MAX;  // of its name; SIZE_MAX: it has a place of its own
  uint8_t bits = 0;
  uint64_t qualifier = 0, type = 0;
  std::string_view own_name, own_qualifier, own_type;
};

class AroundReader {
 public:
  AroundReader(const OutlineColumns& columns, std::string_view scopes, std::string_view places,
               const std::vector<uint32_t>& name_sizes,
               const std::function<std::string_view(uint32_t)>& name_of, FileFacts& facts)
      : c_(columns),
        places_(places),
        name_sizes_(name_sizes),
        name_of_(name_of),
        facts_(facts),
        n_(places_.n()) {
    ByteReader r(scopes);
    receiver_names_ = r.text();
    climbs_ = r.text();
    other_scopes_ = r.rest();
    good_ = r.ok() && climbs_.size() == n_;
  }

  bool read(uint32_t name) {
    if (!good_ || !find_definitions() || !read_outlines()) return false;
    find_windows(name);
    return read_places() && read_symbols() && read_scopes();
  }

 private:
  std::string_view text_of(uint64_t id, std::string_view own) const {
    return id < 2 ? own : name_of_(static_cast<uint32_t>(id - 2));
  }
  bool is_name(uint64_t id) const { return id < 2 || id - 2 < name_sizes_.size(); }

  bool find_definitions() {
    for (size_t i = 0; i < n_; ++i) {
      if ((places_.role_at(i) & PlaceReader::kRoleBits) == static_cast<uint8_t>(Role::definition)) {
        definitions_.push_back(static_cast<uint32_t>(i));
      }
    }
    return true;
  }

  // Names, kinds and types, in the order in which the texts that are no names were written.
  bool read_outlines() {
    ByteReader at(c_.at), names(c_.symbol_names), kinds(c_.kinds), qualifiers(c_.qualifiers),
        types(c_.types), n_bases(c_.n_bases), bases(c_.bases);
    TextColumnReader others(c_.other_lengths, c_.other_bytes);
    outlines_.resize(c_.n_symbols);
    facts_.symbols.resize(c_.n_symbols);
    int64_t expected = 0;
    auto next = [&](ByteReader& column, uint64_t* id, std::string_view* own) {
      *id = column.number();
      if (*id == 1) *own = others.next();
      return is_name(*id);
    };
    for (size_t i = 0; i < outlines_.size(); ++i) {
      Outline& o = outlines_[i];
      if (uint64_t which = at.number(); which == 0) {
        if (!next(names, &o.name, &o.own_name)) return false;
      } else {
        if (which > uint64_t{kNone} * 2) return false;
        int64_t found = expected + unzigzag(which - 1);
        if (found < 0 || found >= static_cast<int64_t>(definitions_.size())) return false;
        o.occurrence = definitions_[static_cast<size_t>(found)];
        o.name = uint64_t{places_.name_at(o.occurrence)} + 2;
        if (!is_name(o.name)) return false;
        expected = found + 1;
      }
      o.bits = kinds.byte();
      if (!next(qualifiers, &o.qualifier, &o.own_qualifier) || !next(types, &o.type, &o.own_type)) {
        return false;
      }
      uint64_t n_of_bases = n_bases.number();
      if (n_of_bases > bases.left()) return false;
      for (; n_of_bases > 0; --n_of_bases) {
        uint64_t id = 0;
        std::string_view own;
        if (!next(bases, &id, &own)) return false;
        facts_.symbols[i].bases.emplace_back(text_of(id, own));
      }
    }
    return at.ok() && names.ok() && kinds.ok() && qualifiers.ok() && types.ok() && n_bases.ok() &&
           bases.ok() && others.ok();
  }

  void add_window(size_t begin, size_t before, size_t behind) {
    windows_.push_back({begin - std::min(begin, before), std::min(n_, begin + behind + 1)});
  }

  void find_windows(uint32_t name) {
    // Receivers are told one after the other, so all are read over.
    std::vector<uint8_t> wanted(name_sizes_.size());  // what the names are behind
    auto want = [&](std::string_view text) {
      for (std::string_view suffix : {"()", "[]"}) {
        if (text.size() > 2 && text.substr(text.size() - 2) == suffix) text.remove_suffix(2);
      }
      if (uint32_t id = number_of(text); id < wanted.size()) wanted[id] = 1;
    };
    ByteReader receivers(receiver_names_);
    other_receivers_.reserve(receiver_names_.size());
    for (size_t i = 0; i < n_; ++i) {
      uint8_t receiver = places_.role_at(i) >> 3;
      if (receiver == kOtherReceiver) {
        uint32_t id = receivers.u32();
        other_receivers_.push_back(id);
      }
      if (places_.name_at(i) != name) continue;
      size_t before = kBefore;
      if (receiver == kNameBefore && i > 0) {
        if (uint32_t id = places_.name_at(i - 1); id < wanted.size()) wanted[id] = 1;
      } else if (receiver == kOtherReceiver) {
        uint32_t id = other_receivers_.back();
        std::string_view text = id < name_sizes_.size() ? name_of_(id) : std::string_view();
        if (text.empty() || text.back() == ')') before = kBeforeArgument;
        want(text);
      }
      add_window(i, before, 0);
    }
    // x = f(): what f says that it gives may be written there.
    for (const Outline& o : outlines_) {
      if (o.name > 1 && wanted[o.name - 2] != 0 && o.type != 0) want(text_of(o.type, o.own_type));
    }
    for (size_t i = 0; i < outlines_.size(); ++i) {
      const Outline& o = outlines_[i];
      if (o.occurrence == SIZE_MAX) continue;
      size_t n_bases = facts_.symbols[i].bases.size();
      if (n_bases > 0) {
        add_window(o.occurrence, 0, n_bases * kBehindBase + kBehindBase);
      } else if (o.type != 0 && o.name > 1 && wanted[o.name - 2] != 0) {
        add_window(o.occurrence, 2, kBehind);
      }
    }
    std::sort(windows_.begin(), windows_.end(),
              [](const Window& a, const Window& b) { return a.begin < b.begin; });
    size_t n = 0;
    for (const Window& w : windows_) {
      if (n > 0 && w.begin <= windows_[n - 1].end) {
        windows_[n - 1].end = std::max(windows_[n - 1].end, w.end);
      } else {
        windows_[n++] = w;
      }
    }
    windows_.resize(n);
  }

  // Names are sorted.
  uint32_t number_of(std::string_view text) const {
    uint32_t low = 0, high = static_cast<uint32_t>(name_sizes_.size());
    while (low < high) {
      uint32_t middle = low + (high - low) / 2;
      if (name_of_(middle) < text) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low < name_sizes_.size() && name_of_(low) == text ? low : kNone;
  }

  // The number of a name in the facts, which have only those that are used.
  uint32_t own_number(uint32_t name) {
    if (new_number_.empty()) new_number_.assign(name_sizes_.size(), kNone);
    uint32_t& number = new_number_[name];
    if (number == kNone) {
      number = static_cast<uint32_t>(facts_.names.size());
      facts_.names.emplace_back(name_of_(name));
    }
    return number;
  }

  bool read_places() {
    auto sizes = [&](uint64_t n) { return n < name_sizes_.size() ? name_sizes_[n] : 0; };
    auto add_line = [&](const PlaceReader::Point& p) {
      LineMap::Line line{static_cast<uint32_t>(p.line_start), static_cast<uint32_t>(p.line)};
      if (lines_.empty() || !(lines_.back() == line)) lines_.push_back(line);
    };
    size_t next_definition = 0, receiver = 0, counted = 0;
    place_of_definition_.resize(definitions_.size());
    size_t window = 0;
    for (;;) {
      while (window < windows_.size() && at_ >= windows_[window].end) ++window;
      size_t in_window = window < windows_.size() ? std::max(at_, windows_[window].begin) : n_;
      size_t in_definitions =
          next_definition < definitions_.size() ? definitions_[next_definition] : n_;
      size_t target = std::min(in_window, in_definitions);
      if (target >= n_) break;
      if (!places_.skip_to(target, name_sizes_) || !places_.next(sizes)) return false;
      at_ = target + 1;
      if (places_.name >= name_sizes_.size() || places_.end.offset > facts_.n_bytes) return false;
      if (target == in_definitions) {
        place_of_definition_[next_definition++] = {static_cast<uint32_t>(places_.begin.offset),
                                                   static_cast<uint32_t>(places_.end.offset)};
      }
      if (target != in_window) continue;
      if (target == windows_[window].begin && target > 0) {
        facts_.gaps.push_back(static_cast<uint32_t>(facts_.occurrences.size()));
      }
      Occurrence o;
      o.name = own_number(static_cast<uint32_t>(places_.name));
      o.begin = static_cast<uint32_t>(places_.begin.offset);
      o.end = static_cast<uint32_t>(places_.end.offset);
      uint8_t role = places_.role_byte & PlaceReader::kRoleBits, kind = places_.role_byte >> 3;
      if (role > static_cast<uint8_t>(Role::write) || kind > kOtherReceiver) return false;
      o.role = static_cast<Role>(role);
      if (kind == kNameBefore) {
        if (target == 0 || places_.name_at(target - 1) >= name_sizes_.size()) return false;
        o.receiver = own_number(places_.name_at(target - 1));
      } else if (kind == kOtherReceiver) {
        for (; counted < target; ++counted) {
          receiver += (places_.role_at(counted) >> 3) == kOtherReceiver;
        }
        if (receiver >= other_receivers_.size() ||
            other_receivers_[receiver] >= name_sizes_.size()) {
          return false;
        }
        o.receiver = own_number(other_receivers_[receiver]);
      }
      facts_.occurrences.push_back(o);
      which_.push_back(static_cast<uint32_t>(target));
      add_line(places_.begin);
      if (places_.end.line != places_.begin.line) add_line(places_.end);
    }
    if (windows_.empty() ? n_ > 0 : windows_.back().end < n_) {
      facts_.gaps.push_back(static_cast<uint32_t>(facts_.occurrences.size()));
    }
    sort_lines(&lines_);
    if (!LineMap::sound(lines_)) return false;
    facts_.lines = LineMap(std::move(lines_));
    return true;
  }

  bool read_symbols() {
    ByteReader own_places(c_.own_places), before(c_.before), lengths(c_.lengths),
        parents(c_.parents);
    size_t next = 0;  // in definitions_, of which symbols are told in about their order
    for (uint32_t i = 0; i < facts_.symbols.size(); ++i) {
      const Outline& o = outlines_[i];
      Symbol& s = facts_.symbols[i];
      s.name = text_of(o.name, o.own_name);
      s.qualifier = text_of(o.qualifier, o.own_qualifier);
      s.type_name = text_of(o.type, o.own_type);
      s.kind = static_cast<SymbolKind>(o.bits & kKindMask);
      s.local = (o.bits & kLocal) != 0;
      s.is_declaration = (o.bits & kDeclaration) != 0;
      s.inside_only = (o.bits & kInsideOnly) != 0;
      if (o.occurrence == SIZE_MAX) {
        int64_t name_end = int64_t{own_places.u32()};
        s.name_begin = static_cast<uint32_t>(name_end);
        name_end += own_places.u32();
        if (name_end > facts_.n_bytes) return false;
        s.name_end = static_cast<uint32_t>(name_end);
        for (int n = 0; n < 2; ++n) {  // lines, and a column unless 0
          if (own_places.signed_number() != 0) own_places.u32();
        }
      } else {
        if (next >= definitions_.size() || definitions_[next] != o.occurrence) {
          next = static_cast<size_t>(
              std::lower_bound(definitions_.begin(), definitions_.end(), o.occurrence) -
              definitions_.begin());
        }
        s.name_begin = place_of_definition_[next].first;
        s.name_end = place_of_definition_[next].second;
        ++next;
      }
      int64_t begin = int64_t{s.name_begin} - before.signed_number();
      int64_t end = int64_t{s.name_end} + lengths.signed_number();
      if (s.kind > SymbolKind::heading || begin < 0 || begin > end || end > facts_.n_bytes) {
        return false;
      }
      s.begin = static_cast<uint32_t>(begin);
      s.end = static_cast<uint32_t>(end);
      uint64_t parent = parents.number();
      s.parent = parent == 0 ? likely_parent(facts_.symbols, i, s.begin, s.end)
                             : static_cast<uint32_t>(parent - 1) - 1;
      if (parent > uint64_t{i} + 1 || (s.parent != kNone && s.parent >= i)) return false;
    }
    return own_places.ok() && before.ok() && lengths.ok() && parents.ok();
  }

  bool read_scopes() {
    ScopeGuess guess(facts_.symbols);
    ByteReader others(other_scopes_);
    size_t counted = 0;
    for (size_t i = 0; i < which_.size(); ++i) {
      for (; counted < which_[i]; ++counted) {
        if (climbs_[counted] == 0) others.number();
      }
      ++counted;
      if (!read_scope(static_cast<uint8_t>(climbs_[which_[i]]), others, facts_.symbols, guess,
                      &facts_.occurrences[i])) {
        return false;
      }
    }
    return others.ok();
  }

  const OutlineColumns& c_;
  PlaceReader places_;
  const std::vector<uint32_t>& name_sizes_;
  const std::function<std::string_view(uint32_t)>& name_of_;
  FileFacts& facts_;
  const size_t n_;
  std::string_view receiver_names_, climbs_, other_scopes_;
  bool good_ = false;
  std::vector<uint32_t> definitions_;      // occurrences that define
  std::vector<Outline> outlines_;          // of the symbols
  std::vector<uint32_t> other_receivers_;  // of the occurrences that have one that is told
  std::vector<Window> windows_;            // rising, apart
  std::vector<uint32_t> new_number_;
  std::vector<std::pair<uint32_t, uint32_t>> place_of_definition_;
  std::vector<uint32_t> which_;  // occurrences that are read
  std::vector<LineMap::Line> lines_;
  size_t at_ = 0;
};

}  // namespace

Result<FileFactsPtr> unpack_around(std::string_view outline, std::string_view uses,
                                   std::string_view places, uint32_t name,
                                   const std::vector<uint32_t>& name_sizes,
                                   const std::function<std::string_view(uint32_t)>& name_of) {
  auto corrupt = [] { return fail(ErrorCode::corrupt, "the record's content is out of bounds"); };
  auto facts = std::make_shared<FileFacts>();
  // Kept between calls; nothing else on this thread decodes meanwhile.
  thread_local std::string numbers, texts, scopes;
  ByteReader first(outline), second(uses);
  ENGRAMD_CHECK(decompress(Part::numbers, first.text(), &numbers));
  ENGRAMD_CHECK(decompress(Part::texts, first.text(), &texts));
  second.text();
  ENGRAMD_CHECK(decompress(Part::scopes, second.rest(), &scopes));
  ByteReader head(numbers);
  bool has_lines = false;
  OutlineColumns columns;
  if (!read_head(head, *facts, &has_lines) || !read_columns(head, texts, &columns)) {
    return corrupt();
  }
  if (!has_lines) return fail(ErrorCode::not_found, "the lines of the file are not known");
  facts->partial = true;
  AroundReader reader(columns, scopes, places, name_sizes, name_of, *facts);
  if (!reader.read(name) || !read_imports(columns, name_sizes.size(), name_of, *facts)) {
    return corrupt();
  }
  // Limits on what a hostile record can keep.
  for (std::string* kept : {&numbers, &texts, &scopes}) {
    if (kept->capacity() > (1u << 20)) *kept = std::string();
  }
  return FileFactsPtr(std::move(facts));
}

}  // namespace engramd::repoindex
