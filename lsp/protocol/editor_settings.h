// lsp/protocol/editor_settings.h - what an editor configures: initializationOptions, or the section
// "engramd" of its settings; and its report of the other servers of a document
// (docs/lsp-extensions.md).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lsp/protocol/basic.h"

namespace engramd::lsp {

// Whether engramd answers what another server of the same document answers too.
enum class Navigation { automatic, always, off };

// Members that are not given are empty.
struct EditorSettings {
  std::map<std::string, Navigation> navigation;         // by language id; "*": all others
  std::optional<std::vector<std::string>> servers_for;  // language ids that have another server
  std::optional<bool> diagnostics;                      // syntax errors are reported
};

// engramd/siblings
struct Sibling {
  std::string name;
  std::vector<std::string> methods;  // that it answers for the document; empty: all of navigation
};
struct SiblingsParams {
  std::string uri;
  std::vector<Sibling> servers;
};

Status read(const nlohmann::json&, SiblingsParams&);
// The settings object itself, or an object that holds it as "engramd". Unknown members are ignored;
// a known one with a value that it cannot have is an error that names it.
Result<EditorSettings> read_editor_settings(const std::string& json);

}  // namespace engramd::lsp
