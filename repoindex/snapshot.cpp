#include "repoindex/snapshot.h"

#include <algorithm>
#include <unordered_set>

#include "base/file.h"
#include "repoindex/store/facts_lru.h"
#include "repoindex/store/file_table.h"
#include "repoindex/store/postings.h"
#include "repoindex/store/record.h"

namespace engramd::repoindex {

namespace {
constexpr uint64_t kMaxTextBytes = 64u << 20;
}  // namespace

uint64_t letter_bits(std::string_view name) {
  uint64_t bits = 0;
  for (char c : name) {
    auto u = static_cast<unsigned char>(c);
    if (isalpha(u)) {
      bits |= uint64_t{1} << (tolower(u) - 'a');
    } else if (isdigit(u)) {
      bits |= uint64_t{1} << (26 + u - '0');
    } else if (u >= 0x80) {
      bits |= uint64_t{1} << (40 + u % 24);
    }
  }
  return bits;
}

// The two layers of a snapshot as the questions see them: patch first, and of the base only what
// the patch does not hide.
struct SnapshotReader {
  const Snapshot& snapshot;

  bool hidden(uint32_t file) const {
    return std::binary_search(snapshot.hidden_.begin(), snapshot.hidden_.end(), file);
  }

  // visit(table, part, live docs) -> go on?
  template <class Visit>
  void parts(Visit visit) const {
    if (snapshot.base_ == nullptr) return;
    for (const FileTable::Part& part : snapshot.patch_->parts()) {
      if (!visit(*snapshot.patch_, part, part.live)) return;
    }
    for (size_t p = 0; p < snapshot.base_->parts().size(); ++p) {
      const FileTable::Part& part = snapshot.base_->parts()[p];
      bool whole = snapshot.hidden_.empty();
      if (!visit(*snapshot.base_, part, whole ? part.live : snapshot.base_live_->parts[p])) return;
    }
  }

  // visit(file) -> go on?  The files of a doc that are not hidden.
  template <class Visit>
  bool files(const FileTable& table, const FileTable::Part& part, uint32_t doc, Visit visit) const {
    if (doc + 1 >= part.begin.size()) return true;
    for (uint32_t i = part.begin[doc]; i < part.begin[doc + 1]; ++i) {
      if (&table == snapshot.base_.get() && hidden(part.file[i])) continue;
      if (!visit(table.files()[part.file[i]])) return false;
    }
    return true;
  }
};

SnapshotPtr Snapshot::build(std::filesystem::path root, std::vector<PlacedFile> files,
                            std::shared_ptr<FactsLru> facts,
                            std::shared_ptr<const FileSource> source) {
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->root_ = std::move(root);
  snapshot->source_ = std::move(source);
  snapshot->n_files_ = files.size();
  snapshot->base_ = std::make_shared<const FileTable>(std::move(files));
  snapshot->patch_ = std::make_shared<const FileTable>(std::vector<PlacedFile>());
  snapshot->facts_ = std::move(facts);
  return snapshot;
}

SnapshotPtr Snapshot::with_changes(std::vector<PlacedFile> changed,
                                   const std::vector<std::string>& removed,
                                   const std::function<void(PlacedFile&)>& relocate) const {
  std::unordered_set<std::string_view> gone(removed.begin(), removed.end());
  std::unordered_set<std::string_view> replaced;
  for (const PlacedFile& file : changed) replaced.insert(file.entry.path);
  std::vector<PlacedFile> patch;
  for (uint32_t f = 0; f < patch_->files().size(); ++f) {
    const FileEntry& file = patch_->files()[f];
    if (gone.count(file.path) != 0 || replaced.count(file.path) != 0) continue;
    patch.push_back(patch_->placed(f));
    if (relocate) relocate(patch.back());
  }
  std::vector<uint32_t> hidden = hidden_;
  for (const auto* paths : {&gone, &replaced}) {
    for (std::string_view path : *paths) {
      if (uint32_t f = base_->find(path); f != kNone) hidden.push_back(f);
    }
  }
  std::sort(hidden.begin(), hidden.end());
  hidden.erase(std::unique(hidden.begin(), hidden.end()), hidden.end());
  replaced.clear();
  patch.insert(patch.end(), std::make_move_iterator(changed.begin()),
               std::make_move_iterator(changed.end()));

  if (patch.size() + hidden.size() > 64 + base_->files().size() / 16) {
    for (uint32_t f = 0; f < base_->files().size(); ++f) {
      if (std::binary_search(hidden.begin(), hidden.end(), f)) continue;
      patch.push_back(base_->placed(f));
      if (relocate) relocate(patch.back());
    }
    return build(root_, std::move(patch), facts_, source_);
  }
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->root_ = root_;
  snapshot->source_ = source_;
  snapshot->base_ = base_;
  snapshot->facts_ = facts_;
  snapshot->n_files_ = base_->files().size() - hidden.size() + patch.size();
  snapshot->patch_ = std::make_shared<const FileTable>(std::move(patch));
  snapshot->hidden_ = std::move(hidden);
  LiveSets live;
  for (const FileTable::Part& part : base_->parts()) live.parts.push_back(part.live);
  for (uint32_t f : snapshot->hidden_) {
    FileTable::Address a = base_->address(f);
    if (a.part == kNone) continue;
    bool shown = false;  // a copy of the file may still be there
    SnapshotReader{*snapshot}.files(*base_, base_->parts()[a.part], a.doc, [&](const FileEntry&) {
      shown = true;
      return false;
    });
    if (!shown) live.parts[a.part].remove(a.doc);
  }
  snapshot->base_live_ = std::make_shared<const LiveSets>(std::move(live));
  return snapshot;
}

const std::string& Snapshot::commit() const {
  static const std::string none;
  return source_ != nullptr ? source_->commit() : none;
}

Result<std::string> Snapshot::read(const std::string& path, uint64_t max_bytes) const {
  // Only files of the snapshot: a path with ".." must not lead out of the repository.
  if (find(path) == nullptr) return fail(ErrorCode::not_found, "no file " + path);
  return source_ != nullptr ? source_->read(path, max_bytes) : read_file(root_ / path, max_bytes);
}

const FileEntry* Snapshot::find(std::string_view path) const {
  if (base_ == nullptr) return nullptr;
  if (uint32_t f = patch_->find(path); f != kNone) return &patch_->files()[f];
  uint32_t f = base_->find(path);
  if (f == kNone || SnapshotReader{*this}.hidden(f)) return nullptr;
  return &base_->files()[f];
}

namespace {
// visit(table, file number), both layers merged by path.
template <class Visit>
void visit_by_path(const FileTable& base, const FileTable& patch,
                   const std::vector<uint32_t>& hidden_files, Visit visit) {
  uint32_t p = 0;
  auto hidden = hidden_files.begin();
  for (uint32_t f = 0; f < base.files().size(); ++f) {
    if (hidden != hidden_files.end() && *hidden == f) {
      ++hidden;
      continue;
    }
    while (p < patch.files().size() && patch.files()[p].path < base.files()[f].path) {
      visit(patch, p++);
    }
    visit(base, f);
  }
  while (p < patch.files().size()) visit(patch, p++);
}
}  // namespace

void Snapshot::for_each_file(const std::function<void(const FileEntry&)>& visit) const {
  if (base_ == nullptr) return;
  visit_by_path(*base_, *patch_, hidden_,
                [&](const FileTable& table, uint32_t f) { visit(table.files()[f]); });
}

void Snapshot::for_each_placed(
    const std::function<void(const FileEntry&, const SegmentPtr&, uint32_t)>& visit) const {
  if (base_ == nullptr) return;
  visit_by_path(*base_, *patch_, hidden_, [&](const FileTable& table, uint32_t f) {
    FileTable::Address a = table.address(f);
    visit(table.files()[f], a.part == kNone ? nullptr : table.parts()[a.part].segment, a.doc);
  });
}

namespace {
// The segment and doc of an entry of one of the tables; null when it is only listed.
const Segment* segment_of(const FileEntry& file, const FileTable* patch, const FileTable* base,
                          uint32_t* doc) {
  for (const FileTable* table : {patch, base}) {
    if (table == nullptr || !table->owns(file)) continue;
    FileTable::Address a = table->address(static_cast<uint32_t>(&file - table->files().data()));
    *doc = a.doc;
    return a.part == kNone ? nullptr : table->parts()[a.part].segment.get();
  }
  return nullptr;
}
}  // namespace

FileFactsPtr Snapshot::facts(const FileEntry& file) const {
  uint32_t doc = 0;
  const Segment* segment = segment_of(file, patch_.get(), base_.get(), &doc);
  return segment != nullptr ? facts_->get(*segment, doc) : nullptr;
}

FileFactsPtr Snapshot::imports(const FileEntry& file) const {
  uint32_t doc = 0;
  const Segment* segment = segment_of(file, patch_.get(), base_.get(), &doc);
  return segment != nullptr ? facts_->imports(*segment, doc) : nullptr;
}

FileFactsPtr Snapshot::facts_around(const FileEntry& file, std::string_view name) const {
  uint32_t doc = 0;
  const Segment* segment = segment_of(file, patch_.get(), base_.get(), &doc);
  PlacesPtr places = segment != nullptr ? facts_->places(*segment, doc) : nullptr;
  if (places == nullptr) return nullptr;
  auto facts = segment->facts_around(doc, *places, segment->find_name(name).name);
  return facts ? *facts : nullptr;
}

Result<SymbolCard> Snapshot::symbol(const FileEntry& file, uint32_t symbol) const {
  uint32_t doc = 0;
  const Segment* segment = segment_of(file, patch_.get(), base_.get(), &doc);
  if (segment == nullptr) return fail(ErrorCode::not_found, file.path + " is only listed");
  PlacesPtr places = facts_->places(*segment, doc);
  if (places == nullptr) return fail(ErrorCode::corrupt, file.path + " has damaged facts");
  return segment->symbol(doc, *places, symbol);
}

FileSummary Snapshot::summary(const FileEntry& file) const {
  uint32_t doc = 0;
  const Segment* segment = segment_of(file, patch_.get(), base_.get(), &doc);
  return segment != nullptr ? segment->summary(doc) : FileSummary{};
}

void Snapshot::definitions(std::string_view name,
                           const std::function<bool(DefinitionRef)>& visit) const {
  SnapshotReader reader{*this};
  reader.parts([&](const FileTable& table, const FileTable::Part& part, const Roaring& live) {
    NamePostings postings = part.segment->find_name(name);
    uint32_t container_number = kNone;
    std::string container;
    return visit_definitions(postings.definitions, [&](const DefinitionPosting& d) {
      if (!live.contains(d.doc)) return true;
      if (d.container != container_number) {
        container_number = d.container;
        container = d.container == kNone ? std::string() : part.segment->name(d.container);
      }
      return reader.files(table, part, d.doc, [&](const FileEntry& file) {
        return visit(
            {&file, d.symbol, d.kind, d.is_declaration, d.is_top_level, d.has_owner, container});
      });
    });
  });
}

void Snapshot::uses(std::string_view name, const std::function<bool(UseRef)>& visit) const {
  SnapshotReader reader{*this};
  reader.parts([&](const FileTable& table, const FileTable::Part& part, const Roaring& live) {
    NamePostings postings = part.segment->find_name(name);
    return visit_docs(postings.docs, [&](uint32_t doc) {
      if (!live.contains(doc)) return true;
      PlacesPtr places = facts_->places(*part.segment, doc);
      if (places == nullptr) return true;
      return reader.files(table, part, doc, [&](const FileEntry& file) {
        return part.segment->visit_name(doc, *places, postings.name, [&](const NamePlace& p) {
          return visit({&file, p.begin, p.end, p.start_at, p.end_at, p.role, p.has_receiver});
        });
      });
    });
  });
}

void Snapshot::files_with_name(std::string_view name,
                               const std::function<bool(const FileEntry&)>& visit) const {
  SnapshotReader reader{*this};
  reader.parts([&](const FileTable& table, const FileTable::Part& part, const Roaring& live) {
    return visit_docs(part.segment->find_name(name).docs, [&](uint32_t doc) {
      return !live.contains(doc) || reader.files(table, part, doc, visit);
    });
  });
}

void Snapshot::files_called(std::string_view base_name,
                            const std::function<bool(const FileEntry&)>& visit) const {
  if (base_ == nullptr) return;
  bool more = patch_->called(base_name, [&](uint32_t f) { return visit(patch_->files()[f]); });
  if (!more) return;
  base_->called(base_name, [&](uint32_t f) {
    return SnapshotReader{*this}.hidden(f) || visit(base_->files()[f]);
  });
}

void Snapshot::for_each_below(std::string_view folder,
                              const std::function<bool(const FileEntry&)>& visit) const {
  if (base_ == nullptr) return;
  std::string prefix = std::string(folder) + (folder.empty() ? "" : "/");
  for (const FileTable* table : {patch_.get(), base_.get()}) {
    const std::vector<FileEntry>& files = table->files();
    auto it = std::lower_bound(files.begin(), files.end(), prefix,
                               [](const FileEntry& f, const std::string& p) { return f.path < p; });
    for (; it != files.end() && it->path.compare(0, prefix.size(), prefix) == 0; ++it) {
      auto f = static_cast<uint32_t>(it - files.begin());
      if (table == base_.get() && SnapshotReader{*this}.hidden(f)) continue;
      if (!visit(*it)) return;
    }
  }
}

void Snapshot::for_each_defined_name(const std::function<bool(std::string_view, uint64_t)>& visit,
                                     uint64_t wanted_letters) const {
  SnapshotReader{*this}.parts(
      [&](const FileTable&, const FileTable::Part& part, const Roaring& live) {
        const DefinedNames& names = part.segment->defined_names();
        // Other branches and repositories may share the segment: only what is live counts.
        bool whole = live.cardinality() == part.segment->n_docs();
        for (size_t i = 0; i < names.letters.size(); ++i) {
          if ((wanted_letters & ~names.letters[i]) != 0) continue;
          if (!whole && visit_definitions(names.definitions[i], [&](const DefinitionPosting& d) {
                return !live.contains(d.doc);
              })) {
            continue;
          }
          if (!visit(part.segment->name_view(names.numbers[i]), names.letters[i])) return false;
        }
        return true;
      });
}

const std::filesystem::path& View::root() const {
  static const std::filesystem::path none;
  return snapshot != nullptr ? snapshot->root() : none;
}

FileFactsPtr View::facts(const std::string& path) const {
  if (overlay != nullptr) {
    if (auto it = overlay->find(path); it != overlay->end()) return it->second.facts;
  }
  const FileEntry* file = snapshot != nullptr ? snapshot->find(path) : nullptr;
  return file != nullptr ? snapshot->facts(*file) : nullptr;
}

std::optional<std::string> View::text(const std::string& path) const {
  if (overlay != nullptr) {
    if (auto it = overlay->find(path); it != overlay->end() && it->second.text != nullptr) {
      return *it->second.text;
    }
  }
  if (snapshot == nullptr) return std::nullopt;
  auto bytes = snapshot->read(path, kMaxTextBytes);
  if (!bytes) return std::nullopt;
  return std::move(*bytes);
}

std::vector<std::string> View::paths() const {
  std::vector<std::string> out;
  if (snapshot != nullptr) {
    out.reserve(snapshot->n_files());
    snapshot->for_each_file([&](const FileEntry& file) { out.push_back(file.path); });
  }
  if (overlay != nullptr && !overlay->empty()) {
    size_t sorted = out.size();
    for (const auto& [path, document] : *overlay) {
      if (!std::binary_search(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(sorted),
                              path)) {
        out.push_back(path);
      }
    }
    std::inplace_merge(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(sorted), out.end());
  }
  return out;
}

bool View::contains(const std::string& path) const {
  if (overlay != nullptr && overlay->count(path) != 0) return true;
  return snapshot != nullptr && snapshot->find(path) != nullptr;
}

}  // namespace engramd::repoindex
