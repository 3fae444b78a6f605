// repoindex/snapshot.h - all files of one moment with their facts, and who defines or uses a name.
//
// A Snapshot holds paths and where their facts lie in which segment, not the facts: those are
// loaded when asked for and kept in a bounded cache. It is a big base table and a small patch over
// it: a saved file costs the patch, not the repository. The patch is folded into a new base when
// it grows. Immutable: any thread.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "repoindex/file_source.h"
#include "repoindex/store/summary.h"
#include "repoindex/view.h"

namespace engramd::repoindex {

class FactsLru;
class FileTable;
class QueryCache;  // query/query_cache.h
class Segment;
struct LiveSets;
struct PlacedFile;
struct SymbolCard;  // store/record.h
std::shared_ptr<QueryCache> make_query_cache();

// A definition as the postings know it: enough to choose among many without loading a file.
struct DefinitionRef {
  const FileEntry* file = nullptr;
  uint32_t symbol = 0;  // index into Snapshot::facts(*file)->symbols
  SymbolKind kind = SymbolKind::variable;
  bool is_declaration = false;
  bool is_top_level = false;  // nothing around it but namespaces and modules, and no qualifier
  bool has_owner = false;     // a qualifier, or a class right around it
  // Its qualifier, else the name of the definition right around it, or empty. Valid during the
  // visit.
  std::string_view container;
};

// An occurrence of a name as the postings know it.
struct UseRef {
  const FileEntry* file = nullptr;
  uint32_t begin = 0, end = 0;
  LineColumn start_at, end_at;  // all on line 0 when the file's lines are not known
  Role role = Role::reference;
  bool has_receiver = false;  // it stands behind a dot or the like
};

class Snapshot {
 public:
  static SnapshotPtr build(std::filesystem::path root, std::vector<PlacedFile> files,
                           std::shared_ptr<FactsLru> facts,
                           std::shared_ptr<const FileSource> source = nullptr);
  // The same snapshot with these files replaced or added, and those paths gone. relocate is shown
  // every file that stays in the patch: segments that were merged meanwhile can be let go.
  SnapshotPtr with_changes(std::vector<PlacedFile> changed, const std::vector<std::string>& removed,
                           const std::function<void(PlacedFile&)>& relocate = {}) const;

  const std::filesystem::path& root() const { return root_; }
  size_t n_files() const { return n_files_; }
  const FileEntry* find(std::string_view path) const;
  // The commit that the files are of, in hex; empty: they are those of the folder.
  const std::string& commit() const;
  // The bytes of a file of this snapshot: as they are now in the folder, or in the commit.
  Result<std::string> read(const std::string& path, uint64_t max_bytes) const;
  void for_each_file(const std::function<void(const FileEntry&)>& visit) const;  // by path

  // The facts of a file of this snapshot, loaded when they are not at hand (some 50 us); hold on
  // to the pointer while using them. Null for a file that is only listed, and when the stored facts
  // turn out to be damaged: the next refresh makes them anew.
  FileFactsPtr facts(const FileEntry& file) const;
  FileSummary summary(const FileEntry& file) const;  // loads nothing
  // Facts of nothing but the language and the imports, for a fraction; null as facts() is.
  FileFactsPtr imports(const FileEntry& file) const;
  // Partial facts for the uses of the name in that file; null when they cannot be had: the whole
  // ones may tell.
  FileFactsPtr facts_around(const FileEntry& file, std::string_view name) const;
  // One symbol by its index in the facts, without loading them; an error when that cannot be: the
  // facts may still tell.
  Result<SymbolCard> symbol(const FileEntry& file, uint32_t symbol) const;

  // Definitions of that name that are not locals. The visitor returns whether to go on.
  void definitions(std::string_view name, const std::function<bool(DefinitionRef)>& visit) const;
  // Every occurrence of the name, file by file, by offset in each. Loads nothing.
  void uses(std::string_view name, const std::function<bool(UseRef)>& visit) const;
  // Files in which the name occurs at all.
  void files_with_name(std::string_view name,
                       const std::function<bool(const FileEntry&)>& visit) const;
  // Files below a folder, by path.
  void for_each_below(std::string_view folder,
                      const std::function<bool(const FileEntry&)>& visit) const;
  // Files whose last path component is this.
  void files_called(std::string_view base_name,
                    const std::function<bool(const FileEntry&)>& visit) const;
  // Every distinct name of a definition that has all these letters, with the bit set of the letters
  // in it (see letter_bits); a name may come twice. Names are valid while the snapshot is.
  void for_each_defined_name(
      const std::function<bool(std::string_view name, uint64_t letters)>& visit,
      uint64_t wanted_letters = 0) const;

  // visit(file, segment or null, doc): for whoever stores or ships what the snapshot knows.
  void for_each_placed(
      const std::function<void(const FileEntry&, const std::shared_ptr<const Segment>&, uint32_t)>&
          visit) const;

  // What questions asked of this snapshot have worked out so far. For query/ only.
  QueryCache& query_cache() const { return *query_cache_; }

 private:
  friend struct SnapshotReader;
  std::shared_ptr<QueryCache> query_cache_ = make_query_cache();
  std::filesystem::path root_;
  std::shared_ptr<const FileSource> source_;  // null: the folder
  std::shared_ptr<const FileTable> base_, patch_;
  std::vector<uint32_t> hidden_;  // base files that the patch replaces or that are gone; sorted
  std::shared_ptr<const LiveSets> base_live_;  // of the base, without hidden files
  std::shared_ptr<FactsLru> facts_;
  size_t n_files_ = 0;
};

// Bits of the letters and digits of a name, case folded.
uint64_t letter_bits(std::string_view name);

}  // namespace engramd::repoindex
