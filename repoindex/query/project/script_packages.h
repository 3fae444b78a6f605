// repoindex/query/project/script_packages.h - what tsconfig.json, jsconfig.json and package.json
// say of import names. Immutable once read: any thread.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "repoindex/query/project/json_text.h"

namespace engramd::repoindex {

using ReadText = std::function<std::string(const std::string& path)>;  // empty when there is none

// compilerOptions.baseUrl and paths of one tsconfig, with what it extends.
struct PathMapping {
  struct Rule {
    std::string prefix, suffix;  // around the '*'; an exact name has no star
    bool star = false;
    std::vector<std::string> targets;  // relative to the root, '*' left in
  };
  std::vector<Rule> rules;
  std::string base;  // baseUrl, relative to the root
  bool has_base = false;

  static PathMapping read(const std::string& config_path, const ReadText& read_text);
  // Places that an import of that name may mean, best first, without extensions.
  std::vector<std::string> places(std::string_view name) const;
};

// One package.json.
struct ScriptPackage {
  std::string folder, name;
  std::vector<std::string> mains;  // types, module, main, source as written
  JsonValue exports, imports;

  static ScriptPackage read(const std::string& path, const std::string& text);
  // For "name" or "name/sub" (sub without its slash): places relative to the root, best first.
  std::vector<std::string> places(std::string_view sub) const;
  std::vector<std::string> private_places(std::string_view written) const;  // "#internal"
};

}  // namespace engramd::repoindex
