#include "agent/model/resident.h"

#include <algorithm>
#include <utility>

#include "agent/model/fit_history.h"
#include "agent/model/learnt_repository.h"
#include "agent/model/memory_drafts.h"
#include "agent/model/tool_schema.h"
#include "base/hash.h"
#include "base/log.h"
#include "engine/api/chat_turn.h"
#include "engine/api/speculation.h"

namespace engramd::agent {
namespace {

namespace chat = engine::chat;
namespace grammar = engine::grammar;
using Kind = chat::Event::Kind;

constexpr size_t kCompletionTokens = 4096;
// Behind a call a model writes the next one or ends; more than white space is neither.
constexpr size_t kTokensAfterCall = 16;
// Below these the descriptions of tools are shown as signatures, and those without their help.
constexpr size_t kToolsShare = 4, kNoHelpBelow = 2048, kHelpBytes = 120;
constexpr size_t kFewestMessageBytes = 24, kFewerMessageBytes = 2000;

constexpr const char* kCutOff =
    "(That answer was too long and was cut off. Answer with one short tool call; a long text goes "
    "into several edits.)";

chat::Role role_of(Message::Role role) {
  switch (role) {
    case Message::Role::system:
      return chat::Role::system;
    case Message::Role::user:
      return chat::Role::user;
    case Message::Role::assistant:
      return chat::Role::assistant;
    case Message::Role::tool:
      return chat::Role::tool;
  }
  return chat::Role::user;
}

chat::Message written(const Message& message) {
  chat::Message out;
  out.role = role_of(message.role);
  out.text = message.text;
  out.reasoning = message.reasoning;
  out.tool_call_id = message.call_id;
  for (const ToolCall& call : message.calls)
    // A transcript of another model may hold what is no object; the call itself must stay.
    out.tool_calls.push_back(
        {call.id, call.name, is_json_object(call.arguments_json) ? call.arguments_json : "{}"});
  return out;
}

// The answer of one run of the engine, read as it comes.
class Listener {
 public:
  Listener(const chat::Dialect& dialect, const chat::ParserOptions& options, size_t max_text_tokens,
           const std::function<void(std::string_view)>& on_text)
      : parser_(dialect.parser(options)), max_text_tokens_(max_text_tokens), on_text_(on_text) {}

  void take(std::string_view spelling) {
    for (const chat::Event& event : parser_->feed(spelling)) apply(event);
    if (!in_call_) ++n_text_;
    if (n_text_ > (n_calls_ == 0 ? max_text_tokens_ : kTokensAfterCall)) stopped_ = true;
  }
  void finish() {
    for (const chat::Event& event : parser_->finish()) apply(event);
  }
  bool stopped() const { return stopped_; }
  chat::Answer& answer() { return answer_; }
  // The tool whose call was begun and not ended.
  const std::string& broken_tool() const { return broken_tool_; }

 private:
  void apply(const chat::Event& event) {
    chat::apply(answer_, event);
    if (event.kind == Kind::text && on_text_ && n_calls_ == 0) on_text_(event.text);
    if (event.kind == Kind::call_begin) {
      in_call_ = true;
      broken_tool_ = event.text;
    }
    if (event.kind == Kind::call_end) {
      in_call_ = false;
      broken_tool_.clear();
      ++n_calls_;
      n_text_ = 0;
    }
    if (event.kind == Kind::call_broken) in_call_ = false;
    if (event.kind == Kind::problem) log_info("an answer of the model: " + event.text);
  }

  const std::unique_ptr<chat::Parser> parser_;
  const size_t max_text_tokens_;
  const std::function<void(std::string_view)>& on_text_;
  chat::Answer answer_;
  std::string broken_tool_;
  size_t n_text_ = 0, n_calls_ = 0;
  bool in_call_ = false, stopped_ = false;
};

class ResidentModel final : public ChatModel {
 public:
  ResidentModel(std::shared_ptr<const engine::Model> model, const ResidentOptions& options)
      : model_(std::move(model)),
        tokenizer_(model_->tokenizer()),
        options_(options),
        dialect_(options.dialect != nullptr ? *options.dialect
                                            : *chat::recognise_dialect(tokenizer_).dialect),
        talks_first_(options.dialect != nullptr || chat_ability(tokenizer_).chats),
        context_(options.context == 0 ? model_->info().context_length
                                      : std::min(options.context, model_->info().context_length)),
        max_answer_(std::min(
            options.max_completion_tokens > 0 ? options.max_completion_tokens : kCompletionTokens,
            std::max<size_t>(1, context_ / 3))),
        stops_(chat::stop_tokens(dialect_, tokenizer_)) {}

  std::string name() const override {
    return options_.name.empty() ? model_->info().name : options_.name;
  }

  void know_repository(const std::function<Result<repoindex::View>()>& open) override {
    const bool worth_it =
        options_.always_learn || model_->info().n_active_parameters >= kWorthGuessing;
    if (!options_.speculation || !worth_it) return;
    auto view = open();
    if (!view)
      return log_warning("nothing is guessed from the repository: " + view.error().message);
    repository_ = std::make_unique<LearntRepository>(
        *std::move(view),
        [model = model_](std::string_view text) { return model->tokenizer().encode(text); });
  }

  Result<ChatReply> reply(const std::vector<Message>& history,
                          const std::vector<ToolDescription>& tools,
                          const std::function<void(std::string_view)>& on_text,
                          const CancelToken& cancel) override {
    ENGRAMD_CHECK(cancel.check());
    ENGRAMD_CHECK(begin(history, tools));
    const std::vector<chat::Tool> offered = bounded(tools, {});
    ENGRAMD_TRY(const Written prompt, fitting(history, tools));
    ChatReply reply;
    reply.usage.prompt_tokens = static_cast<int64_t>(prompt.tokens.size());
    const auto n_before = static_cast<uint64_t>(std::count_if(
        history.begin(), history.end(),
        [](const Message& message) { return message.role == Message::Role::assistant; }));
    seed_ = options_.sample.seed + n_before * 0x9E3779B97F4A7C15u;
    ran_ = false;
    std::string cut_tool;
    bool cut = false;

    if (tools.empty() || (talks_first_ && !brief_)) {
      grammar::ToolCallOptions form;
      form.opens_reasoning = prompt.opens_reasoning;
      ENGRAMD_TRY(Run run, generate(prompt, offered, form, max_answer_,
                                    tools.empty() ? max_answer_ : max_answer_ * 3 / 4, on_text,
                                    reply.usage, cancel));
      reply.message.text = std::move(run.answer.message.text);
      reply.message.reasoning = std::move(run.answer.message.reasoning);
      reply.message.calls = calls_of(run.answer.message, n_before);
      reply.finish_reason = run.ended ? "stop" : "length";
      cut = !run.ended;
      cut_tool = run.broken_tool;
    }
    if (!tools.empty() && reply.message.calls.empty()) {
      // What it wanted to say stays said, when it had come to its end.
      if (cut) reply.message.text.clear();
      reply.message.reasoning.clear();
      ENGRAMD_CHECK(call_at_once(history, tools, prompt, cut_tool, n_before, reply, cancel));
    }
    reply.message.role = Message::Role::assistant;
    if (!reply.message.calls.empty()) reply.finish_reason = "tool_calls";
    return reply;
  }

 private:
  struct Written {
    std::vector<engine::TokenId> tokens;
    bool opens_reasoning = false;
  };
  struct Run {
    chat::Answer answer;
    bool ended = false;  // by itself, not by a limit
    std::string broken_tool;
  };

  // What is kept from step to step belongs to one conversation with one set of tools.
  Status begin(const std::vector<Message>& history, const std::vector<ToolDescription>& tools) {
    if (history.empty()) return fail(ErrorCode::invalid_input, "the conversation has no messages");
    uint64_t key = 0;
    for (const Message& message : history) {
      if (message.role == Message::Role::assistant) break;
      key = hash64(message.text, key);
    }
    for (const ToolDescription& tool : tools)
      key = hash64(tool.name + tool.description + tool.parameters_json, key);
    if (session_ && key == conversation_) return {};
    conversation_ = key;
    cut_ = {};
    brief_ = false;
    if (!tools.empty()) {
      size_t n = 0;
      for (const ToolDescription& tool : tools)
        n += tokenizer_.encode(tool.name + tool.description + tool.parameters_json).size();
      brief_ = n > context_ / kToolsShare;
      if (brief_)
        log_info("the context of " + std::to_string(context_) +
                 " tokens has no room for tools of " + std::to_string(n) +
                 ": only their signatures are shown");
      if (!trie_) trie_ = grammar::make_token_trie(tokenizer_);
    }
    if (!session_) {
      ENGRAMD_TRY(session_, model_->open_session(context_));
      session_->set_priority(engine::Priority::background);  // a keystroke goes first
    }
    return {};
  }

  std::vector<chat::Tool> bounded(const std::vector<ToolDescription>& tools,
                                  const SchemaBounds& bounds, const std::string& without = {}) {
    std::vector<chat::Tool> out;
    for (const ToolDescription& tool : tools)
      if (tool.name != without || tools.size() == 1)
        out.push_back({tool.name, tool.description, bounded_schema(tool.parameters_json, bounds)});
    return out;
  }

  Result<Written> write(const std::vector<Message>& history,
                        const std::vector<ToolDescription>& tools, const char* nudge) const {
    chat::Request request;
    request.date = options_.date;
    for (const Message& message : shortened(history, cut_))
      request.messages.push_back(written(message));
    if (nudge != nullptr) {
      request.messages.emplace_back();
      request.messages.back().text = nudge;
    }
    if (!brief_) {
      for (const ToolDescription& tool : tools)
        request.tools.push_back({tool.name, tool.description, tool.parameters_json});
    } else {
      std::string lines = "\n\nTools:";
      for (const ToolDescription& tool : tools)
        lines += "\n" + signature_line(tool, context_ < kNoHelpBelow ? 0 : kHelpBytes);
      if (request.messages.front().role != chat::Role::system)
        request.messages.insert(request.messages.begin(), chat::Message{chat::Role::system});
      request.messages.front().text += lines;
    }
    ENGRAMD_TRY(const chat::Prompt prompt, dialect_.render(request));
    return Written{chat::encode(tokenizer_, prompt), prompt.opens_reasoning};
  }

  // The prompt, shortened until an answer fits behind it.
  Result<Written> fitting(const std::vector<Message>& history,
                          const std::vector<ToolDescription>& tools) {
    const size_t room = context_ - std::min(context_, max_answer_);
    for (;;) {
      ENGRAMD_TRY(Written prompt, write(history, tools, nullptr));
      if (prompt.tokens.size() <= room) return prompt;
      if (tighten(history, tools, prompt.tokens.size(), room)) continue;
      return fail(ErrorCode::exhausted,
                  "the conversation takes at least " + std::to_string(prompt.tokens.size()) +
                      " tokens; the model's context has " + std::to_string(context_) +
                      ", of which " + std::to_string(max_answer_) +
                      " are kept for the answer: take a model with a longer context");
    }
  }

  // One turn of the screw, by much at a time: each one costs reading the prompt anew.
  bool tighten(const std::vector<Message>& history, const std::vector<ToolDescription>& tools,
               size_t n_tokens, size_t room) {
    const size_t n_results = n_cuttable_results(history);
    if (cut_.n_results < n_results) {
      size_t seen = 0;
      for (const Message& message : history) {
        if (message.role != Message::Role::tool || seen++ < cut_.n_results) continue;
        if (cut_.n_results >= n_results || n_tokens <= room * 3 / 5) break;
        n_tokens -= std::min(n_tokens, tokenizer_.encode(message.text).size());
        ++cut_.n_results;
      }
      return true;
    }
    const auto halve_messages = [&](size_t fewest) {
      if (cut_.max_message_bytes <= fewest) return false;
      cut_.max_message_bytes = std::max(fewest, std::min(cut_.max_message_bytes, 2 * room) / 2);
      return true;
    };
    if (halve_messages(kFewerMessageBytes)) return true;
    const size_t n_steps = n_cuttable_steps(history);
    if (cut_.n_steps < n_steps) {
      cut_.n_steps += (n_steps - cut_.n_steps + 1) / 2;
      return true;
    }
    if (!brief_ && !tools.empty()) {
      brief_ = true;
      return true;
    }
    return halve_messages(kFewestMessageBytes);
  }

  // The last two of the three ways; fills in the calls.
  Status call_at_once(const std::vector<Message>& history,
                      const std::vector<ToolDescription>& tools, const Written& prompt,
                      std::string cut_tool, uint64_t n_before, ChatReply& reply,
                      const CancelToken& cancel) {
    grammar::ToolCallOptions form;
    form.required = form.at_once = true;
    form.several = false;
    form.opens_reasoning = prompt.opens_reasoning;
    if (cut_tool.empty()) {
      ENGRAMD_TRY(Run run, generate(prompt, bounded(tools, {}), form, max_answer_, max_answer_, {},
                                    reply.usage, cancel));
      reply.message.calls = calls_of(run.answer.message, n_before);
      if (!reply.message.calls.empty()) return {};
      cut_tool = run.broken_tool;
    }
    ENGRAMD_TRY(Written again, write(history, tools, kCutOff));
    if (again.tokens.size() + max_answer_ > context_) again = prompt;
    form.opens_reasoning = again.opens_reasoning;
    const size_t left = context_ - std::min(context_, again.tokens.size());
    const SchemaBounds tight{std::clamp<size_t>(left / 8, 10, 72) - 8};
    ENGRAMD_TRY(Run run, generate(again, bounded(tools, tight, cut_tool), form, left, left, {},
                                  reply.usage, cancel));
    reply.message.calls = calls_of(run.answer.message, n_before);
    reply.finish_reason = run.ended ? "stop" : "length";
    return {};
  }

  Result<Run> generate(const Written& prompt, const std::vector<chat::Tool>& tools,
                       const grammar::ToolCallOptions& form, size_t max_tokens,
                       size_t max_text_tokens, const std::function<void(std::string_view)>& on_text,
                       Usage& usage, const CancelToken& cancel) {
    engine::GenerateOptions options;
    options.max_tokens = std::min(max_tokens, context_ - prompt.tokens.size());
    options.sample = options_.sample;
    options.sample.seed = seed_++;
    options.stop_tokens = stops_;
    if (!tools.empty()) {
      auto made = chat::tool_call_constraint(constraints_, dialect_, tools, form, trie_);
      if (made)
        options.constraint = *std::move(made);
      else if (form.at_once)
        return fail(made.error().with("calls cannot be held to a grammar"));
      else
        log_warning("calls are not held to a grammar: " + made.error().message);
    }
    Listener listener(dialect_, {tools, prompt.opens_reasoning}, max_text_tokens, on_text);
    options.on_token = [&](engine::TokenId token, float) {
      listener.take(tokenizer_.spelling(token));
    };
    options.stop_when = [&](std::string_view) { return listener.stopped(); };
    MemoryDrafts text(repository_ ? repository_->memory() : nullptr);
    engine::LayerDrafts drafts(*session_, &text);
    if (options_.speculation) options.drafts = &drafts;
    options.draft_control = &draft_control_;
    auto result = session_->generate(prompt.tokens, options, cancel);
    if (!result) {
      session_.reset();  // not trusted with another prompt
      return fail(std::move(result).error().with("the model " + name()));
    }
    if (result->stop_reason == "cancelled") {
      ENGRAMD_CHECK(cancel.check());
      return fail(ErrorCode::cancelled, "cancelled");
    }
    listener.finish();
    // Of the first run: what later ones read was there from the first.
    if (!std::exchange(ran_, true))
      usage.cached_tokens = static_cast<int64_t>(result->prompt.n_reused);
    usage.completion_tokens += static_cast<int64_t>(result->tokens.size());
    Run run;
    run.ended = result->stop_reason != "length" && !listener.stopped();
    run.broken_tool = listener.broken_tool();
    run.answer = std::move(listener.answer());
    return run;
  }
  static std::vector<ToolCall> calls_of(const chat::Message& message, uint64_t turn) {
    std::vector<ToolCall> calls;
    for (const chat::ToolCall& call : message.tool_calls)
      if (is_json_object(call.arguments))
        calls.push_back({"call_" + std::to_string(turn) + "_" + std::to_string(calls.size()),
                         call.name, call.arguments});
    return calls;
  }

  const std::shared_ptr<const engine::Model> model_;
  const engine::Tokenizer& tokenizer_;
  const ResidentOptions options_;
  const chat::Dialect& dialect_;
  const bool talks_first_;
  const size_t context_, max_answer_;
  const std::vector<engine::TokenId> stops_;
  std::shared_ptr<const grammar::TokenTrie> trie_;
  chat::ConstraintCache constraints_;
  std::unique_ptr<engine::Session> session_;
  engine::DraftControl draft_control_;
  std::unique_ptr<LearntRepository> repository_;
  uint64_t conversation_ = 0;  // hash of what begins it, and of its tools
  Cut cut_;
  bool brief_ = false;  // tools are shown as signatures
  uint64_t seed_ = 0;   // of the next run
  bool ran_ = false;    // the engine, for this reply
};

}  // namespace

std::unique_ptr<ChatModel> make_resident_model(std::shared_ptr<const engine::Model> model,
                                               const ResidentOptions& options) {
  return std::make_unique<ResidentModel>(std::move(model), options);
}

ChatAbility chat_ability(const engine::Tokenizer& tokenizer) {
  const chat::Recognised recognised = chat::recognise_dialect(tokenizer);
  ChatAbility ability;
  ability.dialect = recognised.dialect->name();
  ability.why = recognised.how;
  // Base models have the special tokens of their instruct brothers: only the template tells. Those
  // of DeepSeek-V4's kind come without one.
  ability.chats = !tokenizer.chat_template().empty() || ability.dialect.starts_with("deepseek-v4");
  ability.calls_tools = ability.chats && grammar::envelope_of(ability.dialect).has_value();
  return ability;
}

}  // namespace engramd::agent
