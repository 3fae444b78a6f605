#include "daemon/serve/model_room.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <list>
#include <mutex>
#include <thread>

#include "agent/model/memory_drafts.h"
#include "base/log.h"

namespace engramd::daemon::serve {
namespace {

// The first piece of a prompt says how much was still there; the others are as long as the engine's
// own steps, so that an interruption loses little.
constexpr size_t kFirstTokens = 16;
constexpr size_t kPieceTokens = 256;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

struct ModelRoom::Queued {
  Work work;
  Clock::time_point since;
};

// The slots of one priority, their threads and the queue before them.
struct ModelRoom::Desk {
  Desk(std::shared_ptr<const engine::Model> model, size_t n_slots, size_t context, size_t n_queued,
       engine::Priority of)
      : slots(std::move(model), n_slots, context), priority(of), capacity(n_queued) {}

  SlotTable slots;
  FairTurns turns;
  const engine::Priority priority;
  const size_t capacity;
  mutable std::mutex mutex;  // guards what follows: any thread submits
  std::condition_variable filled;
  std::deque<Queued> waiting;
  bool closed = false;
  std::list<CancelSource> running;
  RoomFigures sums;  // of what is done
  std::vector<std::thread> threads;
};

ModelRoom::ModelRoom(std::shared_ptr<const engine::Model> model, const RoomOptions& options)
    : model_(std::move(model)),
      context_(options.context == 0 ? model_->info().context_length
                                    : std::min(options.context, model_->info().context_length)),
      speculation_(options.speculation),
      guess_cost_(options.guess_cost),
      conversations_(open_desk(std::max<size_t>(1, options.n_slots), options.n_waiting,
                               engine::Priority::background)),
      keystrokes_(open_desk(1, options.n_waiting, engine::Priority::foreground)) {}

std::unique_ptr<ModelRoom::Desk> ModelRoom::open_desk(size_t n_slots, size_t n_queued,
                                                      engine::Priority priority) {
  auto desk = std::make_unique<Desk>(model_, n_slots, context_, n_queued, priority);
  for (size_t i = 0; i < n_slots; ++i)
    desk->threads.emplace_back([this, raw = desk.get()] { work_at(*raw); });
  return desk;
}

ModelRoom::~ModelRoom() {
  for (Desk* desk : {conversations_.get(), keystrokes_.get()}) {
    std::lock_guard lock(desk->mutex);
    desk->closed = true;
    for (CancelSource& running : desk->running) running.cancel();
    desk->filled.notify_all();
  }
  for (Desk* desk : {conversations_.get(), keystrokes_.get()})
    for (std::thread& thread : desk->threads) thread.join();
}

Status ModelRoom::submit(Work work) {
  if (work.prompt.empty()) return fail(ErrorCode::invalid_input, "the prompt has no tokens");
  if (work.prompt.size() >= context_)
    return fail(ErrorCode::invalid_input, "the prompt has " + std::to_string(work.prompt.size()) +
                                              " tokens, the context " + std::to_string(context_));
  for (const engine::TokenId token : work.prompt)
    if (token < 0 || size_t(token) >= model_->info().n_vocab)
      return fail(ErrorCode::invalid_input, "token " + std::to_string(token) +
                                                ", the vocabulary has " +
                                                std::to_string(model_->info().n_vocab));
  work.options.max_tokens = std::min(work.options.max_tokens, context_ - work.prompt.size());
  Desk& desk = work.priority == engine::Priority::background ? *conversations_ : *keystrokes_;
  std::lock_guard lock(desk.mutex);
  // Those whose client has gone meanwhile keep nobody out.
  const auto gone =
      std::count_if(desk.waiting.begin(), desk.waiting.end(),
                    [](const Queued& queued) { return queued.work.cancel.cancelled(); });
  const size_t n_idle = desk.threads.size() - std::min(desk.threads.size(), desk.running.size());
  if (desk.closed || desk.waiting.size() - size_t(gone) >= desk.capacity + n_idle)
    return fail(ErrorCode::exhausted,
                std::to_string(desk.waiting.size()) + " requests wait already");
  desk.waiting.push_back({std::move(work), Clock::now()});
  desk.filled.notify_one();
  return {};
}

void ModelRoom::work_at(Desk& desk) {
  for (;;) {
    std::unique_lock lock(desk.mutex);
    desk.filled.wait(lock, [&] { return desk.closed || !desk.waiting.empty(); });
    if (desk.waiting.empty()) return;
    Queued queued = std::move(desk.waiting.front());
    desk.waiting.pop_front();
    // Cancelled by the client's token, and with the room.
    const auto source = desk.running.emplace(desk.running.end(), queued.work.cancel);
    if (desk.closed) source->cancel();
    queued.work.cancel = source->token();
    lock.unlock();
    run(desk, std::move(queued.work), queued.since);
    lock.lock();
    desk.running.erase(source);
  }
}

void ModelRoom::run(Desk& desk, Work work, Clock::time_point since) {
  Result<Outcome> outcome = fail(ErrorCode::internal, "no outcome");
  try {
    outcome = generate(desk, work, since);
  } catch (const std::exception& problem) {
    outcome = fail(ErrorCode::internal, std::string("the generation failed: ") + problem.what());
  }
  {
    std::lock_guard lock(desk.mutex);
    RoomFigures& sums = desk.sums;
    if (outcome) {
      ++(outcome->stop_reason == "cancelled" ? sums.n_cancelled : sums.n_done);
      sums.prompt_tokens += outcome->n_prompt - outcome->n_cached;
      sums.cached_tokens += outcome->n_cached;
      sums.generated_tokens += outcome->n_generated;
      sums.drafted_tokens += outcome->n_drafted;
      sums.accepted_tokens += outcome->n_accepted;
      sums.prompt_s += outcome->prompt_s;
      sums.generate_s += outcome->generate_s;
      sums.wait_s += outcome->wait_s;
    } else {
      ++sums.n_failed;
    }
  }
  try {
    if (work.on_done) work.on_done(std::move(outcome));
  } catch (const std::exception& problem) {
    log_error(std::string("a request could not be answered: ") + problem.what());
  }
}

Result<Outcome> ModelRoom::generate(Desk& desk, Work& work, Clock::time_point since) {
  Outcome outcome;
  if (work.cancel.cancelled()) {
    outcome.stop_reason = "cancelled";
    return outcome;
  }
  ENGRAMD_TRY(Slot* const slot, desk.slots.lend(work.prompt));
  engine::Session& session = *slot->session;
  // Sessions that ended in an error are not trusted with another prompt.
  struct Lent {
    Desk& desk;
    Slot* slot;
    bool broken = true;
    ~Lent() {
      if (broken) {
        slot->session.reset();
        slot->tokens.clear();
      }
      desk.slots.give_back(slot);
    }
  } lent{desk, slot};

  session.set_priority(desk.priority);
  if (!desk.turns.take(work.cancel)) {
    lent.broken = false;
    outcome.stop_reason = "cancelled";
    return outcome;
  }
  struct Turn {
    FairTurns& turns;
    bool held = true;
    ~Turn() {
      if (held) turns.give_back();
    }
  } turn{desk.turns};

  outcome.wait_s = seconds_since(since);
  const Clock::time_point start = Clock::now();
  const size_t n_alike = common_prefix(slot->tokens, work.prompt);
  slot->tokens = work.prompt;
  auto cached = read_prompt(desk, session, work, n_alike);
  if (!cached && cached.error().code == ErrorCode::exhausted && !work.cancel.cancelled()) {
    // Kept conversations are worth less than this one.
    size_t bytes = 0;
    for (Desk* each : {conversations_.get(), keystrokes_.get()}) bytes += each->slots.drop_idle();
    log_info("dropped kept sessions of " + std::to_string(bytes >> 20) + " MiB for a new prompt");
    cached = read_prompt(desk, session, work, 0);
  }
  outcome.prompt_s = seconds_since(start);
  if (!cached) {
    if (cached.error().code != ErrorCode::cancelled) return fail(std::move(cached).error());
    // What was read stays, and so does the turn's bookkeeping: read_prompt gave the turn back.
    turn.held = false;
    lent.broken = false;
    outcome.stop_reason = "cancelled";
    return outcome;
  }
  outcome.n_prompt = work.prompt.size();
  outcome.n_cached = *cached;

  bool stopped = false;
  work.options.on_token = [&](engine::TokenId token, float probability) {
    slot->tokens.push_back(token);
    ++outcome.n_generated;
    if (work.on_token && !work.on_token(token, probability, session.logits())) stopped = true;
    if (!stopped && turn.held) turn.held = desk.turns.yield(work.cancel);
  };
  work.options.stop_when = [&](std::string_view) { return stopped; };
  agent::MemoryDrafts text;
  engine::LayerDrafts drafts(session, &text);
  if (speculation_) work.options.drafts = &drafts;
  if (guess_cost_) slot->draft_control = engine::DraftControl(*guess_cost_);
  work.options.draft_control = &slot->draft_control;
  auto result = session.generate(work.prompt, work.options, work.cancel);
  if (!result) return fail(std::move(result).error());
  outcome.n_drafted = result->n_drafted;
  outcome.n_accepted = result->n_accepted;
  lent.broken = false;
  outcome.generate_s = result->generate_s;
  // Whoever writes to a client that has gone hears of it before the engine looks at the token.
  outcome.stop_reason = work.cancel.cancelled() ? "cancelled" : result->stop_reason;
  return outcome;
}

Result<size_t> ModelRoom::read_prompt(Desk& desk, engine::Session& session, const Work& work,
                                      size_t n_alike) {
  const std::span<const engine::TokenId> prompt(work.prompt);
  const auto cancelled = [&]() -> Result<size_t> {
    return fail(ErrorCode::cancelled, "cancelled");
  };
  // What is there still is only known from a piece that was not interrupted, so the first is short.
  size_t known = 0;
  {
    const size_t first = std::min(prompt.size(), n_alike + kFirstTokens);
    const auto synced = session.sync(prompt.first(first), work.cancel);
    if (!synced && work.cancel.cancelled()) {
      desk.turns.give_back();
      return cancelled();
    }
    if (!synced) return fail(synced.error().with("while reading the prompt"));
    known = synced->n_reused;
  }
  while (session.n_tokens() < prompt.size()) {
    if (!desk.turns.yield(work.cancel)) return cancelled();
    const bool shared = desk.turns.wanted();
    const size_t end =
        shared ? std::min(prompt.size(), session.n_tokens() + kPieceTokens) : prompt.size();
    const auto synced = session.sync(prompt.first(end),
                                     shared ? work.cancel : desk.turns.until_wanted(work.cancel));
    if (synced) continue;
    if (work.cancel.cancelled()) {
      desk.turns.give_back();
      return cancelled();
    }
    if (synced.error().code != ErrorCode::cancelled)
      return fail(synced.error().with("while reading the prompt"));
  }
  return known;
}

RoomFigures ModelRoom::figures() const {
  RoomFigures all;
  for (const Desk* desk : {conversations_.get(), keystrokes_.get()}) {
    std::lock_guard lock(desk->mutex);
    const RoomFigures& sums = desk->sums;
    all.n_running += desk->running.size();
    all.n_waiting += desk->waiting.size();
    all.n_done += sums.n_done;
    all.n_cancelled += sums.n_cancelled;
    all.n_failed += sums.n_failed;
    all.prompt_tokens += sums.prompt_tokens;
    all.cached_tokens += sums.cached_tokens;
    all.generated_tokens += sums.generated_tokens;
    all.drafted_tokens += sums.drafted_tokens;
    all.accepted_tokens += sums.accepted_tokens;
    all.prompt_s += sums.prompt_s;
    all.generate_s += sums.generate_s;
    all.wait_s += sums.wait_s;
  }
  all.conversations = conversations_->slots.figures();
  all.keystrokes = keystrokes_->slots.figures();
  return all;
}

}  // namespace engramd::daemon::serve
