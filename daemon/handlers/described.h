// daemon/handlers/described.h - a definition as a person reads it: its signature in a fence of its
// language, what its comment says. Pure functions: any thread.
#pragma once

#include <string>

#include "lsp/protocol/basic.h"

namespace engramd::daemon {

// A fence longer than any run of backticks in the text, so that the text cannot close it.
std::string fenced(const std::string& language, const std::string& text);
// Signature and documentation, as markdown or plain.
lsp::Markup described(bool markdown, const std::string& language, const std::string& signature,
                      const std::string& doc);

}  // namespace engramd::daemon
