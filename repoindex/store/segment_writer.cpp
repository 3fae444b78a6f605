#include "repoindex/store/segment_writer.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "base/hash.h"
#include "repoindex/store/postings.h"

namespace engramd::repoindex {

namespace {

constexpr uint64_t kMaxSection = 0xFFFFFFFFu;

struct DocRow {
  std::string blob;  // raw
  FileSummary summary;
  uint16_t used_day = 0;
};

// Puts the sections together. Docs first, then names in order, then finish().
class Assembler {
 public:
  // other_names: numbers of the doc's names that occur nowhere in it, rising. They and the record
  // come when the names have their numbers, doc by doc in the same order.
  void add_doc(const DocRow& doc) { docs_.push_back(doc); }
  void add_record(const std::vector<uint32_t>& other_names, std::string_view outline,
                  std::string_view uses) {
    size_t begin = records_.size();
    record_begin_.push_back(begin);
    if (!outline.empty()) {
      std::string numbers;
      uint32_t next = 0;
      for (uint32_t name : other_names) {
        put_varint(numbers, name - next);
        next = name + 1;
      }
      put_text(records_, numbers);
      put_text(records_, outline);
      records_ += uses;
    }
    record_size_.push_back(records_.size() - begin);
  }

  void add_name(std::string_view name, DocsWriter& docs, DefinitionsWriter& definitions) {
    bool first = n_names_ % kNamesInBlock == 0;
    if (first) {
      put_fixed(blocks_, static_cast<uint32_t>(names_.size()));
      put_fixed(blocks_, static_cast<uint32_t>(occurs_in_.size()));
      put_fixed(blocks_, static_cast<uint32_t>(definitions_.size()));
    }
    size_t shared = 0;
    if (!first) {
      size_t most = std::min(name.size(), before_.size());
      while (shared < most && name[shared] == before_[shared]) ++shared;
      put_varint(names_, shared);
    }
    put_text(names_, name.substr(shared));
    size_t docs_before = occurs_in_.size(), definitions_before = definitions_.size();
    docs.finish(occurs_in_);
    definitions.finish(definitions_);
    put_varint(names_, occurs_in_.size() - docs_before);
    put_varint(names_, definitions_.size() - definitions_before);
    before_ = name;
    ++n_names_;
  }

  Result<std::string> finish() {
    size_t blob_bytes = 0;
    for (const DocRow& doc : docs_) blob_bytes = std::max(blob_bytes, doc.blob.size());
    std::string rows, keys, languages;
    std::vector<std::string_view> known;
    std::vector<std::pair<uint64_t, uint32_t>> sorted;
    for (uint32_t d = 0; d < docs_.size(); ++d) {
      DocRow& doc = docs_[d];
      doc.blob.resize(blob_bytes, '\0');
      auto it = std::find(known.begin(), known.end(), doc.summary.language);
      auto language = static_cast<uint8_t>(it - known.begin());
      if (it == known.end()) {
        if (known.size() > 255) return fail(ErrorCode::exhausted, "over 256 languages");
        known.push_back(doc.summary.language);
        put_text(languages, doc.summary.language);
      }
      put_fixed(rows, static_cast<uint32_t>(record_begin_[d]));
      put_fixed(rows, static_cast<uint32_t>(record_size_[d]));
      put_fixed(rows, doc.summary.n_bytes);
      put_fixed(rows, doc.summary.n_lines);
      put_fixed(rows, doc.summary.n_symbols);
      put_fixed(rows, doc.summary.n_occurrences);
      put_fixed(rows,
                record_check(std::string_view(records_).substr(record_begin_[d], record_size_[d])));
      put_fixed(rows, static_cast<uint8_t>(
                          (doc.summary.has_errors ? 1 : 0) | (doc.summary.truncated ? 2 : 0) |
                          (doc.summary.marked_generated ? 4 : 0) | (doc.summary.is_ascii ? 8 : 0)));
      put_fixed(rows, language);
      put_fixed(rows, doc.used_day);
      rows += doc.blob;
      sorted.emplace_back(doc_key(doc.blob, doc.summary.language), d);
    }
    std::sort(sorted.begin(), sorted.end());
    for (const auto& [key, doc] : sorted) {
      put_fixed(keys, key);
      put_fixed(keys, doc);
    }
    const std::string* sections[kNSections] = {&rows,   &keys,       &languages,    &blocks_,
                                               &names_, &occurs_in_, &definitions_, &records_};
    std::string out(kSegmentMagic);
    put_fixed(out, segment_format_version());
    put_fixed(out, static_cast<uint32_t>(docs_.size()));
    put_fixed(out, n_names_);
    put_fixed(out, static_cast<uint32_t>(blob_bytes));
    put_fixed(out, segment_pin());
    uint64_t at = kSegmentHeader;
    for (const std::string* section : sections) at += section->size();
    if (at > kMaxSection) {
      return fail(ErrorCode::exhausted, "a segment of " + std::to_string(at) + " bytes is too big");
    }
    put_fixed(out, at);
    out.append(24, '\0');  // 8 unused, the header's checksum, 8 unused
    out.reserve(at);
    at = kSegmentHeader;
    for (const std::string* section : sections) {
      put_fixed(out, at);
      put_fixed(out, static_cast<uint64_t>(section->size()));
      put_fixed(out, hash64(*section));
      at += section->size();
    }
    std::string sum;
    put_fixed(sum, hash64(out));
    out.replace(48, 8, sum);
    for (const std::string* section : sections) out += *section;
    return out;
  }

 private:
  std::vector<DocRow> docs_;
  std::vector<size_t> record_begin_, record_size_;
  std::string records_, blocks_, names_, occurs_in_, definitions_, before_;
  uint32_t n_names_ = 0;
};

std::string identity(std::string_view blob, std::string_view language) {
  std::string out(blob);
  out += ':';
  out += language;
  return out;
}

}  // namespace

Result<std::string> build_segment(const std::vector<EncodedBlob>& blobs) {
  Assembler assembler;
  struct Use {
    uint32_t name, doc, term;
    const EncodedBlob* blob;
  };
  std::unordered_map<std::string_view, uint32_t> ids;
  std::vector<std::string_view> names;
  std::vector<Use> uses;
  std::vector<std::vector<uint32_t>> name_of_term;  // by doc
  std::vector<const EncodedBlob*> kept;
  std::unordered_set<std::string> seen;
  uint32_t doc = 0;
  for (const EncodedBlob& blob : blobs) {
    auto raw = bytes_of_hex(blob.blob_id);
    if (!raw) return fail(ErrorCode::invalid_input, "not a blob id: " + blob.blob_id);
    if (!seen.insert(identity(*raw, blob.language)).second) continue;
    DocRow row{std::move(*raw),
               {blob.language, blob.n_bytes, blob.n_lines, blob.n_symbols, blob.n_occurrences,
                blob.has_errors, blob.truncated, blob.marked_generated, blob.is_ascii},
               today()};
    assembler.add_doc(row);
    kept.push_back(&blob);
    std::vector<uint32_t>& mine = name_of_term.emplace_back();
    mine.reserve(blob.terms.size());
    for (uint32_t t = 0; t < blob.terms.size(); ++t) {
      std::string_view name = blob.name_of(blob.terms[t]);
      auto [it, added] = ids.try_emplace(name, static_cast<uint32_t>(names.size()));
      if (added) names.push_back(name);
      mine.push_back(it->second);
      uses.push_back({it->second, doc, t, &blob});
    }
    ++doc;
  }
  // Names get their final numbers; the uses of a name stay in the order of the docs.
  std::vector<uint32_t> order(names.size()), number(names.size());
  for (uint32_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(),
            [&](uint32_t a, uint32_t b) { return names[a] < names[b]; });
  for (uint32_t i = 0; i < order.size(); ++i) number[order[i]] = i;
  std::vector<uint32_t> begin(names.size() + 1, 0), sorted(uses.size());
  for (const Use& use : uses) ++begin[number[use.name] + 1];
  for (size_t i = 1; i < begin.size(); ++i) begin[i] += begin[i - 1];
  std::vector<uint32_t> next(begin.begin(), begin.end() - 1);
  for (uint32_t u = 0; u < uses.size(); ++u) sorted[next[number[uses[u].name]]++] = u;

  DocsWriter name_docs;
  DefinitionsWriter definitions;
  for (uint32_t n = 0; n < order.size(); ++n) {
    for (uint32_t i = begin[n]; i < begin[n + 1]; ++i) {
      const Use& use = uses[sorted[i]];
      const EncodedBlob::Term& term = use.blob->terms[use.term];
      if (term.occurs) name_docs.add(use.doc);
      for (const EncodedBlob::Definition& d : term.definitions) {
        uint32_t container =
            d.container == kNone ? kNone : number[name_of_term[use.doc][d.container]];
        definitions.add(
            {use.doc, d.symbol, container, d.kind, d.is_declaration, d.is_top_level, d.has_owner});
      }
    }
    assembler.add_name(names[order[n]], name_docs, definitions);
  }
  for (uint32_t d = 0; d < kept.size(); ++d) {
    std::vector<uint32_t> numbers;
    for (uint32_t t = 0; t < kept[d]->n_names; ++t) {
      if (!kept[d]->terms[t].occurs) numbers.push_back(number[name_of_term[d][t]]);
    }
    assembler.add_record(numbers, kept[d]->outline, kept[d]->uses);
  }
  return assembler.finish();
}

namespace {

// One source of a merge with the numbers that its docs and names get.
struct Merging {
  const Segment* segment = nullptr;
  std::vector<uint32_t> new_doc;  // kNone: dropped
  std::vector<bool> name_needed;  // something kept is used, defined or contained under it
  std::vector<uint32_t> new_name;
  bool whole = true;  // no doc is dropped
};

// Numbers of the doc's names that occur nowhere in it; damage ends them early.
std::vector<uint32_t> other_names_of(const Record& record) {
  std::vector<uint32_t> out;
  ByteReader r(record.other_names);
  uint64_t next = 0;
  while (!r.at_end()) {
    next += r.u32();
    if (!r.ok() || next >= kNone) break;
    out.push_back(static_cast<uint32_t>(next++));
  }
  return out;
}

// Which names something kept still needs.
void find_needed_names(Merging& m) {
  m.name_needed.assign(m.segment->n_names(), m.whole);
  if (m.whole) return;
  auto need = [&](uint32_t name) {
    if (name < m.name_needed.size()) m.name_needed[name] = true;
  };
  for (uint32_t d = 0; d < m.new_doc.size(); ++d) {
    if (m.new_doc[d] == kNone) continue;
    if (auto record = m.segment->record(d); record) {
      for (uint32_t name : other_names_of(*record)) need(name);
    }
  }
  NameCursor cursor(*m.segment, 0);
  while (cursor.next()) {
    visit_docs(cursor.postings().docs, [&](uint32_t doc) {
      bool kept = doc < m.new_doc.size() && m.new_doc[doc] != kNone;
      if (kept) need(cursor.postings().name);
      return !kept;
    });
    visit_definitions(cursor.postings().definitions, [&](const DefinitionPosting& d) {
      if (d.doc >= m.new_doc.size() || m.new_doc[d.doc] == kNone) return true;
      need(cursor.postings().name);
      need(d.container);
      return true;
    });
  }
}

// The needed names of all sources in order, each once: visit(name, sources that have it).
template <class Visit>
void merge_names(std::vector<Merging>& sources, Visit visit) {
  struct Head {
    NameCursor cursor;
    size_t source;
  };
  std::vector<Head> heads;
  auto advance = [&](Head& head) {
    while (head.cursor.next()) {
      if (sources[head.source].name_needed[head.cursor.postings().name]) return true;
    }
    return false;
  };
  for (size_t s = 0; s < sources.size(); ++s) {
    Head head{NameCursor(*sources[s].segment, 0), s};
    if (advance(head)) heads.push_back(std::move(head));
  }
  std::vector<size_t> same;
  while (!heads.empty()) {
    same.clear();
    for (size_t h = 0; h < heads.size(); ++h) {
      int order = same.empty() ? -1 : heads[h].cursor.name().compare(heads[same[0]].cursor.name());
      if (order > 0) continue;
      if (order < 0) same.clear();
      same.push_back(h);
    }
    std::vector<std::pair<size_t, const NameCursor*>> found;
    for (size_t h : same) found.emplace_back(heads[h].source, &heads[h].cursor);
    visit(found);
    // Heads stay in the order of the sources, which is the order of the new docs.
    for (size_t i = same.size(); i > 0; --i) {
      if (!advance(heads[same[i - 1]])) {
        heads.erase(heads.begin() + static_cast<std::ptrdiff_t>(same[i - 1]));
      }
    }
  }
}

}  // namespace

Result<std::string> merge_segments(const std::vector<MergeSource>& sources) {
  Assembler assembler;
  std::vector<Merging> merging;
  std::unordered_set<std::string> seen;
  uint32_t n_docs = 0;
  for (const MergeSource& source : sources) {
    const Segment& segment = *source.segment;
    Merging m;
    m.segment = &segment;
    m.new_doc.assign(segment.n_docs(), kNone);
    for (uint32_t d = 0; d < segment.n_docs(); ++d) {
      auto raw = bytes_of_hex(segment.blob_id(d));
      FileSummary summary = segment.summary(d);
      // One whose record is damaged is made anew when it is asked for.
      bool keep = raw && d < source.keep.size() && source.keep[d] && segment.record(d) &&
                  seen.insert(identity(*raw, summary.language)).second;
      if (!keep) {
        m.whole = false;
        continue;
      }
      bool fresh = d < source.used_today.size() && source.used_today[d];
      assembler.add_doc({std::move(*raw), summary, fresh ? today() : segment.used_day(d)});
      m.new_doc[d] = n_docs++;
    }
    find_needed_names(m);
    merging.push_back(std::move(m));
  }
  uint32_t n_names = 0;
  for (Merging& m : merging) m.new_name.assign(m.segment->n_names(), kNone);
  merge_names(merging, [&](const auto& found) {
    for (const auto& [source, cursor] : found) {
      merging[source].new_name[cursor->postings().name] = n_names;
    }
    ++n_names;
  });
  DocsWriter docs;
  DefinitionsWriter definitions;
  merge_names(merging, [&](const auto& found) {
    for (const auto& [source, cursor] : found) {
      const Merging& m = merging[source];
      visit_docs(cursor->postings().docs, [&](uint32_t doc) {
        if (doc < m.new_doc.size() && m.new_doc[doc] != kNone) docs.add(m.new_doc[doc]);
        return true;
      });
      visit_definitions(cursor->postings().definitions, [&](DefinitionPosting d) {
        if (d.doc >= m.new_doc.size() || m.new_doc[d.doc] == kNone) return true;
        d.doc = m.new_doc[d.doc];
        if (d.container != kNone) {
          d.container = d.container < m.new_name.size() ? m.new_name[d.container] : kNone;
        }
        definitions.add(d);
        return true;
      });
    }
    assembler.add_name(found[0].second->name(), docs, definitions);
  });
  for (const Merging& m : merging) {
    for (uint32_t d = 0; d < m.new_doc.size(); ++d) {
      if (m.new_doc[d] == kNone) continue;
      Record record = m.segment->record(d).value_or(Record{});
      std::vector<uint32_t> names = other_names_of(record);
      for (uint32_t& name : names) {
        if (name >= m.new_name.size() || m.new_name[name] == kNone) {
          return fail(ErrorCode::corrupt, "a segment to merge has names that are not in its table");
        }
        name = m.new_name[name];
      }
      assembler.add_record(names, record.outline, record.uses);
    }
  }
  return assembler.finish();
}

}  // namespace engramd::repoindex
