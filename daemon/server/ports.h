// daemon/server/ports.h - what the sessions need from the engine and the agent, as functions.
//
// Sessions and handlers are tested without weights and without a sandbox: a test passes lambdas,
// main passes the real ones. An empty function means the feature is absent, and then it is not
// advertised. Each is called on a worker thread and must look at its token.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "base/text.h"
#include "repoindex/view.h"

namespace engramd::daemon {

struct CompletionQuery {
  repoindex::View view;
  std::string path;           // relative to the view's root
  size_t offset = 0;          // of the cursor, in bytes
  bool invoked = false;       // asked for by a key rather than by typing
  std::string selected_text;  // of the item chosen in the editor's completion menu; may be empty
  std::optional<ByteRange> selected_range;
  double min_confidence = 0.20;  // of a suggestion made while typing
};
struct CompletionSuggestion {
  std::string text;
  ByteRange replaced;  // usually empty, at the cursor
};

struct FixQuery {
  std::filesystem::path repo;
  std::string test_command;  // empty: found by the agent
  std::string task;          // issue text; empty: "make the tests pass"
  repoindex::View view;      // the repository with the asker's unsaved buffers
  std::map<std::string, std::string> client_environment;
  // Any thread; percentage 0..100 when known.
  std::function<void(const std::string& message, std::optional<uint32_t> percentage)> progress;
};
struct FixedFile {
  std::string path;                   // relative to repo
  std::optional<std::string> before;  // nothing: the file is new
  std::string after;
};
struct FixReport {
  bool fixed = false;
  std::string patch;             // unified diff
  std::string report_json;       // an object
  std::vector<FixedFile> files;  // what the patch changes
};

// A question about a definition, for a model that talks.
struct AskQuery {
  repoindex::View view;
  std::string path;  // relative to the view's root
  ByteRange range;   // of the definition
  std::string instruction;
};

struct Ports {
  // One call at a time, on the engine thread.
  std::function<Result<std::vector<CompletionSuggestion>>(const CompletionQuery&,
                                                          const CancelToken&)>
      complete;
  // Whether complete() looks at the facts of the asker's open documents; where it does not, they
  // are not parsed for it. Any thread, must not wait. An empty function: it does.
  std::function<bool()> completion_reads_facts;
  // What the first completion in this folder would otherwise wait for: weights and memory. Called
  // when an index has been filled, on the engine thread; near is an open document's path or empty.
  std::function<void(const repoindex::View&, const std::string& near)> prepare_completion;
  std::function<Result<FixReport>(const FixQuery&, const CancelToken&)> fix;
  // The answer's text, markdown; empty function when no model that talks is configured.
  std::function<Result<std::string>(const AskQuery&, const CancelToken&)> ask;
  // JSON object about the resident model for `engramd status`; any thread, must not wait.
  std::function<std::string()> model_status;
};

}  // namespace engramd::daemon
