// Occurrences as bytes: where which name stands (places), and what is around it (scopes).
//
// A name's place is the distance from the end of the name before when both are on one line, else
// the distance to the start of its line and its column: with the byte offset comes the line, for
// about what the offsets alone would take.
#include <algorithm>

#include "repoindex/store/place_reader.h"
#include "repoindex/store/record.h"
#include "repoindex/store/record_parts.h"

namespace engramd::repoindex {

namespace {

using Point = PlaceReader::Point;
constexpr auto same_line = PlaceReader::same_line, next_line = PlaceReader::next_line,
               later_line = PlaceReader::later_line, from_begin = PlaceReader::from_begin;

}  // namespace

std::string places_of(const FileFacts& facts, const std::vector<uint32_t>& new_number) {
  std::string steps, columns, skips, planes, roles, odd;
  std::vector<uint32_t> which;
  Point before, at;  // begin and end of the name before
  uint32_t last_name = 0;
  size_t next_odd = 0;
  auto point = [&](uint32_t offset) {
    LineColumn p = facts.lines.position(offset);
    return Point{offset, p.line, offset - p.column};
  };
  for (size_t i = 0; i < facts.occurrences.size(); ++i) {
    const Occurrence& o = facts.occurrences[i];
    Point begin = point(o.begin);
    if (begin.line == at.line && begin.offset >= at.offset) {
      put_varint(steps, (begin.offset - at.offset) << 2 | same_line);
    } else if (begin.line > at.line && begin.line_start >= at.offset) {
      uint64_t skipped = begin.line - at.line - 1;
      put_varint(steps,
                 (begin.line_start - at.offset) << 2 | (skipped == 0 ? next_line : later_line));
      put_varint(columns, begin.offset - begin.line_start);
      if (skipped > 0) put_varint(skips, skipped - 1);
    } else {
      put_varint(steps, (begin.offset - before.offset) << 2 | from_begin);
      put_varint(columns, begin.line - before.line);
      if (begin.line > before.line) put_varint(columns, begin.offset - begin.line_start);
    }
    uint32_t name = new_number[o.name];
    which.push_back(name);
    uint8_t receiver = o.receiver == kNone                            ? kNoReceiver
                       : i > 0 && new_number[o.receiver] == last_name ? kNameBefore
                                                                      : kOtherReceiver;
    roles += static_cast<char>(static_cast<uint8_t>(o.role) | receiver << 3);
    last_name = name;
    Point end = begin;
    end.offset = o.end;
    auto more = int64_t{o.end} - o.begin - static_cast<int64_t>(facts.names[o.name].size());
    Point told = point(o.end);
    if (more != 0 || told.line != begin.line) {
      put_varint(odd, i - next_odd);
      next_odd = i + 1;
      put_varint(odd, zigzag(more));
      put_varint(odd, told.line - begin.line);
      if (told.line != begin.line) put_varint(odd, told.offset - told.line_start);
      end = told;
    }
    before = begin;
    at = end;
  }
  // The low bytes of all names, then the next ones: looked through without reading numbers.
  uint32_t biggest = which.empty() ? 0 : *std::max_element(which.begin(), which.end());
  for (int shift = 0; shift == 0 || (shift < 32 && biggest >> shift != 0); shift += 8) {
    for (uint32_t name : which) planes += static_cast<char>(name >> shift);
  }
  std::string out;
  put_varint(out, facts.occurrences.size());
  for (const std::string* column : {&steps, &columns, &skips, &planes, &roles, &odd}) {
    put_text(out, *column);
  }
  return out;
}

std::string scopes_of(const FileFacts& facts, const std::vector<uint32_t>& new_number) {
  std::string receivers, climbs, others;
  ScopeGuess guess(facts.symbols);
  uint32_t last_name = kNone;
  for (const Occurrence& o : facts.occurrences) {
    if (o.receiver != kNone && new_number[o.receiver] != last_name) {
      put_varint(receivers, new_number[o.receiver]);
    }
    last_name = new_number[o.name];
    // 1: the guess, 2: the one around it ...; 0: none of these, and its number follows.
    uint32_t scope = guess.of(o.begin, o.end);
    int n = 1;
    while (scope != o.scope && scope != kNone && n <= kMaxClimb) {
      scope = facts.symbols[scope].parent;
      ++n;
    }
    climbs += static_cast<char>(scope == o.scope ? n : 0);
    if (scope != o.scope) put_varint(others, uint64_t{o.scope} + 1);
  }
  std::string out;
  put_text(out, receivers);
  put_text(out, climbs);
  return out + others;
}

void sort_lines(std::vector<LineMap::Line>* lines) {
  std::sort(lines->begin(), lines->end(), [](const LineMap::Line& a, const LineMap::Line& b) {
    return a.start != b.start ? a.start < b.start : a.number < b.number;
  });
  lines->erase(std::unique(lines->begin(), lines->end()), lines->end());
}

bool read_places(std::string_view bytes, FileFacts& facts, std::vector<LineMap::Line>* lines,
                 std::vector<uint8_t>* receivers) {
  PlaceReader reader(bytes);
  facts.occurrences.resize(reader.n());
  receivers->resize(reader.n());
  auto sizes = [&](uint64_t name) {
    return name < facts.names.size() ? facts.names[name].size() : 0;
  };
  bool rising = true;  // names that overlap over several lines may come back to one
  auto add_line = [&](const Point& p) {
    LineMap::Line line{static_cast<uint32_t>(p.line_start), static_cast<uint32_t>(p.line)};
    if (!lines->empty() && lines->back() == line) return;
    rising = rising && (lines->empty() || lines->back().number < line.number);
    lines->push_back(line);
  };
  for (size_t i = 0; reader.next(sizes); ++i) {
    uint8_t role = reader.role_byte & PlaceReader::kRoleBits, receiver = reader.role_byte >> 3;
    if (reader.name >= facts.names.size() || reader.end.offset > facts.n_bytes ||
        role > static_cast<uint8_t>(Role::write) || receiver > kOtherReceiver ||
        (receiver == kNameBefore && i == 0)) {
      return false;
    }
    Occurrence& o = facts.occurrences[i];
    o.name = static_cast<uint32_t>(reader.name);
    o.begin = static_cast<uint32_t>(reader.begin.offset);
    o.end = static_cast<uint32_t>(reader.end.offset);
    o.role = static_cast<Role>(role);
    if (receiver == kNameBefore) o.receiver = facts.occurrences[i - 1].name;
    (*receivers)[i] = receiver;
    add_line(reader.begin);
    if (reader.end.line != reader.begin.line) add_line(reader.end);
  }
  if (!rising) sort_lines(lines);
  return reader.complete() && LineMap::sound(*lines);
}

bool read_scope(uint8_t climbs, ByteReader& others, const std::vector<Symbol>& symbols,
                ScopeGuess& guess, Occurrence* o) {
  if (climbs == 0) {
    uint64_t scope = others.number();
    if (scope == 0 || scope > uint64_t{kNone} + 1) return false;
    o->scope = static_cast<uint32_t>(scope - 1);
    return o->scope == kNone || o->scope < symbols.size();
  }
  if (climbs > kMaxClimb + 1) return false;
  o->scope = guess.of(o->begin, o->end);
  for (; climbs > 1; --climbs) {
    if (o->scope == kNone) return false;
    o->scope = symbols[o->scope].parent;
  }
  return true;
}

bool read_scopes(std::string_view bytes, const std::vector<uint8_t>& receivers, FileFacts& facts) {
  ByteReader r(bytes);
  ByteReader names(r.text());
  std::string_view climbs = r.text();
  ByteReader others(r.rest());
  if (!r.ok() || climbs.size() != facts.occurrences.size()) return false;
  ScopeGuess guess(facts.symbols);
  for (size_t i = 0; i < facts.occurrences.size(); ++i) {
    Occurrence& o = facts.occurrences[i];
    if (receivers[i] == kOtherReceiver) {
      o.receiver = names.u32();
      if (o.receiver >= facts.names.size()) return false;
    }
    if (!read_scope(static_cast<uint8_t>(climbs[i]), others, facts.symbols, guess, &o)) {
      return false;
    }
  }
  return names.ok() && names.at_end() && others.ok() && others.at_end();
}

Result<std::string> unpack_places(std::string_view uses) {
  std::string places;
  ENGRAMD_CHECK(decompress(Part::places, ByteReader(uses).text(), &places));
  return places;
}

bool visit_places(std::string_view places, uint32_t name, const std::vector<uint32_t>& name_sizes,
                  const std::function<bool(const NamePlace&)>& visit) {
  PlaceReader reader(places);
  while (reader.find(name, name_sizes)) {
    uint8_t role = reader.role_byte & PlaceReader::kRoleBits;
    if (role > static_cast<uint8_t>(Role::write)) return true;
    if (!visit({static_cast<uint32_t>(reader.begin.offset),
                static_cast<uint32_t>(reader.end.offset), reader.begin.position(),
                reader.end.position(), static_cast<Role>(role),
                (reader.role_byte & ~PlaceReader::kRoleBits) != 0})) {
      return false;
    }
  }
  return true;
}

}  // namespace engramd::repoindex
