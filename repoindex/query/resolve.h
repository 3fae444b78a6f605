// repoindex/query/resolve.h - from a written name to the definitions it means. Inside query/ only.
//
// No type checker: scopes, the imports of the file, evident receivers (self, a class name, a
// written type, a construction, what a called function says it returns), and last the bare name;
// each answer says which it was. One Resolver per question; it keeps what it has read. One thread.
//
//   resolve.cpp     the order of the ways, names without a receiver: scopes and imports
//   includes.cpp    what a file sees through the files that it includes or loads
//   sites.cpp       names that are a definition's or an import's own
//   members.cpp     names behind a receiver: what the receiver is, its class, the bases
//   initializers.cpp  what a designated initializer is for
//   candidates.cpp  definitions by name, ranking, places
//   guesses.cpp     definitions that are near, when nothing but the name is known
//   imports.cpp     which files an import means, where it names files or folders
//   named_imports.cpp  the same for languages that name packages, modules or a load path
//   in_packages.cpp what a file sees through packages and modules
//   arity.cpp       how many arguments a call has and a function takes, and their types
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "repoindex/languages/language.h"
#include "repoindex/query.h"
#include "repoindex/query/query_cache.h"
#include "repoindex/snapshot.h"

namespace engramd::repoindex {

struct Found {
  std::string path;
  FileFactsPtr facts;
  uint32_t symbol = kNone;  // index into facts->symbols; kNone: the file itself
  Confidence confidence = Confidence::possible;
  bool same(const Found& other) const { return symbol == other.symbol && path == other.path; }
  const Symbol& get() const { return facts->symbols[symbol]; }  // not of a file
};

// What is known of a definition before its facts are loaded. Views are valid during the call.
struct NameMatch {
  std::string_view path;
  const FileEntry* file = nullptr;  // null: of the overlay
  const View* view = nullptr;
  std::string_view language() const;  // looked up when asked for
  SymbolKind kind = SymbolKind::variable;
  bool is_declaration = false;
  bool is_top_level = false;
  std::string_view container;  // its qualifier, else the definition right around it
};
using Accept = std::function<bool(const NameMatch&)>;

// A definition that has the name and may be meant, when nothing but the name is known.
struct Guess {
  std::string_view path;
  const FileEntry* file = nullptr;  // null: of the overlay
  uint32_t symbol = 0;
  bool is_declaration = false, is_top_level = false, has_owner = false;
};

// Import::level of an #include <x>.
constexpr uint32_t kAngleInclude = 1;

// Where an import may lead: files, or every file of folders with this path or path ending.
struct ImportTarget {
  std::vector<std::string> files;
  std::string folder;
  bool is_folder = false;
  bool folder_is_suffix = false;
  std::string package;      // whose names are meant, "A.B.C"; its files are in `files`
  size_t n_parts_left = 0;  // parts of the written path behind the file: items inside it (Rust)
  bool found() const { return !files.empty() || is_folder; }
};

bool is_class_like(SymbolKind kind);
bool is_callable(SymbolKind kind);  // functions, classes, macros
bool is_c_family(std::string_view language);
bool is_script_family(std::string_view language);
bool same_family(std::string_view a, std::string_view b);
// An enumerator of an unscoped C or C++ enum: visible where the enum is.
bool leaks_out(const FileFacts& facts, const Symbol& symbol);
// Visible from outside its file by its bare name: not inside a class or function.
bool is_top_level(const FileFacts& facts, const Symbol& symbol);
std::string_view owner_of(const FileFacts& facts, const Symbol& symbol);
void append_new(std::vector<Found>& to, std::vector<Found> more);
void weaken(std::vector<Found>& found, Confidence confidence);  // to at most that
SymbolHit hit_of(const std::string& path, SymbolCard card);     // of confidence possible

// Arguments of the call whose name ends at `at`; nothing when no call follows or it goes on too
// long. Type arguments between the name and the bracket are stepped over.
std::optional<uint32_t> count_arguments(std::string_view text, size_t at);
struct ParameterCount {
  uint32_t least = 0, most = 0;  // most is kNone for a variable number
};
// From a signature line; nothing when the list is cut short.
std::optional<ParameterCount> count_parameters(const Symbol& symbol, std::string_view language);
// The word that counts of each parameter's written type, views into the signature; empty when the
// list is cut short.
std::vector<std::string_view> parameter_types(const Symbol& symbol, std::string_view language);

class Resolver {
 public:
  explicit Resolver(const View& view) : view_(view) {}
  friend class ScopeReader;  // complete/scope_reader.h: the same ways for what is not written yet

  std::vector<Found> resolve(const std::string& path, const FileFactsPtr& facts,
                             const Occurrence& occurrence);
  // The same without what is only guessed by the name. False: there would be guesses; out is empty.
  bool resolve_known(const std::string& path, const FileFactsPtr& facts,
                     const Occurrence& occurrence, std::vector<Found>* out);
  // The same answer as places, best first, at most `limit`: guessed definitions are read alone.
  std::vector<SymbolHit> resolve_hits(const std::string& path, const FileFactsPtr& facts,
                                      const Occurrence& occurrence, size_t limit);
  // The guesses for a use of the name in that file, as the postings tell them: nothing is read.
  // Valid until the next question about another file or name.
  const std::vector<const Guess*>& nearest_named(const std::string& path, std::string_view language,
                                                 std::string_view name, bool bare);
  // Of the last resolve(): the name belongs to something outside the repository.
  bool is_foreign() const { return is_foreign_; }
  // Of the last resolve(): it wanted something that partial facts do not have; the answer is void.
  bool lacks() const { return lacks_; }
  // Of the last resolve(): what stands around the name decided, so the next use may mean another.
  bool is_by_place() const { return is_by_place_; }
  ImportTarget import_target(const std::string& path, const FileFacts& facts, const Import& import);
  // Files with a definition that is called so in full, in the languages of a family.
  std::vector<std::string> files_of_name(std::string_view family, std::string_view full);
  // Definitions of that name in all files, locals left out, at most `limit`.
  std::vector<Found> by_name(std::string_view name, size_t limit, const Accept& accept = {});

  // For one of many lookups of a question that are no resolve(): with a fresh budget, as asked in
  // this file.
  void start(const std::string& path);
  // members.cpp. The class around a scope: the one it lies in, or the one its qualifier names.
  std::vector<Found> class_around(const std::string& path, const FileFactsPtr& facts,
                                  uint32_t scope, int depth);
  std::vector<Found> bases_of(const Found& class_, int depth);
  // What one of the names that a class gives as its bases means.
  std::vector<Found> base_named(const Found& class_, const std::string& base, int depth);
  // What a value of this definition is an instance of.
  std::vector<Found> classes_of(const Found& definition, int depth);
  std::vector<Found> own_members(const Found& class_, std::string_view name);
  // sites.cpp. The bodies of what is only declared, best first.
  std::vector<Found> bodies_of(const Found& declared);
  // Remembered during the question; empty when it cannot be read.
  const std::string& text(const std::string& path);

  // Of a name or definition of the file with these facts.
  Place place(const std::string& path, const FileFacts& facts, uint32_t begin, uint32_t end);
  SymbolHit hit(const Found& found);

 private:
  static constexpr int kMaxDepth = 8;            // re-exports, aliases and types that are followed
  static constexpr size_t kMaxSteps = 4000;      // lookups of one question
  static constexpr size_t kMaxByName = 500;      // accepted definitions of one name
  static constexpr size_t kMaxGuesses = 500;     // of one name, when nothing but the name is known
  static constexpr size_t kMaxGuessesRead = 12;  // the nearest of them, whose facts are read
  static constexpr size_t kMaxIncluded = 3000;   // files of an include closure
  static constexpr size_t kMaxOverloads = 32;    // whose parameters are counted
  static constexpr size_t kMaxNamespaceParts = 32;  // of one namespace, that are answered
  static constexpr size_t kMaxPackageFiles = 1000;  // of one package
  static constexpr size_t kMaxImportTargets = 4096;
  static constexpr size_t kMaxRemembered = 4096;  // classes, and files

  // resolve.cpp
  std::vector<Found> definition_site(const std::string& path, const FileFactsPtr& facts,
                                     const Occurrence& occurrence);
  std::vector<Found> import_site(const std::string& path, const FileFactsPtr& facts,
                                 const Occurrence& occurrence);
  std::vector<Found> guesses(const std::string& path, const FileFactsPtr& facts,
                             const Occurrence& occurrence);
  bool may_guess(const std::string& path, const FileFactsPtr& facts, const Occurrence& occurrence);
  void trust_only_body(const FileFacts& facts, const Occurrence& occurrence,
                       std::vector<Found>* found);
  // What the occurrence means, by its receiver if it has one; no guesses.
  std::vector<Found> meaning(const std::string& path, const FileFactsPtr& facts,
                             const Occurrence& occurrence, int depth);
  std::vector<Found> plain_name(const std::string& path, const FileFactsPtr& facts,
                                std::string_view name, uint32_t scope, uint32_t offset, int depth);
  std::vector<Found> in_scopes(const std::string& path, const FileFactsPtr& facts,
                               std::string_view name, uint32_t scope, uint32_t offset, int depth);
  std::vector<Found> through_imports(const std::string& path, const FileFactsPtr& facts,
                                     std::string_view name, int depth);
  std::vector<Found> through_import(const std::string& path, const FileFactsPtr& facts,
                                    const Import& import, std::string_view name, int depth);
  std::vector<Found> in_target(const ImportTarget& target, std::string_view name, int depth);
  std::vector<Found> in_file(const std::string& path, std::string_view name, int depth);
  std::vector<Found> in_folder_package(const std::string& path, const FileFacts& facts,
                                       std::string_view name);
  std::vector<Found> included(const std::string& path, std::string_view name);
  std::shared_ptr<const IncludeClosure> closure_of(const std::string& path);
  bool includes(const std::string& path, const FileEntry* file);  // directly or not
  bool sees(const std::string& path, const std::string& other);   // the same, or includes it

  // members.cpp
  std::vector<Found> member(const std::string& path, const FileFactsPtr& facts,
                            const Occurrence& occurrence, int depth);
  // initializers.cpp: the classes whose member a designator `.name =` names.
  std::vector<Found> initialized(const std::string& path, const FileFactsPtr& facts,
                                 const Occurrence& occurrence, int depth);
  std::vector<Found> keyword_argument(const std::string& path, const FileFactsPtr& facts,
                                      const Occurrence& occurrence);
  std::vector<Found> in_module(const std::string& path, const FileFactsPtr& facts,
                               std::string_view receiver, std::string_view name, int depth);
  std::vector<Found> in_namespace(const std::string& path, std::string_view around,
                                  std::string_view name);
  std::vector<Found> qualified_class(const Found& around, std::string_view name, uint32_t begin,
                                     uint32_t end, int depth);
  std::vector<Found> elements_of(std::vector<Found> classes, int depth);
  std::vector<Found> class_named(const std::string& path, const FileFactsPtr& facts,
                                 std::string_view name, uint32_t scope, uint32_t offset, int depth);
  std::vector<Found> members_of(const Found& class_, std::string_view name, int depth);

  // arity.cpp: the types of the arguments of the call whose name ends there; "" = not evident.
  std::vector<std::string> argument_types(const std::string& path, const FileFactsPtr& facts,
                                          size_t at);

  // named_imports.cpp
  ImportTarget named_target(const std::string& path, const FileFacts& facts, const Import& import);

  // in_packages.cpp
  std::vector<Found> visible_names(const std::string& path, const FileFactsPtr& facts,
                                   std::string_view name, uint32_t scope, uint32_t offset,
                                   int depth);
  std::vector<std::string> packages_around(const FileFacts& facts, uint32_t scope, uint32_t offset);
  std::vector<std::string> written_path(const std::string& path, const FileFacts& facts,
                                        const Occurrence& occurrence);
  std::vector<std::string> written_in_front(const std::string& path, const FileFacts& facts,
                                            size_t offset);
  std::vector<Found> in_packages(const std::string& path, const FileFactsPtr& facts,
                                 const std::vector<std::string>& parts, uint32_t scope,
                                 uint32_t offset);
  std::vector<Found> through_written_path(const std::string& path, const FileFactsPtr& facts,
                                          const Occurrence& occurrence, int depth);
  std::vector<Found> package_import_site(const FileFactsPtr& facts, const Occurrence& occurrence);
  std::vector<Found> called_in_full(std::string_view family, std::string_view full);
  std::vector<std::string> files_of_package(std::string_view family, const std::string& package);
  std::vector<Found> in_imported_objects(const FileFactsPtr& facts, std::string_view name,
                                         int depth);
  std::vector<Found> in_swift_modules(const std::string& path, const FileFacts& facts,
                                      std::string_view name);

  // Whether partial facts leave out occurrences right before the i-th: then the answer lacks them.
  bool at_gap(const FileFacts& facts, size_t i) {
    bool gap = std::binary_search(facts.gaps.begin(), facts.gaps.end(), i);
    lacks_ = lacks_ || gap;
    return gap;
  }
  // What a question works out of a class or a file again and again, for one name. Without facts,
  // which would keep whole files in memory: loaded() brings them back.
  struct Family {
    std::vector<Found> own, bases;  // members of that name; if none, the classes above
    bool foreign_after = false;
  };
  const Family& family_of(Found class_, std::string_view name, int depth);
  std::vector<Found> loaded(const std::vector<Found>& found);
  std::vector<Found> read_in_file(const std::string& path, const FileFactsPtr& facts,
                                  std::string_view name, int depth);

  // members.cpp
  const Occurrence* receiver_occurrence(const FileFacts& facts, const Occurrence& occurrence);

  // candidates.cpp
  void rank(const std::string& path, const FileFactsPtr& facts, const Occurrence& occurrence,
            std::vector<Found>* found);
  bool hidden(const FileEntry& file);

  // guesses.cpp
  struct Named {
    std::vector<Guess> all;  // at most kMaxGuesses, in the order of the postings
    bool any_member = false;
  };
  const Named& named(std::string_view name, std::string_view language, bool bare);

  const View& view_;
  size_t n_steps_ = 0;
  std::string asking_;  // the file that the question is asked in
  bool is_foreign_ = false;
  bool is_by_place_ = false;
  bool lacks_ = false;
  std::map<std::string, std::string> texts_;
  std::set<std::string> visiting_;  // files whose imports are being followed
  std::map<std::string, std::shared_ptr<const IncludeClosure>> closures_;
  std::unordered_map<std::string, ImportTarget> import_targets_;  // see import_target()
  std::map<std::string, Family> families_;                        // see family_of()
  std::map<std::string, Family> families_here_;  // of partial facts, which are of asking_
  Family not_kept_;                              // what must not be remembered
  std::unordered_map<std::string, std::vector<Found>> in_files_;  // see in_file(); without facts
  std::map<std::string, Named> named_;  // by name, language and whether it is bare
  struct {
    std::string path, name;
    bool bare = false;
    std::vector<const Guess*> guesses;
  } nearest_;
  bool knows_hidden_ = false;
  std::vector<const FileEntry*> hidden_;  // files of the snapshot that the overlay has too; sorted
};

}  // namespace engramd::repoindex
