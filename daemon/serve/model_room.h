// daemon/serve/model_room.h - one resident model and everybody who wants tokens of it.
//
// Conversations (background) have n_slots sessions and share the engine in turns (fair_turns.h);
// keystrokes (foreground) have one of their own, for which the engine lets the others stand aside,
// and which never throws a conversation away. Each slot has a thread. What waits for a slot waits
// in a bounded queue. Knows no HTTP and no chat. Any thread; the callbacks of a request come on its
// slot's thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "daemon/serve/fair_turns.h"
#include "daemon/serve/slot_table.h"
#include "engine/api/session.h"

namespace engramd::daemon::serve {

struct RoomOptions {
  size_t n_slots = 2;
  size_t n_waiting = 16;    // of each priority
  size_t context = 0;       // tokens of one conversation; 0: the model's
  bool speculation = true;  // guesses from the text itself are computed many at a time
  // What one more token costs, in steps of one; measured when not given. For tests: networks that
  // are small enough for them have no steady price.
  std::optional<double> guess_cost;
};

struct Outcome {
  size_t n_prompt = 0, n_cached = 0, n_generated = 0;
  size_t n_drafted = 0, n_accepted = 0;  // guesses computed, and those that came true
  double wait_s = 0, prompt_s = 0, generate_s = 0;
  std::string stop_reason;  // as GenerateResult's
};

struct Work {
  std::vector<engine::TokenId> prompt;
  engine::GenerateOptions options;  // its on_token and stop_when are the room's
  engine::Priority priority = engine::Priority::background;
  CancelToken cancel;
  // A token, its probability and the logits it was drawn from; false ends the text.
  std::function<bool(engine::TokenId, float, std::span<const float>)> on_token;
  // Exactly once, unless submit() failed. A cancelled request ends with stop_reason "cancelled".
  std::function<void(Result<Outcome>)> on_done;
};

struct RoomFigures {
  size_t n_running = 0, n_waiting = 0;
  uint64_t n_done = 0, n_cancelled = 0, n_failed = 0;
  uint64_t prompt_tokens = 0, cached_tokens = 0, generated_tokens = 0;
  uint64_t drafted_tokens = 0, accepted_tokens = 0;
  double prompt_s = 0, generate_s = 0, wait_s = 0;
  SlotTable::Figures conversations, keystrokes;
};

class ModelRoom {
 public:
  ModelRoom(std::shared_ptr<const engine::Model> model, const RoomOptions& options);
  ~ModelRoom();  // cancels what runs and waits, then joins

  // Errors: exhausted when the queue is full, invalid_input for a prompt that does not fit.
  Status submit(Work work);
  RoomFigures figures() const;
  size_t context() const { return context_; }

 private:
  struct Desk;
  struct Queued;
  std::unique_ptr<Desk> open_desk(size_t n_slots, size_t n_queued, engine::Priority priority);
  void work_at(Desk& desk);
  void run(Desk& desk, Work work, Clock::time_point since);
  Result<Outcome> generate(Desk& desk, Work& work, Clock::time_point since);
  // Reads the prompt in pieces that others may interrupt, of which `n_alike` tokens may be there
  // already; how many were. An error of code cancelled has given the turn back.
  Result<size_t> read_prompt(Desk& desk, engine::Session& session, const Work& work,
                             size_t n_alike);

  const std::shared_ptr<const engine::Model> model_;
  const size_t context_;
  const bool speculation_;
  const std::optional<double> guess_cost_;
  const std::unique_ptr<Desk> conversations_, keystrokes_;
};

}  // namespace engramd::daemon::serve
