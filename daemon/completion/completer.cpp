#include "daemon/completion/completer.h"

#include <algorithm>
#include <cmath>

#include "agent/model/memory_drafts.h"
#include "base/hash.h"
#include "base/log.h"
#include "daemon/completion/calibration.h"
#include "daemon/completion/memory_context.h"
#include "daemon/completion/stop_rules.h"
#include "daemon/completion/typed_over.h"
#include "repoindex/context.h"
#include "repoindex/memory/token_cache.h"

namespace engramd::daemon {
namespace {

// Of the open file, on each side of the cursor, that the memory learns per request; 256 KiB is
// about 80,000 tokens and 30 ms when nothing of it is cached.
constexpr size_t kRecentBytes = 256u << 10;
constexpr size_t kOtherBufferBytes = 64u << 10;  // of all other unsaved documents together
constexpr size_t kBehindBytes = 512;
constexpr size_t kMinPromptTokens = 48;
constexpr double kPromptShareOfTime = 0.5;
constexpr int kFirstMemoryPartOfTime = 3;  // a third
// Texts of the memory that are followed at once: on dev packages 2 found 1 to 1.4 points more exact
// lines than 1.
constexpr size_t kMemoryWidth = 2;
constexpr std::string_view kGateKey = "engramd.completion.gate";
// Prompts are cut to whole steps, so that a time that varies a little gives the same prompt.
constexpr size_t kPromptStep = 128;

std::string_view last_bytes(std::string_view text, size_t n) {
  if (text.size() <= n) return text;
  text.remove_prefix(text.size() - n);
  const size_t line = text.find('\n');
  return line == std::string_view::npos ? text : text.substr(line + 1);
}

}  // namespace

// One request's document, cut at the cursor. With a selected item the document is seen as if the
// item had been accepted.
struct Completer::Request {
  std::string path;
  std::string before, after;  // of the cursor
  size_t offset = 0;          // where the window is taken
  ByteRange replaced;
  std::string selected;
  size_t healed = 0;  // before[healed..] is generated again under constraint

  size_t line_begin() const { return before.rfind('\n') + 1; }  // npos + 1 is 0
  bool starts_line() const {
    return before.find_first_not_of(" \t\r", line_begin()) == std::string::npos;
  }
  std::string_view prefix() const { return std::string_view(before).substr(0, healed); }
  std::string_view forced() const { return std::string_view(before).substr(healed); }
  // What the sources see behind the cursor.
  std::string_view behind() const { return std::string_view(after).substr(n_closers(after)); }
};

Result<std::unique_ptr<Completer>> Completer::make(
    std::shared_ptr<const engine::Model> model, std::shared_ptr<const engine::Tokenizer> tokenizer,
    CompleterOptions options) {
  if (!options.use_network) {
    if (tokenizer == nullptr && model != nullptr)
      tokenizer = std::shared_ptr<const engine::Tokenizer>(model, &model->tokenizer());
    model = nullptr;
  }
  if (model != nullptr)
    tokenizer = std::shared_ptr<const engine::Tokenizer>(model, &model->tokenizer());
  if (tokenizer == nullptr)
    return fail(ErrorCode::unavailable, "completion needs a model or at least a tokenizer");
  if (model == nullptr && !options.use_memory)
    return fail(ErrorCode::invalid_input, "completion has neither a network nor a memory to use");
  return std::unique_ptr<Completer>(
      new Completer(std::move(model), std::move(tokenizer), std::move(options)));
}

Completer::Completer(std::shared_ptr<const engine::Model> model,
                     std::shared_ptr<const engine::Tokenizer> tokenizer, CompleterOptions options)
    : model_(std::move(model)),
      tokenizer_(std::move(tokenizer)),
      options_(std::move(options)),
      ends_(*tokenizer_),
      window_(*tokenizer_) {
  if (model_ != nullptr) {
    speculates_ =
        options_.speculation.value_or(model_->info().n_active_parameters >= agent::kWorthGuessing);
    style_ = prompt_style(model_->info(), tokenizer_->specials());
    if (options_.prompt_order) style_.order = *options_.prompt_order;
    if (const auto numbers = model_->numbers(kGateKey); !numbers.empty()) {
      if (auto gate = Gate::read(numbers); gate)
        gate_ = *std::move(gate);
      else
        log_warning(gate.error().message);  // the defaults are a worse mixture, no wrong one
    }
  }
  if (options_.use_memory) {
    // A word begun left of the cursor picks among many candidates, so more of them are wanted.
    options_.memory.max_candidates = std::max<size_t>(options_.memory.max_candidates, 256);
    memories_ = std::make_unique<WorkspaceMemories>(
        [tokenizer = tokenizer_](std::string_view text) { return tokenizer->encode(text); },
        options_.executor, options_.memory, options_.memory_folder,
        options_.memory_folder.empty() ? std::string() : tokenizer_fingerprint(*tokenizer_));
  }
}

void Completer::prepare(const repoindex::View& view, const std::string& near) {
  if (memories_ != nullptr) memories_->get(view, near);
}

size_t Completer::n_bytes() const {
  return (session_ ? session_->memory_bytes() : 0) + (memories_ ? memories_->n_bytes() : 0) +
         recent_tokens_.n_bytes();
}

// The folder's memory with the open file (without the cursor's line, which is context) and the
// asker's other unsaved documents.
std::shared_ptr<const repoindex::RepositoryMemory> Completer::memory_for(
    const repoindex::View& view, const Request& request, const CompleteOptions& options,
    const CancelToken& cancel) {
  if (memories_ == nullptr) return nullptr;
  Clock::time_point wait_until{};
  if (options.deadline) {
    const auto now = Clock::now();
    wait_until = now + (*options.deadline - now) / kFirstMemoryPartOfTime;
  }
  auto repository = memories_->get(view, request.path, wait_until, cancel);
  if (repository == nullptr) {
    // Not built yet: the open file alone is worth having.
    auto empty = repoindex::RepositoryMemory::from_documents({}, options_.memory);
    if (!empty) return nullptr;
    repository = *std::move(empty);
  }
  const std::string_view before(request.before), after(request.behind());
  std::vector<std::string_view> texts;
  texts.push_back(last_bytes(before.substr(0, before.rfind('\n') + 1), kRecentBytes));
  const size_t line_end = after.find('\n');
  if (line_end != std::string_view::npos) texts.push_back(after.substr(line_end + 1, kRecentBytes));
  size_t room = kOtherBufferBytes;
  if (view.overlay != nullptr) {
    for (const auto& [path, document] : *view.overlay) {
      if (path == request.path || document.text == nullptr) continue;
      if (document.text->size() > room) continue;
      room -= document.text->size();
      texts.push_back(*document.text);
    }
  }
  // Places that go on as the text behind the cursor does are the likelier ones.
  const std::string_view behind = without_line_end(after).substr(0, kBehindBytes);
  std::string key = request.path + '\n' + std::string(behind);
  for (const std::string_view text : texts) key += hash128_hex(text);
  if (recent_ != nullptr && recent_of_ == repository && recent_key_ == key) return recent_;

  std::vector<std::vector<engine::TokenId>> recent;
  for (const std::string_view text : texts)
    recent.push_back(
        *recent_tokens_.get(text, [&](std::string_view part) { return tokenizer_->encode(part); }));
  n_recent_before_ = recent.front().size();
  has_recent_after_ = line_end != std::string_view::npos;
  recent_ = repository->with_recent(std::move(recent), request.path, tokenizer_->encode(behind));
  recent_of_ = std::move(repository);
  recent_key_ = std::move(key);
  return recent_;
}

// The memory knows how the words it has seen are cut. Where it does not know this one: models for
// left-to-right text have never seen a word cut in two; those for fill-in-the-middle were trained
// on holes that begin anywhere, or at a token of the file.
size_t Completer::healed_at(const Request& request,
                            const repoindex::RepositoryMemory* memory) const {
  if (model_ != nullptr && style_.order == PromptOrder::none) return healing_start(request.before);
  const size_t known = memory == nullptr ? request.before.size()
                                         : heal_with_memory(*tokenizer_, *memory, request.before);
  if (known < request.before.size() || model_ == nullptr || !style_.whole_tokens) return known;
  return last_token_start(*tokenizer_, request.before);
}

size_t Completer::prompt_budget(const CompleteOptions& options) const {
  size_t budget = options_.max_prompt_tokens;
  if (style_.max_tokens > 0) budget = std::min(budget, style_.max_tokens);
  const size_t context = model_->info().context_length;
  if (context > 0) {
    const size_t reserved = options.max_tokens + kMaxHealedBytes + 16;
    budget = std::min(
        budget, context > reserved + kMinPromptTokens ? context - reserved : kMinPromptTokens);
  }
  return budget;
}

// What can be read in time, going by the prompts before.
size_t Completer::affordable_prompt(const CompleteOptions& options) const {
  if (!options.deadline || !(prompt_tokens_per_s_ > 0)) return SIZE_MAX;
  const double left_s = std::chrono::duration<double>(*options.deadline - Clock::now()).count();
  const double affordable = std::max(0.0, left_s * kPromptShareOfTime * prompt_tokens_per_s_);
  const size_t most = std::max(kMinPromptTokens, static_cast<size_t>(affordable));
  return most < kPromptStep ? kMinPromptTokens : most / kPromptStep * kPromptStep;
}

std::vector<PromptWindow::Tokens> Completer::excerpts(const repoindex::RepositoryMemory* memory,
                                                      const PromptWindow::Tokens& before,
                                                      const PromptWindow::Tokens& after) const {
  std::vector<PromptWindow::Tokens> texts;
  if (memory == nullptr) return texts;
  repoindex::ExcerptQuestion question;
  question.before = before;
  question.after = after;
  question.ends_line = [this](engine::TokenId token) {
    return tokenizer_->bytes(token).find('\n') != std::string_view::npos;
  };
  question.shown.push_back(
      {{}, 0, n_recent_before_ - std::min(n_recent_before_, before.size()), n_recent_before_});
  if (has_recent_after_) question.shown.push_back({{}, 1, 0, after.size()});
  for (repoindex::Excerpt& excerpt : memory->similar(question))
    texts.push_back(std::move(excerpt.tokens));
  return texts;
}

Status Completer::read_prompt(const repoindex::View& view, const Request& request,
                              const repoindex::RepositoryMemory* memory,
                              const CompleteOptions& options, const CancelToken& cancel,
                              Completion& completion) {
  const auto begin = Clock::now();
  const size_t budget = prompt_budget(options);
  std::vector<engine::TokenId> prompt;
  if (style_.has_excerpts) {
    prompt = window_.build(
        {request.path, request.prefix(), request.behind(), request.line_begin()},
        [&](const auto& before, const auto& after) { return excerpts(memory, before, after); },
        budget, affordable_prompt(options));
  } else {
    ENGRAMD_TRY(repoindex::Window window,
                repoindex::window_at(
                    view, request.path, request.offset,
                    [&](std::string_view text) { return tokenizer_->encode(text).size(); },
                    repoindex::Budget{std::min(budget, affordable_prompt(options))}, cancel));
    // The window knows the document as it is; ours may have the selected item in it.
    std::string_view suffix(window.suffix);
    suffix.remove_prefix(std::min(request.replaced.size(), suffix.size()));
    const std::string seen = window.prefix + request.selected;
    const size_t n_forced = request.forced().size();
    const std::string_view prefix =
        std::string_view(seen).substr(0, seen.size() - std::min(n_forced, seen.size()));
    prompt = build_prompt(*tokenizer_, style_, window, prefix, suffix);
  }

  // Room for later, longer requests too, so that the session is not opened again and again.
  const size_t most = style_.max_tokens > 0
                          ? std::min(style_.max_tokens, options_.max_prompt_tokens)
                          : options_.max_prompt_tokens;
  const size_t wanted =
      std::max(prompt.size() + options.max_tokens, most + kMaxHealedBytes) + kMaxHealedBytes;
  const size_t context = model_->info().context_length;
  const size_t session_tokens = context > 0 ? std::min(context, wanted) : wanted;
  if (session_ == nullptr || session_tokens_ < session_tokens) {
    ENGRAMD_TRY(session_, model_->open_session(session_tokens));
    session_tokens_ = session_tokens;
  }

  const auto start = Clock::now();
  completion.window_s = std::chrono::duration<double>(start - begin).count();
  const auto synced = session_->sync(prompt, cancel);
  completion.n_prompt_tokens = prompt.size();
  completion.prompt_s = std::chrono::duration<double>(Clock::now() - start).count();
  if (!synced) return fail(synced.error().with("while reading the prompt"));
  completion.n_prompt_reused = synced->n_reused;
  if (synced->n_computed >= 16 && completion.prompt_s > 0) {
    const double rate = static_cast<double>(synced->n_computed) / completion.prompt_s;
    prompt_tokens_per_s_ =
        prompt_tokens_per_s_ > 0 ? 0.7 * prompt_tokens_per_s_ + 0.3 * rate : rate;
  }
  return {};
}

Result<Decoded> Completer::decode_request(const Request& request, engine::Session* network,
                                          const repoindex::RepositoryMemory* memory,
                                          const CompleteOptions& options, const StopRules& rules,
                                          const JudgeSettings& settings,
                                          const CancelToken& cancel) {
  const size_t n_forced = settings.n_forced;
  const float least = least_log_probability(settings);
  DecodeOptions decode_options;
  decode_options.max_tokens = options.max_tokens;
  decode_options.forced = request.forced();
  decode_options.may_start_below = rules.may_start_below();
  decode_options.width = kMemoryWidth;
  decode_options.stop_when = [&](const Decoded& so_far) {
    const std::string_view text(so_far.text);
    if (text.size() <= n_forced) return false;
    if (rules.done(text.substr(n_forced))) return true;
    if (options.max_lines <= 1 || text.find('\n', n_forced) == std::string_view::npos) {
      float log_p = 0;
      for (const DecodedToken& token : so_far.tokens)
        log_p += std::log(std::max(token.probability, 1e-6f));
      return log_p < least;  // not shown whatever follows: it need not be finished
    }
    // At a line's end: nothing follows a line that is not sure enough to be followed.
    const std::string_view last = tokenizer_->bytes(so_far.tokens.back().token);
    if (last.find('\n') == std::string_view::npos) return false;
    double whole = 1;
    const auto lines = evidence_of(*tokenizer_, so_far, settings);
    for (const LineEvidence& line : lines) whole *= gate_.confidence(line);
    return whole < std::max(settings.wanted, kSeveralLines);
  };
  return decode(*tokenizer_, ends_, gate_,
                {network, memory, memory_context(*tokenizer_, request.prefix()),
                 speculates_ ? &draft_control_ : nullptr},
                decode_options, cancel);
}

Result<Completer::Request> Completer::read(const repoindex::View& view, const std::string& path,
                                           size_t offset, const CompleteOptions& options) const {
  const std::optional<std::string> text = view.text(path);
  if (!text) return fail(ErrorCode::not_found, "no text of " + path + " to complete in");
  if (offset > text->size())
    return fail(ErrorCode::invalid_input, "the cursor is at byte " + std::to_string(offset) +
                                              " of " + path + ", which has " +
                                              std::to_string(text->size()));
  Request request;
  request.path = path;
  request.offset = offset;
  request.replaced = {offset, offset};
  if (options.selected_range) {
    const ByteRange range = *options.selected_range;
    if (range.begin > range.end || range.end > text->size() || offset < range.begin ||
        offset > range.end)
      return fail(ErrorCode::invalid_input,
                  "the selected item's range does not hold the cursor of " + path);
    request.replaced = range;
    request.offset = range.begin;
    request.selected = options.selected_text;
  }
  request.before = text->substr(0, request.replaced.begin) + request.selected;
  request.after = text->substr(request.replaced.end);
  return request;
}

Result<Completion> Completer::complete(const repoindex::View& view, const std::string& path,
                                       size_t offset, const CompleteOptions& options,
                                       const CancelToken& cancel) {
  const auto start = Clock::now();
  const auto seconds = [&] { return std::chrono::duration<double>(Clock::now() - start).count(); };
  ENGRAMD_CHECK(cancel.check());
  ENGRAMD_TRY(Request request, read(view, path, offset, options));
  Completion completion;
  completion.replaced = request.replaced;
  const auto memory = memory_for(view, request, options, cancel);
  completion.learn_s = seconds();
  if (model_ == nullptr && memory == nullptr) {
    completion.stop_reason = "unknown";
    return completion;
  }
  request.healed = healed_at(request, memory.get());

  const bool invoked = options.trigger == CompletionTrigger::invoked;
  const StopRules rules(request.before, request.after, {invoked, options.max_lines, true});
  JudgeSettings settings;
  settings.n_forced = request.forced().size();
  settings.whole_line = request.starts_line();
  settings.wanted =
      options.min_confidence.value_or(invoked ? kShownWhenInvoked : kShownWhileTyping);

  // The memory's own answer first: it is there whatever becomes of the network's.
  Judged judged;
  const Decoded* shown = nullptr;
  Decoded from_memory, mixed;
  const bool use_memory = memory != nullptr && options.sources != CompletionSources::network;
  const bool use_network = model_ != nullptr && options.sources != CompletionSources::memory;
  if (use_memory) {
    ENGRAMD_TRY(from_memory,
                decode_request(request, nullptr, memory.get(), options, rules, settings, cancel));
    ENGRAMD_CHECK(cancel.check());
    judged = judge(*tokenizer_, gate_, rules, from_memory, settings);
    shown = &from_memory;
  }
  completion.memory_s = seconds() - completion.learn_s;

  if (use_network) {
    const bool has_answer = !judged.text.empty() && judged.confidence >= settings.wanted;
    std::optional<Clock::time_point> until = options.deadline;
    if (has_answer && options.network_deadline && (!until || *options.network_deadline < *until))
      until = options.network_deadline;
    const CancelSource limited = until ? CancelSource(cancel, *until) : CancelSource(cancel);
    settings.mixed = true;
    Status ready = read_prompt(view, request, memory.get(), options, limited.token(), completion);
    Result<Decoded> decoded = Decoded{};
    if (ready)
      decoded = decode_request(request, session_.get(), use_memory ? memory.get() : nullptr,
                               options, rules, settings, limited.token());
    if (ready && decoded) completion.decode_s = decoded->seconds;
    ENGRAMD_CHECK(cancel.check());
    const bool late = limited.token().cancelled();
    if ((!ready || !decoded) && !late) {
      session_.reset();  // whatever state it is in, the next request starts clean
      return fail(ready ? decoded.error() : ready.error());
    }
    const bool finished = ready && decoded && decoded->stop_reason != "cancelled";
    if (finished || (shown == nullptr && ready && decoded)) {
      mixed = *std::move(decoded);
      judged = judge(*tokenizer_, gate_, rules, mixed, settings);
      shown = &mixed;
      completion.from_network = true;
    }
    if (!finished) completion.stop_reason = "deadline";
  }
  completion.total_s = seconds();
  if (shown == nullptr) return completion;

  completion.n_tokens = shown->tokens.size();
  if (completion.stop_reason.empty()) completion.stop_reason = shown->stop_reason;
  if (shown->seconds > 0)
    completion.tokens_per_s = static_cast<double>(completion.n_tokens) / shown->seconds;
  completion.confidence = judged.confidence;
  completion.from_memory = judged.from_memory;
  completion.lines = std::move(judged.lines);
  if (judged.text.empty()) {
  } else if (judged.confidence < settings.wanted) {
    completion.withheld = true;
  } else {
    completion.text = request.selected + judged.text;
  }
  completion.total_s = seconds();
  return completion;
}

Result<Decoded> Completer::judge_text(const repoindex::View& view, const std::string& path,
                                      size_t offset, std::string_view text,
                                      const CancelToken& cancel) {
  const CompleteOptions options;
  ENGRAMD_TRY(Request request, read(view, path, offset, options));
  const auto memory = memory_for(view, request, options, cancel);
  request.healed = healed_at(request, memory.get());
  const StopRules rules(request.before, request.after, {});
  Completion completion;
  if (model_ != nullptr)
    ENGRAMD_CHECK(read_prompt(view, request, memory.get(), options, cancel, completion));
  const std::string whole = std::string(request.forced()) + std::string(text);
  const auto given = tokenizer_->encode(whole);
  DecodeOptions decode_options;
  decode_options.max_tokens = given.size();
  decode_options.forced = request.forced();
  decode_options.may_start_below = rules.may_start_below();
  decode_options.given = given;
  return decode(*tokenizer_, ends_, gate_,
                {model_ != nullptr ? session_.get() : nullptr, memory.get(),
                 memory_context(*tokenizer_, request.prefix())},
                decode_options, cancel);
}

}  // namespace engramd::daemon
