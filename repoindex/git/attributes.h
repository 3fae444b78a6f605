// repoindex/git/attributes.h - what .gitattributes files say of a path, as far as we care.
//
// Same precedence as git: info/attributes, then the file in the deepest folder, up to the top, then
// the user's and the system's. Read from the work tree, once per object: make a new one for a new
// listing. One thread at a time.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "repoindex/git/place.h"

namespace engramd::repoindex {

enum class Said : uint8_t { nothing, yes, no };

struct FileAttributes {
  // The bytes in the work tree may differ from the blob by more than line ends: ident, a filter
  // (LFS), a working-tree-encoding. Differing line ends show in the size.
  bool rewritten = false;
  Said generated = Said::nothing;  // linguist-generated
  Said vendored = Said::nothing;   // linguist-vendored
};

class Attributes {
 public:
  // top: the folder that paths are relative to, a work tree's top or a plain folder.
  Attributes(std::filesystem::path top, const GitPlace& place, const GitSettings& settings);
  FileAttributes of(std::string_view path);

 private:
  enum Name : uint8_t { kIdent, kFilter, kEncoding, kGenerated, kVendored, kNames };
  enum class State : uint8_t { undecided, unspecified, set, unset, value };
  struct Rule {
    std::string glob, base;
    bool anchored = false;
    State states[kNames] = {};
  };
  using Rules = std::vector<Rule>;

  static Rules parse(std::string_view text, std::string_view base, bool macros_allowed,
                     std::map<std::string, Rule>* macros);
  static void assign(std::string_view word, const std::map<std::string, Rule>& macros, Rule* rule);
  static void apply(const Rules& rules, std::string_view path, State* states);
  const Rules& rules_in(std::string_view folder);
  void enter(std::string_view folder);

  const std::filesystem::path top_;
  std::map<std::string, Rule> macros_;
  Rules lowest_, highest_;
  std::map<std::string, Rules, std::less<>> by_folder_;
  // The rules of the folder asked about last, deepest first: paths come folder by folder.
  std::string entered_;
  bool entered_any_ = false;
  std::vector<const Rules*> chain_;
};

}  // namespace engramd::repoindex
