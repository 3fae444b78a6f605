// agent/verify/diagnostics.h - the port through which a run asks what a compiler or type checker
// thinks of a text.
//
// What answers lies outside (daemon/lsp_client: the language server that the user has). Called from
// the run's thread; an implementation may have threads of its own, which end with it.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/sandbox/sandbox.h"
#include "base/cancel.h"
#include "base/result.h"

namespace engramd::agent {

enum class Severity { error, warning, information, hint };
std::string_view to_string(Severity severity);

struct Diagnostic {
  std::string path;               // relative to the tree
  uint32_t line = 0, column = 0;  // 0-based; the column in whatever units its source counts
  Severity severity = Severity::error;
  std::string message;       // one line or a few
  std::string source, code;  // "pyright", "reportUndefinedVariable"; may be empty
};

class DiagnosticsSource {
 public:
  virtual ~DiagnosticsSource() = default;
  virtual std::string name() const = 0;  // of the program, for people
  // Of this text of the file, whatever the disk holds. Waits for at most `patience` (error
  // exhausted); error unavailable when the program has ended, and then for good.
  virtual Result<std::vector<Diagnostic>> diagnostics(const std::string& path,
                                                      const std::string& text,
                                                      std::chrono::milliseconds patience,
                                                      const CancelToken& cancel) = 0;
};

// For files of a language (a row of the index's table: "python"), run in that sandbox, which
// outlives it. Error not_found when no program is known or there.
using DiagnosticsFactory = std::function<Result<std::unique_ptr<DiagnosticsSource>>(
    const std::string& language, const Sandbox& sandbox, const CancelToken& cancel)>;

// Those of the new text that the base did not have. Lines that moved are followed; on lines that
// were changed the same message counts as the old one, once for each that went.
std::vector<Diagnostic> new_diagnostics(std::string_view base_text,
                                        const std::vector<Diagnostic>& base,
                                        std::string_view new_text,
                                        const std::vector<Diagnostic>& now);

// Those on lines that the base does not have.
std::vector<Diagnostic> on_changed_lines(std::string_view base_text, std::string_view new_text,
                                         const std::vector<Diagnostic>& now);

// "a.py:12: error: "x" is not defined (pyright)", worst first, then by line; at most max_bytes.
std::string readable(std::vector<Diagnostic> diagnostics, size_t max_bytes);

}  // namespace engramd::agent
