#include "agent/model/remote.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "agent/model/prices.h"

using namespace engramd;
using namespace engramd::agent;

namespace {

// A server as a function: answers in order, and keeps what it was sent.
struct ScriptedServer {
  struct Answer {
    int status = 200;
    std::vector<std::string> pieces;  // of the body
    std::vector<std::pair<std::string, std::string>> headers;
    bool lost = false;  // the connection breaks after the pieces
  };
  std::vector<Answer> answers;
  std::vector<HttpRequest> requests;

  HttpSend send() {
    return [this](const HttpRequest& request, const std::function<void(std::string_view)>& on_body,
                  const CancelToken&) -> Result<HttpResponse> {
      requests.push_back(request);
      const Answer answer = answers.at(requests.size() - 1);
      HttpResponse response;
      response.status = answer.status;
      response.headers = answer.headers;
      for (const std::string& piece : answer.pieces) {
        if (answer.status == 200)
          on_body(piece);
        else
          response.body += piece;
      }
      if (answer.lost) return fail(ErrorCode::unavailable, "the connection broke");
      return response;
    };
  }
};

RemoteOptions endpoint() {
  RemoteOptions options;
  options.base_url = "http://host/v1";
  options.model = "name";
  options.api_key = "the-key";
  options.first_wait_ms = 1;
  return options;
}

const std::vector<ToolDescription> kTools = {
    {"open", "reads",
     R"({"type":"object","properties":{"path":{"type":"string"},)"
     R"("first_line":{"type":"integer"}},"required":["path"]})"}};

// A streamed answer of these chunks, as JSON, with its end.
ScriptedServer::Answer chunks(const std::vector<std::string>& deltas, bool with_end = true) {
  ScriptedServer::Answer answer;
  for (const std::string& delta : deltas)
    answer.pieces.push_back("data: {\"choices\":[{\"delta\":" + delta + "}]}\n\n");
  if (with_end) answer.pieces.push_back("data: [DONE]\n\n");
  return answer;
}

ScriptedServer::Answer refusal(int status, const std::string& message) {
  return {status, {nlohmann::json{{"error", {{"message", message}}}}.dump()}, {}, false};
}

// What came of one question with a tool, with nobody who reads along.
Result<ChatReply> reply_of(ScriptedServer& server, const RemoteOptions& options = endpoint(),
                           std::vector<Message> history = {{Message::Role::user, "hi", {}, {}}}) {
  return make_remote_model(options, server.send())->reply(history, kTools, {}, {});
}

Result<ChatReply> ask(ScriptedServer& server, std::string* text = nullptr,
                      const CancelToken& cancel = {}) {
  RemoteOptions options;
  options.base_url = "http://host/v1";
  options.model = "name";
  options.api_key = "the-key";
  options.first_wait_ms = 1;
  const auto model = make_remote_model(options, server.send());
  return model->reply(
      {{Message::Role::user, "hi \xFF", {}, {}}}, {{"open", "reads", R"({"type":"object"})"}},
      [&](std::string_view piece) {
        if (text != nullptr) *text += piece;
      },
      cancel);
}

}  // namespace

TEST_CASE("a streamed reply is put together, however its bytes are cut") {
  const std::string stream =
      "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"Let me \"}}]}\r\n\r\n"
      ": a comment\n\n"
      "data: {\"choices\":[{\"delta\":{\"content\":\"look.\"}}]}\n\n"
      "data: "
      "{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"c1\",\"function\":{\"name\":"
      "\"open\",\"arguments\":\"{\\\"pa\"}}]}}]}\n\n"
      "data: "
      "{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"th\\\":"
      "\\\"a\\\"}\"}}]},\"finish_reason\":\"tool_calls\"}]}\n\n"
      "data: "
      "{\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":5,\"prompt_tokens_"
      "details\":{\"cached_tokens\":3}}}\n\n"
      "data: [DONE]\n\n";
  for (const size_t step : {size_t{1}, size_t{7}, stream.size()}) {
    ScriptedServer server;
    server.answers.resize(1);
    for (size_t i = 0; i < stream.size(); i += step)
      server.answers[0].pieces.push_back(stream.substr(i, step));
    std::string shown;
    const auto reply = ask(server, &shown);
    REQUIRE(reply);
    CHECK(reply->message.text == "Let me look.");
    CHECK(shown == "Let me look.");
    REQUIRE(reply->message.calls.size() == 1);
    CHECK(reply->message.calls[0].id == "c1");
    CHECK(reply->message.calls[0].name == "open");
    CHECK(reply->message.calls[0].arguments_json == R"({"path":"a"})");
    CHECK(reply->usage.prompt_tokens == 7);
    CHECK(reply->usage.cached_tokens == 3);
    CHECK(reply->finish_reason == "tool_calls");
    CHECK(server.requests[0].url == "http://host/v1/chat/completions");
  }
}

TEST_CASE("a server that does not stream is understood too") {
  ScriptedServer server;
  server.answers.push_back({200,
                            {R"({"choices":[{"message":{"role":"assistant","content":"hello"},)",
                             R"("finish_reason":"stop"}],"usage":{"prompt_tokens":2}})"},
                            {},
                            false});
  const auto reply = ask(server);
  REQUIRE(reply);
  CHECK(reply->message.text == "hello");
  CHECK(reply->usage.prompt_tokens == 2);
}

TEST_CASE("busy servers and lost connections are tried again, wrong requests are not") {
  const ScriptedServer::Answer good{
      200, {R"({"choices":[{"message":{"role":"assistant","content":"ok"}}]})"}, {}, false};
  ScriptedServer server;
  server.answers = {{429, {"slow down"}, {{"retry-after", "0"}}, false},
                    {503, {}, {}, false},
                    {200, {}, {}, true},
                    good};
  REQUIRE(ask(server));
  CHECK(server.requests.size() == 4);

  ScriptedServer wrong;
  wrong.answers = {{400, {R"({"error":{"message":"no such model"}})"}, {}, false}, good};
  const auto refused = ask(wrong);
  REQUIRE_FALSE(refused);
  CHECK(wrong.requests.size() == 1);
  CHECK(refused.error().message.find("no such model") != std::string::npos);
  CHECK(refused.error().message.find("the-key") == std::string::npos);
}

TEST_CASE("a reply that broke off halfway is an error, not half an answer shown twice") {
  ScriptedServer server;
  server.answers = {
      {200, {"data: {\"choices\":[{\"delta\":{\"content\":\"half\"}}]}\n\n"}, {}, true}};
  CHECK_FALSE(ask(server));
  CHECK(server.requests.size() == 1);
}

TEST_CASE("nonsense from a server is one clear error") {
  for (const char* body :
       {"<html>", "{}", "", "data: nonsense\n\n", "data: {\"error\":{\"message\":\"x\"}}\n\n",
        "{\"choices\":[null]}", "{\"choices\":[{\"message\":7}]}", "[1]", "\xff\xfe"}) {
    ScriptedServer server;
    server.answers = {{200, {body}, {}, false}};
    const auto reply = ask(server);
    REQUIRE_FALSE(reply);
    CHECK(reply.error().code == ErrorCode::corrupt);
  }
}

TEST_CASE("cancelling ends the wait between two tries") {
  ScriptedServer server;
  server.answers = {{429, {}, {{"retry-after", "30"}}, false}};
  CancelSource source;
  const CancelSource late(source.token(), Clock::now() + std::chrono::milliseconds(100));
  const auto reply = ask(server, nullptr, late.token());
  REQUIRE_FALSE(reply);
  CHECK(reply.error().code == ErrorCode::exhausted);
}

TEST_CASE("calls are told apart however a server numbers them") {
  const std::string two = R"({"path":"a"})";
  struct Case {
    const char* what;
    std::vector<std::string> deltas;
  };
  const Case cases[] = {
      {"no numbers, whole calls",
       {R"({"tool_calls":[{"id":"1","function":{"name":"open","arguments":"{\"path\":\"a\"}"}}]})",
        R"({"tool_calls":[{"id":"2","function":{"name":"open","arguments":"{\"path\":\"b\"}"}}]})"}},
      {"no numbers, pieces without ids",
       {R"({"tool_calls":[{"id":"1","function":{"name":"open","arguments":"{\"path\""}}]})",
        R"({"tool_calls":[{"function":{"arguments":":\"a\"}"}}]})",
        R"({"tool_calls":[{"id":"2","function":{"name":"open","arguments":"{\"path\":"}}]})",
        R"({"tool_calls":[{"function":{"arguments":"\"b\"}"}}]})"}},
      {"all of them number 0",
       {R"({"tool_calls":[{"index":0,"id":"1","function":{"name":"open","arguments":"{\"path\":\"a\"}"}}]})",
        R"({"tool_calls":[{"index":0,"id":"2","function":{"name":"open","arguments":"{\"path\":\"b\"}"}}]})"}},
      {"numbers from 1, id and name in every piece, text null",
       {R"({"content":null,"tool_calls":[{"index":1,"id":"1","function":{"name":"open","arguments":"{\"path\":"}}]})",
        R"({"content":null,"tool_calls":[{"index":1,"id":"1","function":{"name":"open","arguments":"\"a\"}"}}]})",
        R"({"tool_calls":[{"index":2,"id":"2","function":{"name":"open","arguments":"{\"path\":\"b\"}"}}]})"}},
      {"arguments as objects",
       {R"({"tool_calls":[{"index":0,"id":"1","function":{"name":"open","arguments":{"path":"a"}}}]})",
        R"({"tool_calls":[{"index":1,"id":"2","function":{"name":"open","arguments":{"path":"b"}}}]})"}},
  };
  for (const Case& one : cases) {
    INFO(one.what);
    ScriptedServer server;
    server.answers = {chunks(one.deltas)};
    const auto reply = reply_of(server);
    if (!reply) FAIL(reply.error().message);
    REQUIRE(reply->message.calls.size() == 2);
    CHECK(reply->message.calls[0].id == "1");
    CHECK(reply->message.calls[0].name == "open");
    CHECK(reply->message.calls[0].arguments_json == R"({"path":"a"})");
    CHECK(reply->message.calls[1].id == "2");
    CHECK(reply->message.calls[1].arguments_json == R"({"path":"b"})");
    CHECK(reply->finish_reason == "tool_calls");
  }
}

TEST_CASE("whole replies with nulls, objects and old names are read") {
  for (
      const char* message :
      {R"({"role":"assistant","content":null,"tool_calls":[{"id":null,"function":{"name":"open","arguments":{"path":"a"}}}]})",
       R"({"content":"","function_call":{"name":"open","arguments":"{\"path\":\"a\"}"}})"}) {
    INFO(message);
    ScriptedServer server;
    server.answers = {{200,
                       {R"({"choices":[{"message":)" + std::string(message) +
                        R"(,"finish_reason":null}],"usage":null})"},
                       {},
                       false}};
    const auto reply = reply_of(server);
    if (!reply) FAIL(reply.error().message);
    REQUIRE(reply->message.calls.size() == 1);
    CHECK(reply->message.calls[0].id == "call_0");
    CHECK(reply->message.calls[0].arguments_json == R"({"path":"a"})");
    // Nobody counted, so that budgets would never end.
    CHECK(reply->usage.estimated);
    CHECK(reply->usage.prompt_tokens > 0);
  }
}

TEST_CASE("reasoning is kept apart from the text, under each of its names") {
  for (const auto& deltas : std::vector<std::vector<std::string>>{
           {R"({"reasoning_content":"hm, "})", R"({"reasoning_content":"yes"})",
            R"({"content":"It is."})"},
           {R"({"reasoning":"hm, yes"})", R"({"content":"It is."})"},
           {R"({"content":"<think>hm, yes</think>\n\nIt is."})"},
           {R"({"content":"hm, yes</think>It is."})"}}) {
    ScriptedServer server;
    server.answers = {chunks(deltas)};
    const auto reply = reply_of(server);
    REQUIRE(reply);
    CHECK(reply->message.reasoning == "hm, yes");
    CHECK(reply->message.text == "It is.");
  }
}

TEST_CASE("cached tokens and prices come to a cost") {
  for (
      const char* usage :
      {R"({"prompt_tokens":1000,"completion_tokens":100,"prompt_tokens_details":{"cached_tokens":800}})",
       R"({"prompt_tokens":1000,"completion_tokens":100,"prompt_tokens_details":null,"prompt_cache_hit_tokens":800})"}) {
    ScriptedServer server;
    server.answers = {chunks({R"({"content":"a"})"})};
    server.answers[0].pieces.push_back("data: {\"choices\":[],\"usage\":" + std::string(usage) +
                                       "}\n\n");
    const auto reply = reply_of(server);
    REQUIRE(reply);
    CHECK_FALSE(reply->usage.estimated);
    CHECK(reply->usage.cached_tokens == 800);
    const auto prices = parse_prices("3, 0.3, 15");
    REQUIRE(prices);
    CHECK(cost_of(reply->usage, **prices) == Approx((200 * 3 + 800 * 0.3 + 100 * 15) / 1e6));
  }
  CHECK(cost_of({1000, 800, 100, false}, **parse_prices("3,15")) == Approx((3000 + 1500) / 1e6));
  CHECK_FALSE(*parse_prices(""));
  for (const char* wrong : {"3", "a,b", "1,2,3,4", "-1,2"}) CHECK_FALSE(parse_prices(wrong));
}

TEST_CASE("a stream that ends without an end is tried again, unless somebody has read it") {
  ScriptedServer server;
  server.answers = {chunks({R"({"content":"hal"})"}, false), chunks({R"({"content":"whole"})"})};
  const auto reply = reply_of(server);
  REQUIRE(reply);
  CHECK(reply->message.text == "whole");
  CHECK(server.requests.size() == 2);

  ScriptedServer read;
  read.answers = {chunks({R"({"content":"hal"})"}, false)};
  std::string text;
  const auto broken = ask(read, &text);
  REQUIRE_FALSE(broken);
  CHECK(broken.error().message.find("broke off") != std::string::npos);
}

TEST_CASE("errors say what to do") {
  RemoteOptions without_key = endpoint();
  without_key.api_key.clear();
  struct Case {
    ScriptedServer::Answer answer;
    const char* says;
  };
  const Case cases[] = {
      {refusal(401, "bad key"), "the key in $OPENAI_API_KEY was refused"},
      {refusal(404, "the model `name` does not exist"), "is there a model \"name\"?"},
      {{404, {"<html>nothing</html>"}, {{"content-type", "text/html"}}, false},
       "mostly ends in /v1"},
      {{403, {"<html>no</html>"}, {{"content-type", "text/html"}}, false}, "not of a proxy"},
      {{301, {""}, {{"location", "https://there/v1"}}, false}, "moved to https://there/v1"},
      {{200, {"<!doctype html><p>log in"}, {}, false}, "a web page came"},
      {refusal(429, "insufficient_quota: pay"), "nothing left"},
      {refusal(400, "no such thing"), "no such thing"},
  };
  for (const Case& one : cases) {
    INFO(one.says);
    ScriptedServer server;
    server.answers = {one.answer};
    const auto reply = reply_of(server);
    REQUIRE_FALSE(reply);
    INFO(reply.error().message);
    CHECK(reply.error().message.find(one.says) != std::string::npos);
    CHECK(reply.error().message.find("http://host/v1") != std::string::npos);
    CHECK(reply.error().message.find("the-key") == std::string::npos);
    CHECK(reply.error().message.find('\n') == std::string::npos);
    CHECK(server.requests.size() == 1);
  }
  ScriptedServer server;
  server.answers = {refusal(401, "who are you")};
  const auto reply = reply_of(server, without_key);
  REQUIRE_FALSE(reply);
  CHECK(reply.error().message.find("no key was sent; put one into $OPENAI_API_KEY") !=
        std::string::npos);
}

TEST_CASE("a conversation that the server calls too long is shortened and sent again") {
  std::vector<Message> history = {{Message::Role::system, "s", {}, {}},
                                  {Message::Role::user, "task", {}, {}}};
  for (int i = 0; i < 6; ++i) {
    const std::string id = "c" + std::to_string(i);
    history.push_back({Message::Role::assistant, "", {{id, "open", "{}"}}, {}});
    history.push_back({Message::Role::tool, std::string(4000, 'x'), {}, id});
  }
  ScriptedServer server;
  server.answers = {refusal(400, "This model's maximum context length is 8192 tokens"),
                    refusal(400, "context_length_exceeded"), chunks({R"({"content":"ok"})"})};
  const auto reply = reply_of(server, endpoint(), history);
  REQUIRE(reply);
  REQUIRE(server.requests.size() == 3);
  CHECK(server.requests[1].body.size() < server.requests[0].body.size());
  CHECK(server.requests[2].body.size() < server.requests[1].body.size());
  // The task and the last result are whole.
  CHECK(server.requests[2].body.find("task") != std::string::npos);
  CHECK(server.requests[2].body.find(std::string(4000, 'x')) != std::string::npos);

  ScriptedServer never;
  never.answers.assign(40, refusal(400, "context_length_exceeded"));
  const auto too_long = reply_of(never, endpoint(), history);
  REQUIRE_FALSE(too_long);
  CHECK(too_long.error().code == ErrorCode::exhausted);
  CHECK(never.requests.size() < 12);
}

TEST_CASE("what a server does not take is left out from then on") {
  RemoteOptions options = endpoint();
  options.max_completion_tokens = 100;
  options.temperature = 0.5;
  options.seed = 3;
  ScriptedServer server;
  server.answers = {
      refusal(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."),
      refusal(400, "Unsupported value: 'temperature' does not support 0.5 with this model."),
      refusal(422, "stream_options: extra fields not permitted"),
      refusal(400, "name does not support tools"),
      chunks(
          {R"({"content":"<tool_call>\n{\"name\": \"open\", \"arguments\": {\"path\": \"a\"}}\n</tool_call>"})"}),
      chunks({R"({"content":"ok"})"})};
  const auto model = make_remote_model(options, server.send());
  std::vector<Message> history = {{Message::Role::user, "hi", {}, {}}};
  const auto reply = model->reply(history, kTools, {}, {});
  if (!reply) FAIL(reply.error().message);
  REQUIRE(reply->message.calls.size() == 1);
  CHECK(reply->message.calls[0].name == "open");
  const auto last = nlohmann::json::parse(server.requests[4].body);
  CHECK(last.at("max_completion_tokens") == 100);
  CHECK_FALSE(last.contains("max_tokens"));
  CHECK_FALSE(last.contains("temperature"));
  CHECK_FALSE(last.contains("stream_options"));
  CHECK_FALSE(last.contains("tools"));
  CHECK(last.at("seed") == 3);
  CHECK(last.at("messages").at(0).at("content").get<std::string>().find("open: reads") !=
        std::string::npos);
  // The next turn shows the call and its result as text, and asks for nothing that was refused.
  history.push_back(reply->message);
  history.push_back({Message::Role::tool, "its text", {}, reply->message.calls[0].id});
  REQUIRE(model->reply(history, kTools, {}, {}));
  REQUIRE(server.requests.size() == 6);
  const auto next = nlohmann::json::parse(server.requests[5].body);
  CHECK(next.at("messages").back().at("role") == "user");
  for (const auto& message : next.at("messages")) CHECK_FALSE(message.contains("tool_calls"));
}

TEST_CASE("old calls are sent in a form that every server can read") {
  ScriptedServer server;
  server.answers = {chunks({R"({"content":"ok"})"})};
  REQUIRE(reply_of(server, endpoint(),
                   {{Message::Role::user, "hi", {}, {}},
                    {Message::Role::assistant, "", {{"c", "open", "{\"path\": \"cut o"}}, {}, "hm"},
                    {Message::Role::tool, "error: no JSON", {}, "c"}}));
  const auto body = nlohmann::json::parse(server.requests[0].body);
  const auto& call = body.at("messages").at(1);
  CHECK(call.at("content").is_null());
  CHECK_FALSE(call.contains("reasoning_content"));
  const std::string arguments = call.at("tool_calls").at(0).at("function").at("arguments");
  CHECK(nlohmann::json::parse(arguments).is_object());
}
