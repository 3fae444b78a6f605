// Conversations: whole and streamed, their second turn, tools, and what a client may get wrong.
#include <catch2/catch.hpp>

#include "agent/model/remote.h"
#include "daemon/http/chat_answer.h"
#include "daemon/net/http_client.h"
#include "tests/daemon/http_served.h"

using namespace engramd;
using namespace engramd::test;
using nlohmann::json;

namespace {

json message(const char* role, const std::string& text) {
  return {{"role", role}, {"content", text}};
}

json chat(json messages, int max_tokens) {
  return {{"messages", std::move(messages)}, {"max_tokens", max_tokens}, {"temperature", 0}};
}

// An exchange that keeps what is said.
class Kept : public daemon::http::Exchange {
 public:
  void reply(daemon::http::Reply reply) override { body = json::parse(reply.body); }
  void begin_stream(std::string_view, std::string_view) override {}
  bool write(std::string piece) override {
    if (piece != "data: [DONE]\n\n") events.push_back(json::parse(piece.substr(6)));
    return true;
  }
  void end() override { ended = true; }
  CancelToken cancel() const override { return {}; }

  json body;
  std::vector<json> events;
  bool ended = false;
};

// What a client is told when the model generates exactly this text.
std::shared_ptr<Kept> told(const std::string& generated, bool stream, bool safe,
                           std::vector<std::string> stops = {}, const char* reason = "eos") {
  static const Served served;
  daemon::http::ChatQuestion question;
  question.sampling.stream = stream;
  question.sampling.stops = std::move(stops);
  question.chat.tools = {{"look", "", R"({"type":"object"})"}};
  const auto kept = std::make_shared<Kept>();
  daemon::http::ChatAnswer answer(*served.model, kept, question,
                                  {.opening = {}, .calls_are_safe = safe});
  daemon::serve::Outcome outcome;
  outcome.stop_reason = reason;
  for (const engine::TokenId token : served.model->model->tokenizer().encode(generated)) {
    ++outcome.n_generated;
    if (!answer.take(token, 0.5f, {})) break;
  }
  answer.finish(outcome);
  return kept;
}

// The message that the deltas of a stream come to.
json assembled(const std::vector<json>& events) {
  json out = {{"content", ""}, {"tool_calls", json::array()}, {"finish_reason", nullptr}};
  for (const json& event : events) {
    if (event["choices"].empty()) continue;
    const json& choice = event["choices"][0];
    if (!choice["finish_reason"].is_null()) out["finish_reason"] = choice["finish_reason"];
    const json& delta = choice["delta"];
    if (delta.contains("content"))
      out["content"] = out["content"].get<std::string>() + delta["content"].get<std::string>();
    for (const json& call : delta.value("tool_calls", json::array())) {
      json& calls = out["tool_calls"];
      const size_t index = call["index"];
      if (calls.size() == index) {
        REQUIRE(call.contains("id"));
        calls.push_back(
            {{"id", call["id"]}, {"name", call["function"]["name"]}, {"arguments", ""}});
      }
      json& arguments = calls.at(index)["arguments"];
      arguments = arguments.get<std::string>() + call["function"]["arguments"].get<std::string>();
    }
  }
  return out;
}

constexpr const char* kCall =
    "<tool_call>\n{\"name\": \"look\", \"arguments\": {\"path\": \"a.c\"}}\n</tool_call>";

}  // namespace

TEST_CASE("a chat is the same whole and streamed") {
  Served served;
  const json request =
      chat({message("system", "Be brief."), message("user", "What is a heap?")}, 32);
  const Answered whole = served.post("/v1/chat/completions", request);
  REQUIRE(whole.status == 200);
  CHECK(whole.body["object"] == "chat.completion");
  const json& choice = whole.body["choices"][0];
  CHECK(choice["message"]["role"] == "assistant");
  CHECK(choice["finish_reason"] == "length");
  const json streamed = assembled(served.stream("/v1/chat/completions", request));
  CHECK(streamed["content"] == choice["message"]["content"]);
  CHECK(streamed["finish_reason"] == "length");
}

TEST_CASE("the second turn of a chat finds the first one") {
  Served served;
  json messages = {message("system", std::string(300, 's')), message("user", "one")};
  const json first = served.post("/v1/chat/completions", chat(messages, 8)).body;
  messages.push_back(first["choices"][0]["message"]);
  messages.push_back(message("user", "two"));
  json request = chat(messages, 8);
  request["stream_options"] = {{"include_usage", true}};
  const auto events = served.stream("/v1/chat/completions", request);
  const json usage = events.back()["usage"];
  CHECK(events.back()["choices"].empty());
  CHECK(usage["prompt_tokens_details"]["cached_tokens"] >=
        first["usage"]["prompt_tokens"].get<size_t>());
  CHECK(usage["total_tokens"] ==
        usage["prompt_tokens"].get<size_t>() + usage["completion_tokens"].get<size_t>());
}

TEST_CASE("content in parts, developers, and tools that have answered") {
  Served served;
  const json messages = json::array(
      {message("developer", "Use tools."),
       {{"role", "user"},
        {"content",
         {{{"type", "text"}, {"text", "look "}}, {{"type", "text"}, {"text", "there"}}}}},
       {{"role", "assistant"},
        {"content", nullptr},
        {"tool_calls",
         {{{"id", "c1"},
           {"type", "function"},
           {"function", {{"name", "look"}, {"arguments", R"({"path":"a"})"}}}}}}},
       {{"role", "tool"}, {"tool_call_id", "c1"}, {"content", "an a"}}});
  json request = chat(messages, 4);
  request["tools"] = {{{"type", "function"},
                       {"function", {{"name", "look"}, {"parameters", {{"type", "object"}}}}}}};
  const Answered answered = served.post("/v1/chat/completions", request);
  CHECK(answered.status == 200);
  // Without the tools there is less to read.
  const size_t with_tools = answered.body["usage"]["prompt_tokens"];
  request["tool_choice"] = "none";
  CHECK(served.post("/v1/chat/completions", request).body["usage"]["prompt_tokens"] < with_tools);
}

TEST_CASE("what is wrong with a conversation is said with its place") {
  Served served;
  const auto param = [&](json request) {
    const Answered answered = served.post("/v1/chat/completions", request);
    CHECK(answered.status == 400);
    const json found = answered.body["error"]["param"];
    return found.is_string() ? found.get<std::string>() : std::string();
  };
  CHECK(param(json::object()) == "messages");
  CHECK(param(chat(json::array(), 1)) == "messages");
  CHECK(param(chat({message("user", "a"), message("king", "b")}, 1)) == "messages[1].role");
  json picture = message("user", "");
  picture["content"] = {{{"type", "image_url"}, {"image_url", {{"url", "data:"}}}}};
  CHECK(param(chat({picture}, 1)) == "messages[0].content[0]");
  json calls = message("assistant", "");
  calls["tool_calls"] = {{{"id", "x"}, {"function", {{"name", "f"}, {"arguments", "{\"a\":"}}}}};
  CHECK(param(chat({message("user", "a"), calls}, 1)) ==
        "messages[1].tool_calls[0].function.arguments");
  json request = chat({message("user", "a")}, 1);
  request["tools"] = {{{"type", "function"}, {"function", {{"name", "a b"}}}}};
  CHECK(param(request) == "tools[0].function.name");
  request["tools"] = {{{"type", "function"}, {"function", {{"name", "ab"}}}}};
  request["tool_choice"] = {{"type", "function"}, {"function", {{"name", "c"}}}};
  CHECK(param(request) == "tool_choice");
  request = chat({message("user", "a")}, 1);
  request["response_format"] = {{"type", "xml"}};
  CHECK(param(request) == "response_format.type");
  CHECK(param(chat({message("user", std::string(9000, 'a'))}, 1)) == "messages");
}

TEST_CASE("a tool call is told as one, with text before it") {
  for (const bool safe : {false, true}) {
    const auto whole = told("I look.\n" + std::string(kCall), false, safe);
    const json& choice = whole->body["choices"][0];
    CHECK(choice["finish_reason"] == "tool_calls");
    CHECK(choice["message"]["content"] == "I look.");
    REQUIRE(choice["message"]["tool_calls"].size() == 1);
    const json& call = choice["message"]["tool_calls"][0];
    CHECK(call["type"] == "function");
    CHECK(call["id"].get<std::string>().starts_with("call_"));
    CHECK(call["function"]["name"] == "look");
    CHECK(json::parse(call["function"]["arguments"].get<std::string>()) == json({{"path", "a.c"}}));

    const auto stream = told("I look.\n" + std::string(kCall) + std::string(kCall), true, safe);
    CHECK(stream->ended);
    const json message = assembled(stream->events);
    CHECK(message["content"] == "I look.");
    CHECK(message["finish_reason"] == "tool_calls");
    REQUIRE(message["tool_calls"].size() == 2);
    CHECK(message["tool_calls"][0]["id"] != message["tool_calls"][1]["id"]);
    CHECK(json::parse(message["tool_calls"][1]["arguments"].get<std::string>()) ==
          json({{"path", "a.c"}}));
  }
}

TEST_CASE("a call that is none comes as text and is not lost") {
  const std::string broken =
      "<tool_call>\n{\"name\": \"look\", \"arguments\": {\"path\": }}\n</tool_call>";
  for (const bool stream : {false, true}) {
    const auto kept = told("See: " + broken, stream, false);
    const json message = stream ? assembled(kept->events) : kept->body["choices"][0]["message"];
    const json reason =
        stream ? message["finish_reason"] : kept->body["choices"][0]["finish_reason"];
    CHECK(reason == "stop");
    CHECK(message.value("tool_calls", json::array()).empty());
    CHECK(message["content"].get<std::string>().find("{\"name\": \"look\"") != std::string::npos);
  }
  // Cut off by the limit.
  const auto cut = told(std::string(kCall).substr(0, 40), false, false, {}, "length");
  CHECK(cut->body["choices"][0]["finish_reason"] == "length");
  CHECK(cut->body["choices"][0]["message"]["content"].get<std::string>().find("\"look\"") !=
        std::string::npos);
}

TEST_CASE("stop strings and characters in pieces, in a chat") {
  const auto stopped = told("one two END three", false, false, {"END"});
  CHECK(stopped->body["choices"][0]["message"]["content"] == "one two ");
  CHECK(stopped->body["choices"][0]["finish_reason"] == "stop");
  // What only looked like a stop string is shown.
  CHECK(told("the EN", false, false, {"END"})->body["choices"][0]["message"]["content"] ==
        "the EN");
  // Tokens are bytes here: no delta may hold half a character.
  const auto stream = told("\xe6\xbc\xa2\xe5\xad\x97!", true, false);
  for (const json& event : stream->events)
    CHECK(event.dump().find("\xef\xbf\xbd") == std::string::npos);
  CHECK(assembled(stream->events)["content"] == "\xe6\xbc\xa2\xe5\xad\x97!");
}

TEST_CASE("log probabilities of a chat are those of its tokens") {
  Served served;
  json request = chat({message("user", "abc")}, 6);
  request["logprobs"] = true;
  request["top_logprobs"] = 2;
  const json content =
      served.post("/v1/chat/completions", request).body["choices"][0]["logprobs"]["content"];
  REQUIRE(content.size() == 6);
  CHECK(content[0]["top_logprobs"].size() == 2);
  CHECK(content[0]["logprob"].get<double>() ==
        Approx(content[0]["top_logprobs"][0]["logprob"].get<double>()).margin(1e-4));
}

TEST_CASE("an answer is held to a schema") {
  Served served;
  const json schema = json::parse(R"({"type":"object","properties":{
    "colour":{"enum":["red","green"]},"size":{"type":"integer","minimum":1,"maximum":99},
    "tags":{"type":"array","items":{"type":"string","maxLength":5},"maxItems":2}},
    "required":["colour","size"],"additionalProperties":false})");
  for (const int seed : {1, 2, 3}) {
    json request = chat({message("user", "a ball")}, 200);
    request["temperature"] = 1;
    request["seed"] = seed;
    request["response_format"] = {{"type", "json_schema"},
                                  {"json_schema", {{"name", "ball"}, {"schema", schema}}}};
    const Answered answered = served.post("/v1/chat/completions", request);
    REQUIRE(answered.status == 200);
    const json& choice = answered.body["choices"][0];
    CHECK(choice["finish_reason"] == "stop");
    const json ball = json::parse(choice["message"]["content"].get<std::string>());
    CHECK((ball["colour"] == "red" || ball["colour"] == "green"));
    CHECK(ball["size"] >= 1);
    CHECK(ball["size"] <= 99);
    CHECK(assembled(served.stream("/v1/chat/completions", request))["content"] ==
          choice["message"]["content"]);
  }
  json request = chat({message("user", "a ball")}, 20);
  request["response_format"] = {{"type", "json_object"}};
  CHECK(served.post("/v1/chat/completions", request)
            .body["choices"][0]["message"]["content"]
            .get<std::string>()
            .starts_with("{"));
  request["response_format"] = {
      {"type", "json_schema"},
      {"json_schema", {{"name", "x"}, {"schema", {{"type", "nothing known"}}}}}};
  const Answered wrong = served.post("/v1/chat/completions", request);
  CHECK(wrong.status == 400);
  CHECK(wrong.body["error"]["param"] == "response_format.json_schema.schema");
}

TEST_CASE("a required call comes well formed, and the loop goes on with its result") {
  Served served;
  const json tools = json::parse(R"([
    {"type":"function","function":{"name":"read_file","description":"reads","parameters":
      {"type":"object","properties":{"path":{"enum":["a.c","b.c"]},
       "line":{"type":"integer","minimum":1,"maximum":500}},"required":["path","line"],
       "additionalProperties":false}}},
    {"type":"function","function":{"name":"stop","parameters":
      {"type":"object","properties":{},"additionalProperties":false}}}])");
  for (const json& choice :
       {json("required"), json({{"type", "function"}, {"function", {{"name", "read_file"}}}})}) {
    json messages = {message("user", "Look at the file.")};
    json request = chat(messages, 300);
    request["tools"] = tools;
    request["tool_choice"] = choice;
    request["parallel_tool_calls"] = false;
    const json whole = served.post("/v1/chat/completions", request).body["choices"][0];
    CHECK(whole["finish_reason"] == "tool_calls");
    REQUIRE(whole["message"]["tool_calls"].size() == 1);
    const json& call = whole["message"]["tool_calls"][0];
    const json arguments = json::parse(call["function"]["arguments"].get<std::string>());
    if (call["function"]["name"] == "read_file")
      CHECK((arguments["path"] == "a.c" || arguments["path"] == "b.c"));
    if (choice.is_object()) CHECK(call["function"]["name"] == "read_file");

    const json streamed = assembled(served.stream("/v1/chat/completions", request));
    CHECK(streamed["finish_reason"] == "tool_calls");
    CHECK(streamed["tool_calls"][0]["name"] == call["function"]["name"]);
    CHECK(json::parse(streamed["tool_calls"][0]["arguments"].get<std::string>()) == arguments);

    messages.push_back(whole["message"]);
    messages.push_back({{"role", "tool"}, {"tool_call_id", call["id"]}, {"content", "int a;"}});
    request["messages"] = messages;
    request["tool_choice"] = "auto";
    request["max_tokens"] = 8;
    const Answered second = served.post("/v1/chat/completions", request);
    REQUIRE(second.status == 200);
    CHECK(second.body["usage"]["prompt_tokens_details"]["cached_tokens"] > 300);
  }
}

TEST_CASE("our own agent talks to the server as to any other") {
  ServedOptions options;
  options.service.no_key = false;
  options.service.key = "the-key";
  Served served(options);
  agent::RemoteOptions remote;
  remote.base_url = served.url("/v1");
  remote.model = "random";
  remote.api_key = "the-key";
  remote.max_completion_tokens = 12;
  remote.max_attempts = 1;
  remote.temperature = 0;  // a drawn answer is now and then an empty one
  const auto model = agent::make_remote_model(remote, daemon::net::http_send);
  std::vector<agent::Message> history(2);
  history[0].role = agent::Message::Role::system;
  history[0].text = std::string(100, 's');
  history[1].text = "Repair it.";
  const std::vector<agent::ToolDescription> tools = {
      {"read", "reads a file", R"({"type":"object","properties":{"path":{"type":"string"}}})"}};
  std::string shown;
  const auto first =
      model->reply(history, tools, [&](std::string_view piece) { shown += piece; }, {});
  INFO((first ? std::string() : first.error().message));
  REQUIRE(first);
  CHECK(first->message.text == shown);
  CHECK(first->usage.completion_tokens > 0);
  history.push_back(first->message);
  history.emplace_back().text = "Go on.";
  const auto second = model->reply(history, tools, nullptr, {});
  REQUIRE(second);
  CHECK(second->usage.cached_tokens > 100);
}
