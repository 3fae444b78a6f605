// daemon/completion/completer.h - one inline completion: what to show at a cursor, and how sure.
//
// Two sources, each optional but not both: a network (a loaded model and a session of its own) and
// the repository memory, which needs a tokenizer only. Both together are mixed token by token, by
// the gate of the model's file. The memory's own answer is made first, in milliseconds, and is what
// is shown when the network is late.
// The newest request wins: its caller cancels the token of the older one, which then returns
// within one decoding step. complete() is for one thread at a time (the engine thread); the
// memory's builds run on the executor.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "base/cancel.h"
#include "base/result.h"
#include "daemon/completion/decode.h"
#include "daemon/completion/gate.h"
#include "daemon/completion/judge.h"
#include "daemon/completion/line_ends.h"
#include "daemon/completion/prompt.h"
#include "daemon/completion/prompt_window.h"
#include "daemon/completion/workspace_memories.h"
#include "engine/api/model.h"
#include "engine/api/session.h"
#include "repoindex/memory/token_cache.h"
#include "repoindex/view.h"

namespace engramd::daemon {

enum class CompletionTrigger { automatic, invoked };
// Who decides the tokens. The network's prompt quotes the repository also where it is alone.
enum class CompletionSources { both, memory, network };

struct CompleteOptions {
  size_t max_tokens = 48;
  size_t max_lines = 6;
  // What is there by then is used. The prompt is cut to what can be read in half of the time, and
  // the folder's first memory is waited for during a third of it; without a deadline, not at all.
  std::optional<Clock::time_point> deadline;
  // Where the memory has something to show the network may be waited for only until then.
  std::optional<Clock::time_point> network_deadline;
  // How probably right a suggestion must be; nothing: what the trigger asks for.
  std::optional<double> min_confidence;
  CompletionTrigger trigger = CompletionTrigger::automatic;
  CompletionSources sources = CompletionSources::both;  // those that there are: for measurements
  // The item chosen in the editor's menu: the suggestion replaces the range and starts with it.
  std::string selected_text;
  std::optional<ByteRange> selected_range;
};

struct Completion {
  std::string text;       // empty: nothing to show
  ByteRange replaced;     // of the document, in bytes; empty at the cursor unless selected
  double confidence = 0;  // that the whole text is right, calibrated where there are numbers
  bool withheld = false;  // there was a text, but not sure enough for this trigger
  size_t n_tokens = 0;    // generated, those that were trimmed included
  double tokens_per_s = 0;
  double from_memory = 0;  // share of tokens that were the memory's first choice
  size_t n_prompt_tokens = 0, n_prompt_reused = 0;
  // Parts of total_s, in order: the memory learns the open file, answers; the prompt's tokens are
  // chosen, read by the network; the network answers.
  double learn_s = 0, memory_s = 0, window_s = 0, prompt_s = 0, decode_s = 0;
  double total_s = 0;
  bool from_network = false;  // the network had a say in the text
  std::string stop_reason;
  std::vector<LineEvidence> lines;  // of the text, those that were cut off included
};

struct CompleterOptions {
  bool use_network = true, use_memory = true;
  // What the memory expects is computed some tokens at a time. By default where a token costs more
  // than a guess: by the network's size.
  std::optional<bool> speculation;
  size_t max_prompt_tokens = 1536;
  std::optional<PromptOrder> prompt_order;  // instead of the architecture's: for measurements
  BackgroundExecutor executor;              // of memory builds; empty: within complete()
  repoindex::MemoryOptions memory;
  // The index's cache folder: what a memory has learnt is kept there; empty: nowhere.
  std::filesystem::path memory_folder;
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

  // What the sources say to `text` at this place, token by token: for measurements and for fitting
  // the gate. Sources as in the options.
  Result<Decoded> judge_text(const repoindex::View& view, const std::string& path, size_t offset,
                             std::string_view text, const CancelToken& cancel = {});

  // Prompts of this model's style quote texts; others are made of the view's facts too. Never
  // changes; any thread.
  bool reads_facts() const { return model_ != nullptr && !style_.has_excerpts; }

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
  size_t affordable_prompt(const CompleteOptions& options) const;
  size_t healed_at(const Request& request, const repoindex::RepositoryMemory* memory) const;
  Result<Request> read(const repoindex::View& view, const std::string& path, size_t offset,
                       const CompleteOptions& options) const;
  // Brings the session to the request's prompt.
  Status read_prompt(const repoindex::View& view, const Request& request,
                     const repoindex::RepositoryMemory* memory, const CompleteOptions& options,
                     const CancelToken& cancel, Completion& completion);
  std::vector<PromptWindow::Tokens> excerpts(const repoindex::RepositoryMemory* memory,
                                             const PromptWindow::Tokens& before,
                                             const PromptWindow::Tokens& after) const;
  Result<Decoded> decode_request(const Request& request, engine::Session* network,
                                 const repoindex::RepositoryMemory* memory,
                                 const CompleteOptions& options, const StopRules& rules,
                                 const JudgeSettings& settings, const CancelToken& cancel);

  std::shared_ptr<const engine::Model> model_;
  std::shared_ptr<const engine::Tokenizer> tokenizer_;
  CompleterOptions options_;
  const LineEnds ends_;
  Gate gate_;
  PromptStyle style_;
  PromptWindow window_;
  std::unique_ptr<engine::Session> session_;
  engine::DraftControl draft_control_;
  bool speculates_ = false;
  size_t session_tokens_ = 0;
  double prompt_tokens_per_s_ = 0;  // a running mean; 0 until measured
  std::unique_ptr<WorkspaceMemories> memories_;
  repoindex::TokenCache recent_tokens_{8u << 20};
  // The last memory with the open file in it: typing on one line asks for the same again.
  std::shared_ptr<const repoindex::RepositoryMemory> recent_of_, recent_;
  std::string recent_key_;
  size_t n_recent_before_ = 0;     // tokens of its first sequence
  bool has_recent_after_ = false;  // its second sequence is the text behind the cursor's line
};

}  // namespace engramd::daemon
