#include "agent/model/remote.h"

#include <catch2/catch.hpp>

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
       {"<html>", "{}", "data: nonsense\n\n", "data: {\"error\":{\"message\":\"x\"}}\n\n",
        "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":99999}]}}]}\n\n"}) {
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
