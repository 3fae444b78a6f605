#include "daemon/completion/completer.h"

#include <algorithm>
#include <cmath>

#include "base/hash.h"
#include "daemon/completion/calibration.h"
#include "daemon/completion/memory_decode.h"
#include "daemon/completion/stop_rules.h"
#include "repoindex/context.h"
#include "repoindex/memory/token_cache.h"

namespace engramd::daemon {
namespace {

// Of the open file, on each side of the cursor, that the memory learns per request; 256 KiB is
// about 80,000 tokens and 30 ms when nothing of it is cached.
constexpr size_t kRecentBytes = 256u << 10;
constexpr size_t kOtherBufferBytes = 64u << 10;  // of all other unsaved documents together
constexpr size_t kMinPromptTokens = 48;
constexpr double kPromptShareOfTime = 0.5;
constexpr int kFirstMemoryPartOfTime = 3;  // a third

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

  std::string_view prefix() const { return std::string_view(before).substr(0, healed); }
  std::string_view forced() const { return std::string_view(before).substr(healed); }
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
    : model_(std::move(model)), tokenizer_(std::move(tokenizer)), options_(std::move(options)) {
  if (model_ != nullptr) {
    style_ = prompt_style(model_->info(), tokenizer_->specials());
    if (options_.prompt_order) style_.order = *options_.prompt_order;
  }
  if (options_.use_memory) {
    // A word begun left of the cursor picks among many candidates, so more of them are wanted.
    options_.memory.max_candidates = std::max<size_t>(options_.memory.max_candidates, 256);
    memories_ = std::make_unique<WorkspaceMemories>(
        [tokenizer = tokenizer_](std::string_view text) { return tokenizer->encode(text); },
        options_.executor, options_.memory);
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
  const std::string_view before(request.before), after(request.after);
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
  std::string key = request.path;
  for (const std::string_view text : texts) key += hash128_hex(text);
  if (recent_ != nullptr && recent_of_ == repository && recent_key_ == key) return recent_;

  std::vector<std::vector<engine::TokenId>> recent;
  for (const std::string_view text : texts)
    recent.push_back(
        *recent_tokens_.get(text, [&](std::string_view part) { return tokenizer_->encode(part); }));
  recent_ = repository->with_recent(std::move(recent), request.path);
  recent_of_ = std::move(repository);
  recent_key_ = std::move(key);
  return recent_;
}

// Models for left-to-right text have never seen a word cut in two; those for fill-in-the-middle
// were trained on holes that begin anywhere, so only the memory can ask for healing there.
size_t Completer::healed_at(const Request& request,
                            const repoindex::RepositoryMemory* memory) const {
  if (model_ != nullptr && style_.order == PromptOrder::none) return healing_start(request.before);
  return memory == nullptr ? request.before.size()
                           : heal_with_memory(*tokenizer_, *memory, request.before);
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
  if (options.deadline && prompt_tokens_per_s_ > 0) {
    const double left_s = std::chrono::duration<double>(*options.deadline - Clock::now()).count();
    const double affordable = std::max(0.0, left_s * kPromptShareOfTime * prompt_tokens_per_s_);
    budget = std::min(budget, std::max(kMinPromptTokens, static_cast<size_t>(affordable)));
  }
  return budget;
}

Result<engine::GenerateResult> Completer::generate(
    const repoindex::View& view, const Request& request,
    const std::shared_ptr<const repoindex::RepositoryMemory>& memory,
    const CompleteOptions& options, engine::GenerateOptions generate_options,
    const CancelToken& cancel, Completion& completion,
    std::vector<engine::TokenId>& memory_choices) {
  const auto tail = memory_context(*tokenizer_, request.prefix());
  if (model_ == nullptr) {
    auto result = generate_from_memory(*tokenizer_, *memory, tail, generate_options, cancel);
    memory_choices = result.tokens;
    return result;
  }

  const size_t budget = prompt_budget(options);
  ENGRAMD_TRY(repoindex::Window window,
              repoindex::window_at(
                  view, request.path, request.offset,
                  [&](std::string_view text) { return tokenizer_->encode(text).size(); },
                  repoindex::Budget{budget}, cancel));
  // The window knows the document as it is; ours may have the selected item in it.
  std::string_view suffix(window.suffix);
  suffix.remove_prefix(std::min(request.replaced.size(), suffix.size()));
  const std::string seen = window.prefix + request.selected;
  const size_t n_forced = generate_options.forced_prefix.size();
  const std::string_view prefix =
      std::string_view(seen).substr(0, seen.size() - std::min(n_forced, seen.size()));
  const auto prompt = build_prompt(*tokenizer_, style_, window, prefix, suffix);

  // Room for later, longer requests too, so that the session is not opened again and again.
  const size_t wanted =
      std::max(prompt.size() + options.max_tokens, options_.max_prompt_tokens + kMaxHealedBytes) +
      kMaxHealedBytes;
  const size_t context = model_->info().context_length;
  const size_t session_tokens = context > 0 ? std::min(context, wanted) : wanted;
  if (session_ == nullptr || session_tokens_ < session_tokens) {
    ENGRAMD_TRY(session_, model_->open_session(session_tokens));
    session_tokens_ = session_tokens;
  }

  std::optional<MemoryProposer> proposer;
  if (memory != nullptr) {
    proposer.emplace(*tokenizer_, memory, tail, prompt.size());
    generate_options.proposer = &*proposer;
  }
  auto result = session_->generate(prompt, generate_options, cancel);
  if (!result) {
    session_.reset();  // whatever state it is in, the next request starts clean
    return result;
  }
  completion.n_prompt_tokens = prompt.size();
  completion.n_prompt_reused = result->prompt.n_reused;
  completion.prompt_s = result->prompt_s;
  if (result->prompt.n_computed >= 16 && result->prompt_s > 0) {
    const double rate = static_cast<double>(result->prompt.n_computed) / result->prompt_s;
    prompt_tokens_per_s_ =
        prompt_tokens_per_s_ > 0 ? 0.7 * prompt_tokens_per_s_ + 0.3 * rate : rate;
  }
  if (proposer) memory_choices = proposer->best();
  return result;
}

Result<Completion> Completer::complete(const repoindex::View& view, const std::string& path,
                                       size_t offset, const CompleteOptions& options,
                                       const CancelToken& cancel) {
  const auto start = Clock::now();
  ENGRAMD_CHECK(cancel.check());
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

  Completion completion;
  completion.replaced = request.replaced;
  const auto memory = memory_for(view, request, options, cancel);
  if (model_ == nullptr && memory == nullptr) {
    completion.stop_reason = "unknown";
    return completion;
  }

  request.healed = healed_at(request, memory.get());

  const bool invoked = options.trigger == CompletionTrigger::invoked;
  const StopRules rules(request.before, request.after, {invoked, options.max_lines});
  const std::string forced(request.forced());
  engine::GenerateOptions generate_options;
  generate_options.max_tokens = options.max_tokens;
  generate_options.forced_prefix = forced;
  generate_options.stop_when = [&](std::string_view generated) {
    return generated.size() > forced.size() && rules.done(generated.substr(forced.size()));
  };
  const CancelSource limited =
      options.deadline ? CancelSource(cancel, *options.deadline) : CancelSource(cancel);
  std::vector<engine::TokenId> memory_choices;
  auto generated = generate(view, request, memory, options, std::move(generate_options),
                            limited.token(), completion, memory_choices);
  ENGRAMD_CHECK(cancel.check());
  if (!generated) {
    const bool late = limited.token().cancelled();
    if (!late) return fail(std::move(generated).error());
    completion.stop_reason = "deadline";  // nothing in time is nothing to show, not a failure
    return completion;
  }

  completion.n_tokens = generated->tokens.size();
  completion.stop_reason =
      generated->stop_reason == "cancelled" ? "deadline" : generated->stop_reason;
  if (generated->generate_s > 0)
    completion.tokens_per_s = static_cast<double>(completion.n_tokens) / generated->generate_s;

  std::string shown = generated->text.size() > forced.size()
                          ? rules.trimmed(std::string_view(generated->text).substr(forced.size()))
                          : std::string();
  // A last line that was cut off by a limit is no line; the cursor's own line may be.
  if (completion.stop_reason == "length" || completion.stop_reason == "deadline") {
    const size_t last_line = shown.rfind('\n');
    if (last_line != std::string::npos) shown.resize(last_line);
  }

  // Probability of each line: the product over its tokens. The token that ends the text counts
  // too when it was generated, since a suggestion that stops too early is wrong as well.
  const size_t first_byte = generated->text.size() - std::min(generated->text.size(), [&] {
                              size_t n = 0;
                              for (const auto token : generated->tokens)
                                n += tokenizer_->bytes(token).size();
                              return n;
                            }());
  double line = 1, whole = 1;
  size_t at = first_byte, kept = 0, from_memory = 0, n_counted = 0;
  const size_t shown_end = forced.size() + shown.size();
  bool first_line = true;
  for (size_t i = 0; i < generated->tokens.size() && at <= shown_end; ++i) {
    const std::string_view bytes = tokenizer_->bytes(generated->tokens[i]);
    line *= generated->probabilities[i];
    ++n_counted;
    if (i < memory_choices.size() && memory_choices[i] == generated->tokens[i]) ++from_memory;
    at += bytes.size();
    const bool line_ends = bytes.find('\n') != std::string_view::npos && at > forced.size() + 1;
    if (!line_ends && at <= shown_end && i + 1 < generated->tokens.size()) continue;
    if (!first_line && line < kContinuedLine) break;
    whole *= line;
    line = 1;
    first_line = false;
    kept = std::min(at, shown_end);
  }
  // Lines that were not sure enough go, at a line end.
  if (kept < shown_end && kept > forced.size()) {
    const size_t cut = shown.rfind('\n', kept - forced.size());
    if (cut != std::string::npos) shown.resize(cut);
  }
  completion.confidence = shown.empty() ? 0 : whole;
  if (n_counted > 0)
    completion.from_memory = static_cast<double>(from_memory) / static_cast<double>(n_counted);

  const double wanted =
      options_.min_confidence_scale * (invoked ? kShownWhenInvoked : kShownWhileTyping);
  if (!shown.empty() && completion.confidence < wanted) {
    completion.withheld = true;
    shown.clear();
  }
  if (!shown.empty()) completion.text = request.selected + shown;
  completion.total_s = std::chrono::duration<double>(Clock::now() - start).count();
  return completion;
}

}  // namespace engramd::daemon
