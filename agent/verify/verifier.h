// agent/verify/verifier.h - what a model is told right after an edit: what its edit broke.
//
// An edit that does not parse was refused before this. Then, each within its time and each
// switchable: the project's linter, the language server's diagnostics (both only as far as they are
// new since the base), and, when those found no error, the nearest tests with their shortest
// failure. What cannot be had is left out silently but for one note; nothing here fails an edit.
// Loop thread only.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/tools/workbench.h"
#include "agent/verify/verify_options.h"
#include "base/cancel.h"

namespace engramd::agent {

struct Feedback {
  std::string text;     // for the model; empty when there is nothing to say
  bool errors = false;  // something that was not so before is an error, or a near test is red
  double lint_s = 0, diagnostics_s = 0, tests_s = 0;
};

class EditVerifier {
 public:
  EditVerifier(Workbench& bench, VerifyOptions options);
  ~EditVerifier();

  Feedback after_edit(const std::vector<std::string>& paths, const CancelToken& cancel);

 private:
  struct Server {
    std::unique_ptr<DiagnosticsSource> source;  // null: there is none
    bool answered = false;
  };

  std::vector<Diagnostic> lint_all(const std::vector<std::string>& paths,
                                   const CancelToken& cancel);
  std::vector<Diagnostic> diagnose_all(const std::vector<std::string>& paths,
                                       const CancelToken& cancel);
  Server& server_of(const std::string& language, const CancelToken& cancel);
  void run_tests(const std::vector<std::string>& paths, const CancelToken& cancel, Feedback& out);
  void note(const std::string& text);

  Workbench& bench_;
  const VerifyOptions options_;
  std::map<std::string, Server> servers_;                                        // by language
  std::map<std::string, std::vector<Diagnostic>> base_lint_, base_diagnostics_;  // by path
  std::set<std::string> red_before_, told_;
  std::vector<std::string> notes_;
};

}  // namespace engramd::agent
