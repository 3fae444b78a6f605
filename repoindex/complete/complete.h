// repoindex/complete/complete.h - what may be written at a cursor: names, members, keywords, paths.
//
// From the index and the text, ranked, best first, and bounded. Nothing in comments and strings,
// but for the paths of imports. Pure readers: any thread.
//
//   scope_reader.cpp, visible.cpp  what a receiver is, and which names a place sees
//   candidates.cpp   collects them; habits.cpp: what was written behind the same word before
//   rank.cpp         how likely each is
//   paths.cpp        modules, headers and files in imports
//   auto_import.cpp  the import that a name of another file needs
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "repoindex/view.h"

namespace engramd::repoindex {

enum class CandidateSource : uint8_t {
  local,       // of a function around the cursor
  member,      // of what stands before the dot
  file,        // of this file
  imported,    // bound by an import
  package,     // seen without one: of an included file, of the folder
  project,     // of another file: needs an import where the language has them
  predefined,  // of the language
  keyword,
  habit,     // written behind the same word, or with the same name, before; not resolved
  path,      // a module, a header, a file
  argument,  // the name of a parameter of what is called
};

class TypingCache;  // complete/typing_cache.h

struct Candidate {
  std::string name;
  std::string written;  // instead of the name, when it is not the name: "size=", "util/io.h"
  SymbolKind kind = SymbolKind::variable;
  CandidateSource source = CandidateSource::local;
  bool is_callable = false, is_deprecated = false, is_folder = false;
  bool takes_nothing = false;  // a callable without parameters
  std::string detail;          // a line: the signature or the written type
  std::string from;            // the class or module that has it
  // Where its definition is, for describe(). Empty without one.
  std::string path;
  uint32_t symbol = kNone;
  double score = 0;
};

struct CandidateList {
  ByteRange typed;  // in front of the cursor: what was typed of the name
  ByteRange word;   // the same with the rest of the name behind the cursor
  bool behind_receiver = false;
  bool receiver_known = false;  // its type or module is of this repository
  bool in_import = false;       // a module, a path, or a name that an import names
  bool call_follows = false;    // "(" stands behind the word
  // More is known than is answered: what is typed on may bring other names.
  bool incomplete = false;
  std::vector<Candidate> items;
};

// typing: kept by whoever asks again and again; null: texts are parsed anew.
CandidateList complete_at(const View&, const std::string& path, size_t offset,
                          size_t max_items = 200, TypingCache* typing = nullptr,
                          const CancelToken& = {});

// An insertion that brings a name in.
struct ImportEdit {
  size_t offset = 0;
  std::string text;
  std::string shown;  // "from pkg.mod import name"
};

struct CandidateDetails {
  std::string language, signature, doc;
  std::string path;  // of the definition
  uint32_t line = 0;
  std::string container;
};
std::optional<CandidateDetails> describe(const View&, const std::string& path, uint32_t symbol,
                                         std::string_view name);

// What the file `importer` needs in order to see the top-level name that `path` defines; nothing
// where we are not sure.
std::optional<ImportEdit> import_edit(const View&, const std::string& importer,
                                      std::string_view name, const std::string& path);
// The module's name as that import would write it: "pkg.mod", "./util"; empty when unsure.
std::string module_name(const View&, const std::string& importer, const std::string& path);
// Languages whose files see a name of another file by an import that names it.
bool imports_names(std::string_view language);

}  // namespace engramd::repoindex
