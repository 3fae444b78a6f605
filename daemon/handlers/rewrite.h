// daemon/handlers/rewrite.h - a definition written anew by a model that talks: implemented or
// documented.
//
// The model's text takes the place of the definition and nothing else; a text that does not parse
// where the file did is refused. Pool thread.
#pragma once

#include <optional>
#include <string>

#include "daemon/server/ports.h"
#include "daemon/session/positions.h"
#include "repoindex/query.h"

namespace engramd::daemon {

struct Rewrite {
  const char* what;         // "implement": the name on the wire
  const char* title;        // "Implement" + the name of the definition
  const char* kind;         // of the code action
  const char* instruction;  // to the model
  // Worth offering for this definition.
  bool (*fits)(const repoindex::SymbolHit&, const std::string& text);
};
const Rewrite* find_rewrite(const std::string& what);
const std::vector<Rewrite>& rewrites();

// The function or class at a position; nothing at the top level.
std::optional<repoindex::SymbolHit> definition_at(const Asked& asked, lsp::Position position);

// The file as it would be.
Result<FixedFile> rewritten(const Ports& ports, const Asked& asked, lsp::Position position,
                            const Rewrite& rewrite, const CancelToken& cancel);

}  // namespace engramd::daemon
