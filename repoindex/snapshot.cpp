#include "repoindex/snapshot.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "base/file.h"

namespace engramd::repoindex {

namespace {
constexpr uint64_t kMaxTextBytes = 64u << 20;

std::string_view base_name_of(std::string_view path) {
  size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}
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

// Files with three inverted lists in one array each: the postings of name n are
// list[begin[n]] ... list[begin[n + 1] - 1]. Names are views into the files' facts.
class Segment {
 public:
  explicit Segment(std::vector<IndexedFile> files) {
    std::sort(files.begin(), files.end(), [](const IndexedFile& a, const IndexedFile& b) {
      return a.entry.path < b.entry.path;
    });
    for (IndexedFile& file : files) {
      file.entry.indexed = file.facts != nullptr;
      files_.push_back(std::move(file.entry));
      facts_.push_back(std::move(file.facts));
    }
    for (uint32_t f = 0; f < files_.size(); ++f)
      by_base_name_[base_name_of(files_[f].path)].push_back(f);
    size_t n_guess = 0;
    for (const FileFactsPtr& facts : facts_) {
      if (facts != nullptr) n_guess += facts->names.size();
    }
    ids_.reserve(n_guess / 6 + 16);
    std::vector<uint32_t> sequence;  // name ids in file order, one per (file, name)
    sequence.reserve(n_guess);
    for (const FileFactsPtr& facts : facts_) {
      if (facts == nullptr) continue;
      for (const std::string& name : facts->names) {
        auto [it, added] = ids_.try_emplace(name, static_cast<uint32_t>(names_.size()));
        if (added) {
          names_.push_back(name);
          use_begin_.push_back(0);
          definition_begin_.push_back(0);
        }
        ++use_begin_[it->second];
        sequence.push_back(it->second);
      }
      for (const Symbol& symbol : facts->symbols) {
        if (symbol.local) continue;
        auto [it, added] = ids_.try_emplace(symbol.name, static_cast<uint32_t>(names_.size()));
        if (added) {  // JSON keys and operators are no identifiers
          names_.push_back(symbol.name);
          use_begin_.push_back(0);
          definition_begin_.push_back(0);
        }
        ++definition_begin_[it->second];
      }
    }
    to_offsets(use_begin_);
    to_offsets(definition_begin_);
    uses_.resize(use_begin_.back());
    definitions_.resize(definition_begin_.back());
    std::vector<uint32_t> next_use(use_begin_.begin(), use_begin_.end() - 1);
    std::vector<uint32_t> next_definition(definition_begin_.begin(), definition_begin_.end() - 1);
    size_t at = 0;
    for (uint32_t f = 0; f < files_.size(); ++f) {
      const FileFactsPtr& facts = facts_[f];
      if (facts == nullptr) continue;
      for (size_t i = 0; i < facts->names.size(); ++i) uses_[next_use[sequence[at++]]++] = f;
      for (uint32_t s = 0; s < facts->symbols.size(); ++s) {
        if (facts->symbols[s].local) continue;
        uint32_t id = ids_.find(facts->symbols[s].name)->second;
        definitions_[next_definition[id]++] = {f, s};
      }
    }
    letters_.resize(names_.size());
    for (size_t i = 0; i < names_.size(); ++i) {
      if (definition_begin_[i] != definition_begin_[i + 1]) letters_[i] = letter_bits(names_[i]);
    }
  }

  const std::vector<FileEntry>& files() const { return files_; }
  const FileFactsPtr& facts(uint32_t file) const { return facts_[file]; }
  bool owns(const FileEntry& file) const {
    return !files_.empty() && &file >= files_.data() && &file < files_.data() + files_.size();
  }
  uint32_t find(std::string_view path) const {
    auto it = std::lower_bound(files_.begin(), files_.end(), path,
                               [](const FileEntry& f, std::string_view p) { return f.path < p; });
    if (it == files_.end() || it->path != path) return kNone;
    return static_cast<uint32_t>(it - files_.begin());
  }
  template <class Visit>
  bool definitions(std::string_view name, Visit visit) const {
    auto it = ids_.find(name);
    if (it == ids_.end()) return true;
    for (uint32_t i = definition_begin_[it->second]; i < definition_begin_[it->second + 1]; ++i) {
      if (!visit(definitions_[i].file, definitions_[i].symbol)) return false;
    }
    return true;
  }
  template <class Visit>
  bool uses(std::string_view name, Visit visit) const {
    auto it = ids_.find(name);
    if (it == ids_.end()) return true;
    for (uint32_t i = use_begin_[it->second]; i < use_begin_[it->second + 1]; ++i) {
      if (!visit(uses_[i])) return false;
    }
    return true;
  }
  template <class Visit>
  bool called(std::string_view base_name, Visit visit) const {
    auto it = by_base_name_.find(base_name);
    if (it == by_base_name_.end()) return true;
    for (uint32_t f : it->second) {
      if (!visit(f)) return false;
    }
    return true;
  }
  template <class Visit>
  bool defined_names(Visit visit) const {
    for (size_t i = 0; i < names_.size(); ++i) {
      if (definition_begin_[i] == definition_begin_[i + 1]) continue;
      if (!visit(names_[i], letters_[i])) return false;
    }
    return true;
  }

 private:
  struct Definition {
    uint32_t file, symbol;
  };

  static void to_offsets(std::vector<uint32_t>& counts) {
    uint32_t sum = 0;
    for (uint32_t& count : counts) {
      uint32_t n = count;
      count = sum;
      sum += n;
    }
    counts.push_back(sum);
  }

  std::vector<FileEntry> files_;
  std::vector<FileFactsPtr> facts_;  // of the same file
  std::unordered_map<std::string_view, uint32_t> ids_;
  std::vector<std::string_view> names_;
  std::vector<uint64_t> letters_;
  std::vector<uint32_t> use_begin_, definition_begin_;  // per name, and one past the end
  std::vector<uint32_t> uses_;
  std::vector<Definition> definitions_;
  std::unordered_map<std::string_view, std::vector<uint32_t>> by_base_name_;
};

SnapshotPtr Snapshot::build(std::filesystem::path root, std::vector<IndexedFile> files) {
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->root_ = std::move(root);
  snapshot->n_files_ = files.size();
  snapshot->base_ = std::make_shared<const Segment>(std::move(files));
  snapshot->patch_ = std::make_shared<const Segment>(std::vector<IndexedFile>());
  return snapshot;
}

SnapshotPtr Snapshot::with_changes(std::vector<IndexedFile> changed,
                                   std::vector<std::string> removed) const {
  std::unordered_set<std::string_view> gone(removed.begin(), removed.end());
  std::unordered_set<std::string_view> replaced;
  for (const IndexedFile& file : changed) replaced.insert(file.entry.path);
  std::vector<IndexedFile> patch;
  for (uint32_t f = 0; f < patch_->files().size(); ++f) {
    const FileEntry& file = patch_->files()[f];
    if (gone.count(file.path) == 0 && replaced.count(file.path) == 0)
      patch.push_back({file, patch_->facts(f)});
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
      if (!std::binary_search(hidden.begin(), hidden.end(), f))
        patch.push_back({base_->files()[f], base_->facts(f)});
    }
    return build(root_, std::move(patch));
  }
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->root_ = root_;
  snapshot->base_ = base_;
  snapshot->n_files_ = base_->files().size() - hidden.size() + patch.size();
  snapshot->patch_ = std::make_shared<const Segment>(std::move(patch));
  snapshot->hidden_ = std::move(hidden);
  return snapshot;
}

const FileEntry* Snapshot::find(std::string_view path) const {
  if (base_ == nullptr) return nullptr;
  if (uint32_t f = patch_->find(path); f != kNone) return &patch_->files()[f];
  uint32_t f = base_->find(path);
  if (f == kNone || std::binary_search(hidden_.begin(), hidden_.end(), f)) return nullptr;
  return &base_->files()[f];
}

void Snapshot::for_each_file(const std::function<void(const FileEntry&)>& visit) const {
  if (base_ == nullptr) return;
  auto patch = patch_->files().begin(), patch_end = patch_->files().end();
  auto hidden = hidden_.begin();
  for (uint32_t f = 0; f < base_->files().size(); ++f) {
    if (hidden != hidden_.end() && *hidden == f) {
      ++hidden;
      continue;
    }
    const FileEntry& file = base_->files()[f];
    while (patch != patch_end && patch->path < file.path) visit(*patch++);
    visit(file);
  }
  while (patch != patch_end) visit(*patch++);
}

FileFactsPtr Snapshot::facts(const FileEntry& file) const {
  for (const Segment* segment : {patch_.get(), base_.get()}) {
    if (segment == nullptr || !segment->owns(file)) continue;
    return segment->facts(static_cast<uint32_t>(&file - segment->files().data()));
  }
  return nullptr;
}

FileSummary Snapshot::summary(const FileEntry& file) const {
  FileFactsPtr facts = this->facts(file);
  if (facts == nullptr) return {};
  return {facts->language,
          facts->n_bytes,
          facts->n_lines,
          static_cast<uint32_t>(facts->symbols.size()),
          static_cast<uint32_t>(facts->occurrences.size()),
          facts->has_errors,
          facts->truncated};
}

namespace {
DefinitionRef reference_to(const FileEntry& file, const FileFacts& facts, uint32_t s) {
  const Symbol& symbol = facts.symbols[s];
  DefinitionRef ref{&file,
                    s,
                    symbol.kind,
                    symbol.is_declaration,
                    symbol.qualifier.empty(),
                    symbol.name_begin,
                    symbol.qualifier};
  if (symbol.parent == kNone) return ref;
  if (ref.container.empty()) ref.container = facts.symbols[symbol.parent].name;
  for (uint32_t p = symbol.parent; p != kNone; p = facts.symbols[p].parent) {
    SymbolKind kind = facts.symbols[p].kind;
    if (kind != SymbolKind::namespace_ && kind != SymbolKind::module) ref.is_top_level = false;
  }
  return ref;
}
}  // namespace

void Snapshot::definitions(std::string_view name,
                           const std::function<bool(DefinitionRef)>& visit) const {
  if (base_ == nullptr) return;
  bool more = patch_->definitions(name, [&](uint32_t f, uint32_t s) {
    return visit(reference_to(patch_->files()[f], *patch_->facts(f), s));
  });
  if (!more) return;
  base_->definitions(name, [&](uint32_t f, uint32_t s) {
    if (std::binary_search(hidden_.begin(), hidden_.end(), f)) return true;
    return visit(reference_to(base_->files()[f], *base_->facts(f), s));
  });
}

void Snapshot::uses(std::string_view name, const std::function<bool(UseRef)>& visit) const {
  files_with_name(name, [&](const FileEntry& file) {
    FileFactsPtr facts = this->facts(file);
    auto it = std::find(facts->names.begin(), facts->names.end(), name);
    auto id = static_cast<uint32_t>(it - facts->names.begin());
    for (const Occurrence& o : facts->occurrences) {
      if (o.name == id && !visit({&file, o.begin, o.end, o.role})) return false;
    }
    return true;
  });
}

void Snapshot::files_with_name(std::string_view name,
                               const std::function<bool(const FileEntry&)>& visit) const {
  if (base_ == nullptr) return;
  if (!patch_->uses(name, [&](uint32_t f) { return visit(patch_->files()[f]); })) return;
  base_->uses(name, [&](uint32_t f) {
    return std::binary_search(hidden_.begin(), hidden_.end(), f) || visit(base_->files()[f]);
  });
}

void Snapshot::files_called(std::string_view base_name,
                            const std::function<bool(const FileEntry&)>& visit) const {
  if (base_ == nullptr) return;
  if (!patch_->called(base_name, [&](uint32_t f) { return visit(patch_->files()[f]); })) return;
  base_->called(base_name, [&](uint32_t f) {
    return std::binary_search(hidden_.begin(), hidden_.end(), f) || visit(base_->files()[f]);
  });
}

void Snapshot::for_each_below(std::string_view folder,
                              const std::function<bool(const FileEntry&)>& visit) const {
  if (base_ == nullptr) return;
  std::string prefix = std::string(folder) + (folder.empty() ? "" : "/");
  for (const Segment* segment : {patch_.get(), base_.get()}) {
    const std::vector<FileEntry>& files = segment->files();
    auto it = std::lower_bound(files.begin(), files.end(), prefix,
                               [](const FileEntry& f, const std::string& p) { return f.path < p; });
    for (; it != files.end() && it->path.compare(0, prefix.size(), prefix) == 0; ++it) {
      auto f = static_cast<uint32_t>(it - files.begin());
      if (segment == base_.get() && std::binary_search(hidden_.begin(), hidden_.end(), f)) continue;
      if (!visit(*it)) return;
    }
  }
}

void Snapshot::for_each_defined_name(
    const std::function<bool(std::string_view, uint64_t)>& visit) const {
  if (base_ == nullptr) return;
  if (patch_->defined_names(visit)) base_->defined_names(visit);
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
  // Only files of the snapshot: a path with ".." must not lead out of the repository.
  if (snapshot == nullptr || snapshot->find(path) == nullptr) return std::nullopt;
  auto bytes = read_file(snapshot->root() / path, kMaxTextBytes);
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
