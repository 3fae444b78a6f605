// repoindex/query/resolve.h - from a written name to the definitions it means. Inside query/ only.
//
// No type checker: scopes, the imports of the file, evident receivers (self, a class name, a
// written type, a construction), and last the bare name; each answer says which it was. One
// Resolver per question; it keeps what it has read. One thread.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "repoindex/languages/language.h"
#include "repoindex/query.h"
#include "repoindex/snapshot.h"

namespace engramd::repoindex {

struct Found {
  std::string path;
  FileFactsPtr facts;
  uint32_t symbol = kNone;  // index into facts->symbols; kNone: the file itself
  Confidence confidence = Confidence::possible;
  bool same(const Found& other) const { return symbol == other.symbol && path == other.path; }
};

// Where an import may lead: files, or every file of folders with this path or path ending.
struct ImportTarget {
  std::vector<std::string> files;
  std::string folder;
  bool is_folder = false;
  bool folder_is_suffix = false;
  bool found() const { return !files.empty() || is_folder; }
};

class Resolver {
 public:
  explicit Resolver(const View& view) : view_(view) {}

  std::vector<Found> resolve(const std::string& path, const FileFactsPtr& facts,
                             const Occurrence& occurrence);
  ImportTarget import_target(const std::string& path, const FileFacts& facts, const Import& import);
  // Definitions of that name in all files, locals left out, at most `limit`.
  std::vector<Found> by_name(std::string_view name, size_t limit);

  // Text and line starts of a file, read once.
  struct Lines {
    std::string text;
    LineIndex index;
  };
  const Lines& lines(const std::string& path);
  Place place(const std::string& path, uint32_t begin, uint32_t end);
  SymbolHit hit(const Found& found);

 private:
  std::vector<Found> plain_name(const std::string& path, const FileFactsPtr& facts,
                                std::string_view name, uint32_t scope, uint32_t offset, int depth);
  std::vector<Found> in_scopes(const std::string& path, const FileFactsPtr& facts,
                               std::string_view name, uint32_t scope, uint32_t offset);
  std::vector<Found> through_imports(const std::string& path, const FileFactsPtr& facts,
                                     std::string_view name, int depth);
  std::vector<Found> in_target(const ImportTarget& target, std::string_view name, int depth);
  std::vector<Found> in_file(const std::string& path, std::string_view name, int depth);
  std::vector<Found> member(const std::string& path, const FileFactsPtr& facts,
                            const Occurrence& occurrence, int depth);
  // Names of the classes that a receiver is an instance of (or is itself).
  std::vector<std::string> classes_of(const std::string& path, const FileFactsPtr& facts,
                                      std::string_view receiver, uint32_t scope, uint32_t offset,
                                      int depth);
  std::vector<Found> members_of_class(const std::string& class_name, std::string_view name,
                                      const std::string& near);
  std::vector<Found> included(const std::string& path, std::string_view name);
  void rank_by_name(const std::string& path, Role role, std::vector<Found>* found) const;

  const View& view_;
  std::map<std::string, Lines> lines_;
  std::set<std::string> visiting_;  // files whose imports are being followed
  std::map<std::string, std::set<std::string>> include_closure_;
};

}  // namespace engramd::repoindex
