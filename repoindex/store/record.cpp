#include "repoindex/store/record.h"

#include <algorithm>
#include <unordered_map>

#include "base/hash.h"
#include "repoindex/store/record_parts.h"

namespace engramd::repoindex {

namespace {

constexpr std::string_view kFactsMagic = "EFX5";
constexpr size_t kHeader = 4 + 8;  // magic, checksum of what follows

Result<FileFactsPtr> join_facts(std::vector<std::string> names, std::string_view numbers,
                                std::string_view texts, std::string_view prose,
                                std::string_view places, std::string_view scopes) {
  auto facts = std::make_shared<FileFacts>();
  facts->names = std::move(names);
  ByteReader outline(numbers);
  bool has_lines = false;
  std::vector<LineMap::Line> lines;
  std::vector<uint8_t> receivers;
  bool good =
      read_head(outline, *facts, &has_lines) && read_places(places, *facts, &lines, &receivers);
  if (good) {
    size_t n_known = lines.size();
    facts->lines = LineMap(lines);
    good = read_outline(outline, texts, prose, *facts, &lines) &&
           read_scopes(scopes, receivers, *facts);
    if (lines.size() > n_known) sort_lines(&lines);
  }
  good = good && LineMap::sound(lines);
  if (!good) return fail(ErrorCode::corrupt, "the record's content is out of bounds");
  // The first line, when there is nothing on any.
  if (has_lines && lines.empty()) lines.push_back({});
  facts->lines = has_lines ? LineMap(std::move(lines)) : LineMap();
  return FileFactsPtr(std::move(facts));
}

std::string packed(Part first_part, std::string_view first, Part second_part,
                   std::string_view second) {
  std::string out;
  put_text(out, compress(first_part, first));
  return out + compress(second_part, second);
}

}  // namespace

std::string seal(std::string_view magic, std::string_view payload) {
  std::string frame = compress(Part::none, payload);
  std::string record(magic);
  put_fixed<uint64_t>(record, hash64(frame));
  return record + frame;
}

Result<std::string> unseal(std::string_view magic, std::string_view record) {
  if (record.size() < kHeader || record.substr(0, 4) != magic) {
    return fail(ErrorCode::corrupt,
                "the record has no valid header, expected " + std::string(magic));
  }
  if (hash64(record.substr(kHeader)) != get_fixed<uint64_t>(record.data() + 4)) {
    return fail(ErrorCode::corrupt, "the checksum of the record does not match");
  }
  std::string payload;
  ENGRAMD_CHECK(decompress(Part::none, record.substr(kHeader), &payload));
  return payload;
}

FactsParts split_facts(const FileFacts& facts) {
  FactsParts out;
  std::vector<uint32_t> order(facts.names.size()), new_number(facts.names.size());
  for (uint32_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(),
            [&](uint32_t a, uint32_t b) { return facts.names[a] < facts.names[b]; });
  std::unordered_map<std::string_view, uint32_t> ids;
  ids.reserve(facts.names.size());
  for (uint32_t old : order) {
    if (out.names.empty() || out.names.back() != facts.names[old]) {
      ids.emplace(facts.names[old], static_cast<uint32_t>(out.names.size()));
      out.names.push_back(facts.names[old]);
    }
    new_number[old] = static_cast<uint32_t>(out.names.size() - 1);
  }
  outline_of(facts, ids, &out);
  out.places = places_of(facts, new_number);
  out.scopes = scopes_of(facts, new_number);
  return out;
}

std::string packed_outline(const FactsParts& parts) {
  std::string out;
  put_text(out, compress(Part::numbers, parts.numbers));
  return out + packed(Part::texts, parts.texts, Part::texts, parts.prose);
}

std::string packed_uses(const FactsParts& parts) {
  return packed(Part::places, parts.places, Part::scopes, parts.scopes);
}

Result<FileFactsPtr> unpack_facts(std::vector<std::string> names, std::string_view outline,
                                  std::string_view uses) {
  ByteReader first(outline), second(uses);
  std::string_view numbers = first.text(), texts = first.text(), places = second.text();
  if (!first.ok() || !second.ok()) {
    return fail(ErrorCode::corrupt, "the record's parts are out of bounds");
  }
  std::string plain[5];
  ENGRAMD_CHECK(decompress(Part::numbers, numbers, &plain[0]));
  ENGRAMD_CHECK(decompress(Part::texts, texts, &plain[1]));
  ENGRAMD_CHECK(decompress(Part::texts, first.rest(), &plain[2]));
  ENGRAMD_CHECK(decompress(Part::places, places, &plain[3]));
  ENGRAMD_CHECK(decompress(Part::scopes, second.rest(), &plain[4]));
  return join_facts(std::move(names), plain[0], plain[1], plain[2], plain[3], plain[4]);
}

std::string facts_payload(const FileFacts& facts) {
  FactsParts parts = split_facts(facts);
  std::string out;
  put_varint(out, parts.names.size());
  TextColumn names;
  for (std::string_view name : parts.names) names.add(name);
  for (const std::string* part : {&names.lengths, &names.bytes, &parts.numbers, &parts.texts,
                                  &parts.prose, &parts.places, &parts.scopes}) {
    put_text(out, *part);
  }
  return out;
}

Result<FileFactsPtr> facts_of_payload(std::string_view payload) {
  ByteReader r(payload);
  size_t n_names = r.count(1);
  std::string_view lengths = r.text(), bytes = r.text();
  TextColumnReader column(lengths, bytes);
  std::vector<std::string> names;
  names.reserve(n_names);
  for (size_t i = 0; i < n_names; ++i) names.emplace_back(column.next());
  std::string_view numbers = r.text(), texts = r.text(), prose = r.text(), places = r.text(),
                   scopes = r.text();
  if (!r.ok() || !r.at_end() || !column.ok()) {
    return fail(ErrorCode::corrupt, "the record's content is out of bounds");
  }
  return join_facts(std::move(names), numbers, texts, prose, places, scopes);
}

std::string encode_facts(const FileFacts& facts) {
  return seal(kFactsMagic, facts_payload(facts));
}

Result<FileFactsPtr> decode_facts(std::string_view record) {
  ENGRAMD_TRY(std::string payload, unseal(kFactsMagic, record));
  return facts_of_payload(payload);
}

}  // namespace engramd::repoindex
