#include "agent/model/remote.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <thread>

#include "agent/model/message_json.h"
#include "base/log.h"
#include "base/text.h"

namespace engramd::agent {
namespace {

using nlohmann::json;

constexpr size_t kMaxEventBytes = 16u << 20;
constexpr int64_t kMaxWaitMs = 30'000;

// Server-sent events (WHATWG HTML, section "Server-sent events"): the data of each event.
class EventReader {
 public:
  explicit EventReader(std::function<void(const std::string&)> on_data)
      : on_data_(std::move(on_data)) {}

  bool saw_event() const { return saw_event_; }
  void feed(std::string_view piece) {
    for (const char c : piece) {
      if (c == '\n') {
        end_line();
      } else if (c != '\r' && line_.size() < kMaxEventBytes) {
        line_ += c;
      }
    }
  }
  void finish() {
    end_line();
    end_event();
  }

 private:
  void end_line() {
    if (line_.empty()) {
      end_event();
    } else if (line_.starts_with("data:") && data_.size() < kMaxEventBytes) {
      std::string_view value = std::string_view(line_).substr(5);
      if (value.starts_with(' ')) value.remove_prefix(1);
      if (!data_.empty()) data_ += '\n';
      data_ += value;
    }
    line_.clear();
  }
  void end_event() {
    if (!data_.empty()) {
      saw_event_ = true;
      on_data_(data_);
    }
    data_.clear();
  }

  std::function<void(const std::string&)> on_data_;
  std::string line_, data_;
  bool saw_event_ = false;
};

// Puts a streamed reply together from its deltas.
class ReplyBuilder {
 public:
  explicit ReplyBuilder(const std::function<void(std::string_view)>& on_text) : on_text_(on_text) {}

  void add_event(const std::string& data) {
    if (data == "[DONE]") return;
    const json event = json::parse(data, nullptr, false);
    if (!event.is_object()) {
      broken_ = "an event of the stream is not a JSON object";
      return;
    }
    if (const auto error = event.find("error"); error != event.end() && !error->is_null()) {
      broken_ = "the server sent an error in the stream: " + error->dump().substr(0, 500);
      return;
    }
    if (const auto usage = event.find("usage"); usage != event.end() && usage->is_object())
      reply_.usage = usage_from_json(*usage);
    const auto choices = event.find("choices");
    if (choices == event.end() || !choices->is_array() || choices->empty()) return;
    const json& choice = choices->front();
    if (const auto reason = choice.find("finish_reason");
        reason != choice.end() && reason->is_string())
      reply_.finish_reason = reason->get<std::string>();
    const auto delta = choice.find("delta");
    if (delta != choice.end() && delta->is_object()) add_delta(*delta);
  }

  Result<ChatReply> take() {
    if (!broken_.empty()) return fail(ErrorCode::corrupt, broken_);
    reply_.message.role = Message::Role::assistant;
    return std::move(reply_);
  }

 private:
  void add_delta(const json& delta) {
    if (const auto content = delta.find("content");
        content != delta.end() && content->is_string()) {
      const std::string piece = content->get<std::string>();
      reply_.message.text += piece;
      if (on_text_) on_text_(piece);
    }
    const auto calls = delta.find("tool_calls");
    if (calls == delta.end() || !calls->is_array()) return;
    for (const json& item : *calls) {
      if (!item.is_object()) continue;
      const auto index_at = item.find("index");
      const size_t index = index_at != item.end() && index_at->is_number_unsigned()
                               ? index_at->get<size_t>()
                               : reply_.message.calls.size();
      if (index > 64) {
        broken_ = "the stream numbers a tool call " + std::to_string(index);
        return;
      }
      if (reply_.message.calls.size() <= index) reply_.message.calls.resize(index + 1);
      ToolCall& call = reply_.message.calls[index];
      const auto append = [](std::string& to, const json& object, const char* key) {
        const auto found = object.find(key);
        if (found != object.end() && found->is_string()) to += found->get<std::string>();
      };
      append(call.id, item, "id");
      if (const auto function = item.find("function");
          function != item.end() && function->is_object()) {
        append(call.name, *function, "name");
        append(call.arguments_json, *function, "arguments");
      }
    }
  }

  const std::function<void(std::string_view)>& on_text_;
  ChatReply reply_;
  std::string broken_;
};

std::string server_message(const HttpResponse& response) {
  const json body = json::parse(response.body, nullptr, false);
  if (body.is_object())
    if (const auto error = body.find("error"); error != body.end()) {
      if (error->is_string()) return error->get<std::string>();
      if (error->is_object() && error->contains("message") && (*error)["message"].is_string())
        return (*error)["message"].get<std::string>();
    }
  return response.body.substr(0, 300);
}

int64_t retry_after_ms(const HttpResponse& response) {
  for (const auto& [name, value] : response.headers) {
    if (name != "retry-after") continue;
    int64_t seconds = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), seconds);
    if (error == std::errc() && end == value.data() + value.size() && seconds >= 0)
      return std::min(seconds * 1000, kMaxWaitMs);
  }
  return 0;
}

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
    const HttpRequest request = make_request(history, tools);
    int64_t wait_ms = options_.first_wait_ms;
    for (int attempt = 1;; ++attempt) {
      std::string plain;  // the body of a server that answers without events
      ReplyBuilder builder(on_text);
      EventReader events([&](const std::string& data) { builder.add_event(data); });
      auto response = send_(
          request,
          [&](std::string_view piece) {
            events.feed(piece);
            if (!events.saw_event()) plain += piece;
          },
          cancel);
      ENGRAMD_CHECK(cancel.check());
      if (response && response->status == 200) {
        events.finish();
        return finished(events.saw_event() ? builder.take() : whole_reply(plain));
      }
      const bool again =
          response ? response->status == 429 || response->status >= 500
                   // A reply that broke off halfway was already shown: not again.
                   : response.error().code == ErrorCode::unavailable && !events.saw_event();
      const std::string problem =
          response ? "status " + std::to_string(response->status) + ": " + server_message(*response)
                   : response.error().message;
      if (!again || attempt >= options_.max_attempts)
        return fail(response ? ErrorCode::unavailable : response.error().code,
                    "model endpoint " + options_.base_url + ": " + problem);
      log_warning("model endpoint: " + problem + "; trying again");
      const int64_t asked = response ? retry_after_ms(*response) : 0;
      ENGRAMD_CHECK(wait(std::max(asked, wait_ms), cancel));
      wait_ms = std::min(wait_ms * 2, kMaxWaitMs);
    }
  }

 private:
  HttpRequest make_request(const std::vector<Message>& history,
                           const std::vector<ToolDescription>& tools) const {
    json body = {{"model", options_.model},
                 {"stream", true},
                 {"stream_options", {{"include_usage", true}}},
                 {"messages", json::array()}};
    for (const Message& message : history) body["messages"].push_back(to_json(message));
    for (const ToolDescription& tool : tools) body["tools"].push_back(to_json(tool));
    if (options_.max_completion_tokens > 0) body["max_tokens"] = options_.max_completion_tokens;
    HttpRequest request;
    request.url = options_.base_url + "/chat/completions";
    request.headers = {{"content-type", "application/json"},
                       {"accept", "text/event-stream, application/json"}};
    if (!options_.api_key.empty())
      request.headers.emplace_back("authorization", "Bearer " + options_.api_key);
    // Tool output may hold bytes that are not UTF-8.
    request.body = body.dump(-1, ' ', false, json::error_handler_t::replace);
    return request;
  }

  // A server that does not stream answers with one object.
  static Result<ChatReply> whole_reply(const std::string& text) {
    const json body = json::parse(text, nullptr, false);
    if (!body.is_object() || !body.contains("choices") || !body["choices"].is_array() ||
        body["choices"].empty() || !body["choices"][0].is_object())
      return fail(ErrorCode::corrupt, "the endpoint's reply holds no choice");
    const json& choice = body["choices"][0];
    ChatReply reply;
    ENGRAMD_TRY(reply.message, message_from_json(choice.value("message", json())));
    reply.finish_reason = choice.value("finish_reason", std::string("stop"));
    if (body.contains("usage")) reply.usage = usage_from_json(body["usage"]);
    return reply;
  }

  // Calls without an id get one, since the tool's answer must name it.
  static Result<ChatReply> finished(Result<ChatReply> reply) {
    if (!reply) return reply;
    auto& calls = reply->message.calls;
    std::erase_if(calls, [](const ToolCall& call) { return call.name.empty(); });
    for (size_t i = 0; i < calls.size(); ++i)
      if (calls[i].id.empty()) calls[i].id = "call_" + std::to_string(i);
    return reply;
  }

  RemoteOptions options_;
  HttpSend send_;
};

}  // namespace

std::unique_ptr<ChatModel> make_remote_model(RemoteOptions options, HttpSend send) {
  return std::make_unique<RemoteModel>(std::move(options), std::move(send));
}

}  // namespace engramd::agent
