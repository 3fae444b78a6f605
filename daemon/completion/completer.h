// daemon/completion/completer.h - one inline completion: what to show at a cursor, and how sure.
//
// Two sources, each optional but not both: a network (a loaded model and a session of its own) and
// the repository memory, which needs a tokenizer only. Both together are mixed token by token.
// The newest request wins: its caller cancels the token of the older one, which then returns
// within one decoding step. complete() is for one thread at a time (the engine thread); the
// memory's builds run on the executor.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "base/cancel.h"
#include "base/result.h"
#include "daemon/completion/prompt.h"
#include "daemon/completion/workspace_memories.h"
#include "engine/api/model.h"
#include "engine/api/session.h"
#include "repoindex/memory/token_cache.h"
#include "repoindex/view.h"

namespace engramd::daemon {

enum class CompletionTrigger { automatic, invoked };

struct CompleteOptions {
  size_t max_tokens = 48;
  size_t max_lines = 6;
  // What is there by then is used. The prompt is cut to what can be read in half of the time, and
  // the folder's first memory is waited for during a third of it; without a deadline, not at all.
  std::optional<Clock::time_point> deadline;
  CompletionTrigger trigger = CompletionTrigger::automatic;
  // The item chosen in the editor's menu: the suggestion replaces the range and starts with it.
  std::string selected_text;
  std::optional<ByteRange> selected_range;
};

struct Completion {
  std::string text;       // empty: nothing to show
  ByteRange replaced;     // of the document, in bytes; empty at the cursor unless selected
  double confidence = 0;  // probability of the whole text, as far as the sources can tell
  bool withheld = false;  // there was a text, but not sure enough for this trigger
  size_t n_tokens = 0;    // generated, those that were trimmed included
  double tokens_per_s = 0;
  double from_memory = 0;  // share of tokens that were the memory's first choice
  size_t n_prompt_tokens = 0, n_prompt_reused = 0;
  double prompt_s = 0, total_s = 0;
  std::string stop_reason;
};

struct CompleterOptions {
  bool use_network = true, use_memory = true;
  size_t max_prompt_tokens = 1536;
  // Zero shows everything: for measurements.
  double min_confidence_scale = 1;
  std::optional<PromptOrder> prompt_order;  // instead of the architecture's: for measurements
  BackgroundExecutor executor;              // of memory builds; empty: within complete()
  repoindex::MemoryOptions memory;
};

class Completer {
 public:
  // model may be null (memory only); tokenizer may be null when there is a model.
  static Result<std::unique_ptr<Completer>> make(
      std::shared_ptr<const engine::Model> model,
      std::shared_ptr<const engine::Tokenizer> tokenizer = nullptr, CompleterOptions options = {});

  // offset: of the cursor, in bytes of the view's text of the path.
  Result<Completion> complete(const repoindex::View& view, const std::string& path, size_t offset,
                              const CompleteOptions& options, const CancelToken& cancel = {});

  // Begins to build the folder's memory, so that the first request finds it.
  void prepare(const repoindex::View& view, const std::string& near);

  // Resident bytes beside the model's own: session state and memories.
  size_t n_bytes() const;

 private:
  struct Request;
  Completer(std::shared_ptr<const engine::Model> model,
            std::shared_ptr<const engine::Tokenizer> tokenizer, CompleterOptions options);

  std::shared_ptr<const repoindex::RepositoryMemory> memory_for(const repoindex::View& view,
                                                                const Request& request,
                                                                const CompleteOptions& options,
                                                                const CancelToken& cancel);
  size_t prompt_budget(const CompleteOptions& options) const;
  size_t healed_at(const Request& request, const repoindex::RepositoryMemory* memory) const;
  Result<engine::GenerateResult> generate(
      const repoindex::View& view, const Request& request,
      const std::shared_ptr<const repoindex::RepositoryMemory>& memory,
      const CompleteOptions& options, engine::GenerateOptions generate_options,
      const CancelToken& cancel, Completion& completion,
      std::vector<engine::TokenId>& memory_choices);

  std::shared_ptr<const engine::Model> model_;
  std::shared_ptr<const engine::Tokenizer> tokenizer_;
  CompleterOptions options_;
  PromptStyle style_;
  std::unique_ptr<engine::Session> session_;
  size_t session_tokens_ = 0;
  double prompt_tokens_per_s_ = 0;  // a running mean; 0 until measured
  std::unique_ptr<WorkspaceMemories> memories_;
  repoindex::TokenCache recent_tokens_{8u << 20};
  // The last memory with the open file in it: typing on one line asks for the same again.
  std::shared_ptr<const repoindex::RepositoryMemory> recent_of_, recent_;
  std::string recent_key_;
};

}  // namespace engramd::daemon
