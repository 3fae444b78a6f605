// repoindex/index.h - the index of one repository (or plain folder): scan, parse, cache, publish.
//
// refresh() and document calls may come from any thread, one at a time per object (a mutex inside
// serialises them); snapshot() and hurry() never wait. Readers keep the snapshot they were given.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "repoindex/view.h"

namespace engramd::repoindex {

class ParseHosts;  // repoindex/parse_hosts.h

struct IndexOptions {
  std::filesystem::path cache_folder;         // empty: engramd::cache_folder()/"index"
  std::vector<std::string> include, exclude;  // gitignore-style patterns
  size_t n_threads = 0;                       // 0: hardware threads
  // A larger file in a known language is scanned for names, not parsed; in none it is listed only.
  uint64_t max_parse_bytes = 2u << 20;
  size_t max_facts_bytes = 64u << 20;  // decoded facts kept at hand
  bool use_cache = true;
  // Index the files of this commit instead of the folder's: anything git understands. A bare
  // repository has no others: HEAD then.
  std::string revision;
  // Confined child processes that parse; null: files are parsed in this process.
  std::shared_ptr<ParseHosts> parse_hosts;
};

struct IndexProgress {
  size_t done = 0, total = 0;
};
using ProgressFn = std::function<void(const IndexProgress&)>;

struct IndexStats {
  size_t n_files = 0;    // listed
  size_t n_indexed = 0;  // with facts
  size_t n_parsed = 0;   // parsed in this refresh, the rest came from the cache
  size_t n_skipped_binary = 0, n_skipped_large = 0, n_unreadable = 0;
  uint64_t n_lines = 0, n_bytes = 0;  // of the indexed files
  size_t n_symbols = 0, n_occurrences = 0;
  uint64_t cache_bytes = 0;      // on disk: the segments in use and the state of the files
  double wall_s = 0, cpu_s = 0;  // cpu_s with that of the parse hosts
  double status_wall_s = 0;      // of these, for finding the files and their state
  bool is_git = false;
  std::vector<std::pair<std::string, size_t>> files_by_language;  // most first
  std::vector<std::string> notes;  // stated fallbacks: "cache not writable: ...", one line each
};

class RepoIndex {
 public:
  // The folder must exist; git is not needed. Without git, or with a repository libgit2 cannot
  // open, files are found by walking (a .gitignore is then still honoured) and notes say so.
  static Result<std::unique_ptr<RepoIndex>> open(const std::filesystem::path& root,
                                                 IndexOptions options = {});
  virtual ~RepoIndex() = default;

  // Brings the snapshot up to date with the disk; only unseen blobs are parsed. While there is no
  // snapshot yet, partial ones are published: at once all files, with those facts that are known,
  // then more and more. A cancelled refresh publishes no more and loses nothing.
  virtual Result<IndexStats> refresh(const ProgressFn& progress = {},
                                     const CancelToken& cancel = {}) = 0;
  // Only these paths (relative): after a save or a watched-file event.
  virtual Status refresh_paths(const std::vector<std::string>& paths) = 0;

  // These paths and what they import come first in the refresh that runs or comes next: the files
  // that are open. Never waits.
  virtual void hurry(const std::vector<std::string>& paths) = 0;

  // Facts of all blobs of the snapshot as one file, for another machine; how many there were.
  virtual Result<size_t> export_facts(const std::filesystem::path& file,
                                      const CancelToken& cancel = {}) = 0;
  // Takes such a file into the cache; the next refresh finds its blobs known. All or nothing.
  virtual Result<size_t> import_facts(const std::filesystem::path& file,
                                      const CancelToken& cancel = {}) = 0;

  virtual SnapshotPtr snapshot() const = 0;  // empty before the first refresh, never null
  virtual const std::filesystem::path& root() const = 0;
};

// An open document that is re-parsed incrementally. One thread at a time.
class Document {
 public:
  // language: a row of the language table, or empty to decide by the path.
  static std::unique_ptr<Document> open(const std::string& path, std::string text, int64_t version,
                                        const std::string& language = {});
  virtual ~Document() = default;
  virtual void edit(ByteRange range, std::string_view replacement) = 0;
  virtual void replace(std::string text) = 0;
  virtual void set_version(int64_t version) = 0;
  virtual const std::string& text() const = 0;
  virtual const LineIndex& lines() const = 0;
  // Re-parses what changed (a few ms) and returns text and facts together.
  virtual OpenDocument publish() = 0;
  // The text as it is, without facts and without a tree: nothing is parsed for it.
  virtual OpenDocument text_alone() const = 0;
};

// Facts of a text, for callers that have no index: tests, the agent's edit check.
FileFactsPtr extract_facts(const std::string& path, std::string_view text);
// True when the text parses without ERROR or MISSING nodes (languages we have no grammar for:
// true). first_error is set to where the first one starts.
bool parses_cleanly(const std::string& path, std::string_view text,
                    LineColumn* first_error = nullptr);
// The language table's row for a path ("python"), or empty.
std::string language_of(const std::string& path, std::string_view first_line = {});

}  // namespace engramd::repoindex
