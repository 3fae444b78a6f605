#include "agent/model/remote.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>

#include "agent/model/endpoint_error.h"
#include "agent/model/event_stream.h"
#include "agent/model/fit_history.h"
#include "agent/model/message_json.h"
#include "agent/model/reply_builder.h"
#include "agent/model/text_calls/text_calls.h"
#include "agent/model/tool_schema.h"
#include "base/log.h"
#include "base/text.h"

namespace engramd::agent {
namespace {

using nlohmann::json;

constexpr int64_t kMaxWaitMs = 30'000;
constexpr size_t kBytesPerToken = 4;  // where a server counts nothing
constexpr size_t kMaxPlainBytes = 64u << 20;
constexpr int kMaxShortenings = 6;
// 0 to 25 % more, by the attempt: clients that were refused together come back one by one.
constexpr int64_t kJitterParts[] = {0, 3, 1, 4, 2};

Status wait(int64_t ms, const CancelToken& cancel) {
  const Clock::time_point until = Clock::now() + std::chrono::milliseconds(ms);
  while (Clock::now() < until) {
    ENGRAMD_CHECK(cancel.check());
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return cancel.check();
}

class RemoteModel final : public ChatModel {
 public:
  RemoteModel(RemoteOptions options, HttpSend send)
      : options_(std::move(options)), send_(std::move(send)) {}

  std::string name() const override { return options_.base_url + "#" + options_.model; }

  Result<ChatReply> reply(const std::vector<Message>& history,
                          const std::vector<ToolDescription>& tools,
                          const std::function<void(std::string_view)>& on_text,
                          const CancelToken& cancel) override {
    if (history.size() < n_seen_) cut_ = {};  // another conversation
    n_seen_ = history.size();
    int n_shortened = 0, n_adapted = 0;
    int64_t wait_ms = options_.first_wait_ms;
    for (int attempt = 1;; ++attempt) {
      ENGRAMD_CHECK(cancel.check());
      const HttpRequest request = make_request(history, tools);
      Attempt tried = send_once(request, on_text, cancel);
      ENGRAMD_CHECK(cancel.check());
      if (tried.reply) return finished(*std::move(tried.reply), request, tools);
      if (tried.trouble == EndpointTrouble::no_room && n_shortened++ < kMaxShortenings &&
          shorten(history)) {
        log_info("the endpoint says that the conversation is too long; it is shortened");
        --attempt;
        continue;
      }
      if (tried.trouble != EndpointTrouble::busy && n_adapted++ < 8 &&
          adapt(tried.server_text, tried.trouble, !tools.empty())) {
        --attempt;
        continue;
      }
      const Error& error = tried.reply.error();
      if (tried.trouble != EndpointTrouble::busy || attempt >= options_.max_attempts) {
        std::string message = "model endpoint " + options_.base_url + ": " + error.message;
        if (attempt > 1) message += " (after " + std::to_string(attempt) + " tries)";
        return fail(error.code, std::move(message));
      }
      const int64_t jitter = wait_ms * kJitterParts[attempt % 5] / 16;
      const int64_t pause = std::max(tried.asked_wait_ms, wait_ms + jitter);
      log_warning("model endpoint: " + error.message + "; trying again in " +
                  std::to_string(pause) + " ms");
      ENGRAMD_CHECK(wait(pause, cancel));
      wait_ms = std::min(wait_ms * 2, kMaxWaitMs);
    }
  }

 private:
  struct Attempt {
    Result<ChatReply> reply = fail(ErrorCode::internal, "no reply");
    EndpointTrouble trouble = EndpointTrouble::other;
    int64_t asked_wait_ms = 0;
    std::string server_text;  // of a refusal
  };

  Attempt send_once(const HttpRequest& request,
                    const std::function<void(std::string_view)>& on_text,
                    const CancelToken& cancel) {
    Attempt out;
    std::string plain;  // the body of a server that answers without events
    ReplyBuilder builder(on_text);
    EventReader events([&](const std::string& data) { builder.add_event(data); });
    const auto response = send_(
        request,
        [&](std::string_view piece) {
          events.feed(piece);
          if (!events.saw_event() && plain.size() < kMaxPlainBytes) plain += piece;
        },
        cancel);
    if (!response) {
      out.reply = fail(response.error());
      if (response.error().code == ErrorCode::unavailable && !builder.showed_text())
        out.trouble = EndpointTrouble::busy;
      return out;
    }
    if (response->status != 200) {
      out.trouble = trouble_of(*response);
      out.asked_wait_ms = retry_after_ms(*response);
      out.server_text = error_text(response->body);
      out.reply = fail(
          out.trouble == EndpointTrouble::no_room ? ErrorCode::exhausted : ErrorCode::unavailable,
          explained(*response, {options_.base_url, options_.model, options_.key_hint,
                                !options_.api_key.empty()}));
      return out;
    }
    events.finish();
    if (!events.saw_event()) builder.add_whole(plain);
    out.reply = builder.take();
    if (!out.reply && out.reply.error().code == ErrorCode::unavailable && !builder.showed_text())
      out.trouble = EndpointTrouble::busy;
    return out;
  }

  // A tighter cut; false when there is nothing left to take.
  bool shorten(const std::vector<Message>& history) {
    const size_t n_results = n_cuttable_results(history), n_steps = n_cuttable_steps(history);
    if (cut_.n_results < n_results) {
      cut_.n_results += (n_results - cut_.n_results + 1) / 2;
    } else if (cut_.max_message_bytes > 2000) {
      cut_.max_message_bytes =
          std::max<size_t>(2000, std::min<size_t>(cut_.max_message_bytes, 64'000) / 4);
    } else if (cut_.n_steps < n_steps) {
      cut_.n_steps += (n_steps - cut_.n_steps + 1) / 2;
    } else {
      return false;
    }
    return true;
  }

  // Servers differ in what they take. What one complains about by name is sent otherwise from now
  // on; true when something changed.
  bool adapt(const std::string& said, EndpointTrouble trouble, bool with_tools) {
    const auto names = [&](const char* field) { return said.find(field) != std::string::npos; };
    const auto change = [&](bool& what, const char* how) {
      if (!what) return false;
      what = false;
      log_info("the endpoint does not take everything: " + std::string(how) + " from now on");
      return true;
    };
    if (trouble == EndpointTrouble::no_tools && with_tools)
      return change(native_tools_, "tools are described in the text");
    if (said.empty()) return false;
    if (names("stream_options") && change(stream_options_, "no stream_options")) return true;
    if (names("max_completion_tokens") && options_.max_completion_tokens > 0 && !names_limit_ &&
        names("max_tokens"))
      return names_limit_ = true;
    if (names("temperature") && options_.temperature && change(temperature_, "no temperature"))
      return true;
    if (names("seed") && options_.seed && change(seed_, "no seed")) return true;
    // DeepSeek wants its reasoning back within a task; most others refuse it.
    if (names("reasoning_content") && !reasoning_) return reasoning_ = true;
    return false;
  }

  HttpRequest make_request(const std::vector<Message>& history,
                           const std::vector<ToolDescription>& tools) const {
    json body = {{"model", options_.model}, {"stream", true}, {"messages", json::array()}};
    if (stream_options_) body["stream_options"] = {{"include_usage", true}};
    const bool in_text = !tools.empty() && !native_tools_;
    std::vector<Message> messages = shortened(history, cut_);
    if (in_text) messages = without_calls(std::move(messages), tools);
    for (const Message& message : messages) body["messages"].push_back(wire_message(message));
    if (!in_text)
      for (const ToolDescription& tool : tools) body["tools"].push_back(to_json(tool));
    if (options_.max_completion_tokens > 0)
      body[names_limit_ ? "max_completion_tokens" : "max_tokens"] = options_.max_completion_tokens;
    if (options_.temperature && temperature_) body["temperature"] = *options_.temperature;
    if (options_.seed && seed_) body["seed"] = *options_.seed;
    HttpRequest request;
    request.url = options_.base_url + "/chat/completions";
    request.idle_timeout_ms = options_.idle_timeout_ms;
    request.headers = {{"content-type", "application/json"},
                       {"accept", "text/event-stream, application/json"}};
    if (!options_.api_key.empty())
      request.headers.emplace_back("authorization", "Bearer " + options_.api_key);
    // Tool output may hold bytes that are not UTF-8.
    request.body = body.dump(-1, ' ', false, json::error_handler_t::replace);
    return request;
  }

  json wire_message(const Message& message) const {
    json out = to_json(message);
    if (!reasoning_) out.erase("reasoning_content");
    if (message.calls.empty()) return out;
    // Anthropic's endpoint refuses an empty text, OpenAI's takes either.
    if (message.text.empty()) out["content"] = nullptr;
    // vLLM reads the arguments of old calls again and fails on what is no JSON.
    for (json& call : out["tool_calls"]) {
      json& arguments = call["function"]["arguments"];
      if (!is_json_object(arguments.get<std::string>()))
        arguments =
            json{{"not_json", utf8_sanitized(arguments.get<std::string>().substr(0, 500))}}.dump();
    }
    return out;
  }

  // The conversation for a model that is not offered with tools: calls and results as text.
  static std::vector<Message> without_calls(std::vector<Message> messages,
                                            const std::vector<ToolDescription>& tools) {
    std::vector<Message> out;
    const std::string instruction = text_tools_instruction(tools);
    if (messages.empty() || messages.front().role != Message::Role::system)
      out.push_back({Message::Role::system, instruction, {}, {}});
    else
      messages.front().text += "\n\n" + instruction;
    for (Message& message : messages) {
      for (const ToolCall& call : message.calls)
        message.text += (message.text.empty() ? "" : "\n") +
                        std::string("<tool_call>\n{\"name\": \"") + call.name +
                        "\", \"arguments\": " + call.arguments_json + "}\n</tool_call>";
      message.calls.clear();
      if (message.role == Message::Role::tool) {
        message.role = Message::Role::user;
        message.text = "Result of the tool:\n" + message.text;
      }
      // Two in a row of one side are refused by some templates.
      if (!out.empty() && out.back().role == message.role)
        out.back().text += "\n\n" + message.text;
      else
        out.push_back(std::move(message));
    }
    return out;
  }

  ChatReply finished(ChatReply reply, const HttpRequest& request,
                     const std::vector<ToolDescription>& tools) {
    if (reply.message.calls.empty() && !tools.empty()) {
      TextCalls found = find_text_calls(reply.message.text, tools);
      // R1 and its kin sometimes end their reasoning with the call.
      if (found.calls.empty() && reply.message.text.empty())
        found = find_text_calls(reply.message.reasoning, tools);
      if (!found.calls.empty()) {
        reply.message.calls = std::move(found.calls);
        reply.message.text = std::move(found.text);
        reply.finish_reason = "tool_calls";
        for (size_t i = 0; i < reply.message.calls.size(); ++i)
          reply.message.calls[i].id = "call_" + std::to_string(n_seen_) + "_" + std::to_string(i);
      }
    }
    if (reply.usage.prompt_tokens == 0 && reply.usage.completion_tokens == 0) {
      reply.usage.estimated = true;
      reply.usage.prompt_tokens = static_cast<int64_t>(request.body.size() / kBytesPerToken);
      size_t n = reply.message.text.size() + reply.message.reasoning.size();
      for (const ToolCall& call : reply.message.calls)
        n += call.name.size() + call.arguments_json.size();
      reply.usage.completion_tokens = static_cast<int64_t>(n / kBytesPerToken + 1);
    }
    return reply;
  }

  const RemoteOptions options_;
  const HttpSend send_;
  Cut cut_;
  size_t n_seen_ = 0;  // messages of the last request
  // What the server was found to take.
  bool native_tools_ = true, stream_options_ = true, temperature_ = true, seed_ = true;
  bool names_limit_ = false;  // max_completion_tokens in place of max_tokens
  bool reasoning_ = false;    // of earlier replies
};

}  // namespace

std::unique_ptr<ChatModel> make_remote_model(RemoteOptions options, HttpSend send) {
  return std::make_unique<RemoteModel>(std::move(options), std::move(send));
}

}  // namespace engramd::agent
