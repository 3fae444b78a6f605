// Texts that go on, gaps that are filled, tokens, figures; what many at once get.
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <thread>

#include "daemon/net/http_client.h"
#include "tests/daemon/http_served.h"

using namespace engramd;
using namespace engramd::test;
using nlohmann::json;

namespace {

json greedy(const std::string& prompt, int max_tokens) {
  return {{"prompt", prompt}, {"max_tokens", max_tokens}, {"temperature", 0}};
}

std::string text_of(const json& body) {
  return body["choices"][0]["text"].get<std::string>();
}

std::string param_of(const Answered& answered) {
  const json param = answered.body["error"]["param"];
  return param.is_string() ? param.get<std::string>() : "";
}

// A long generation over a raw socket: it runs until the socket is closed.
int begin_long_answer(const Served& served) {
  const int fd = served.connect();
  const std::string request = endless_request(false);
  REQUIRE(::send(fd, request.data(), request.size(), MSG_NOSIGNAL) == ssize_t(request.size()));
  REQUIRE(served.eventually([&] { return served.figures().n_running == 1; }));
  return fd;
}

}  // namespace

TEST_CASE("models are listed with what is known of them") {
  Served served;
  const Answered list = served.get("/v1/models");
  REQUIRE(list.status == 200);
  CHECK(list.body["object"] == "list");
  REQUIRE(list.body["data"].size() == 1);
  CHECK(list.body["data"][0]["id"] == "random");
  CHECK(list.body["data"][0]["meta"]["n_ctx"] == 4096);
  CHECK(served.get("/v1/models/random").body["object"] == "model");
  CHECK(served.get("/v1/models/other").status == 404);
  json request = greedy("a", 1);
  request["model"] = "other";
  const Answered other = served.post("/v1/completions", request);
  CHECK(other.status == 404);
  CHECK(other.body["error"]["code"] == "model_not_found");
}

TEST_CASE("a completion is the same whole, streamed, and by token ids") {
  Served served;
  const Answered whole = served.post("/v1/completions", greedy("def main", 40));
  REQUIRE(whole.status == 200);
  CHECK(whole.body["object"] == "text_completion");
  CHECK(whole.body["choices"][0]["finish_reason"] == "length");
  CHECK(whole.body["usage"]["completion_tokens"] == 40);
  const std::string text = text_of(whole.body);
  CHECK(!text.empty());

  json request = greedy("def main", 40);
  request["stream_options"] = {{"include_usage", true}};
  std::string streamed;
  json usage;
  for (const json& event : served.stream("/v1/completions", request)) {
    if (event.contains("usage")) usage = event["usage"];
    for (const json& choice : event["choices"]) streamed += choice["text"].get<std::string>();
  }
  CHECK(streamed == text);
  CHECK(usage["completion_tokens"] == 40);

  request = greedy("", 40);
  request["prompt"] = served.post("/tokenize", {{"content", "def main"}}).body["tokens"];
  request["echo"] = true;
  CHECK(text_of(served.post("/v1/completions", request).body) == "def main" + text);
}

TEST_CASE("a seed makes an answer repeatable, and another one another") {
  Served served;
  json request = greedy("def", 30);
  request["temperature"] = 1.5;
  request["top_k"] = 0;
  request["seed"] = 7;
  const std::string first = text_of(served.post("/v1/completions", request).body);
  CHECK(text_of(served.post("/v1/completions", request).body) == first);
  request["seed"] = 8;
  CHECK(text_of(served.post("/v1/completions", request).body) != first);
}

TEST_CASE("a stop string ends the text before it, also when tokens cut it") {
  Served served;
  const std::string text = text_of(served.post("/v1/completions", greedy("stop here", 60)).body);
  // Tokens are mostly single bytes: some characters of the middle are a split stop string.
  std::string stop;
  for (size_t at = 10; at + 3 < text.size() && stop.empty(); ++at)
    if ((text[at] & 0xC0) != 0x80 && (text[at + 3] & 0xC0) != 0x80) stop = text.substr(at, 3);
  REQUIRE(!stop.empty());
  json request = greedy("stop here", 60);
  request["stop"] = {"never in there", stop};
  const Answered whole = served.post("/v1/completions", request);
  CHECK(text_of(whole.body) == text.substr(0, text.find(stop)));
  CHECK(whole.body["choices"][0]["finish_reason"] == "stop");
  CHECK(whole.body["usage"]["completion_tokens"] < 60);
  std::string streamed;
  for (const json& event : served.stream("/v1/completions", request))
    streamed += event["choices"][0]["text"].get<std::string>();
  CHECK(streamed == text.substr(0, text.find(stop)));
}

TEST_CASE("log probabilities come with the most probable others") {
  Served served;
  json request = greedy("ab", 5);
  request["logprobs"] = 3;
  const json chances = served.post("/v1/completions", request).body["choices"][0]["logprobs"];
  REQUIRE(chances["tokens"].size() == 5);
  for (size_t i = 0; i < 5; ++i) {
    const double chosen = chances["token_logprobs"][i];
    CHECK(chosen < 0);
    double largest = -1e9;
    for (const auto& [token, value] : chances["top_logprobs"][i].items())
      largest = std::max(largest, value.get<double>());
    CHECK(chosen == Approx(largest).margin(1e-4));  // greedy takes the most probable one
  }
}

TEST_CASE("what is wrong with a request is said with the field's name") {
  Served served;
  CHECK(served.post_text("/v1/completions", "{\"prompt\": \"a\"").status == 400);
  CHECK(served.post_text("/v1/completions", "[1]").status == 400);
  CHECK(served.post_text("/v1/completions", "{\"prompt\": \"\xff\"}").status == 400);
  CHECK(served.post_text("/v1/completions", std::string(200000, '[')).status == 400);
  const auto wrong = [&](const char* field, json value) {
    json request = greedy("a", 1);
    request[field] = std::move(value);
    const Answered answered = served.post("/v1/completions", request);
    CHECK(answered.status == 400);
    CHECK(answered.body["error"]["type"] == "invalid_request_error");
    return param_of(answered);
  };
  CHECK(wrong("temperature", "hot") == "temperature");
  CHECK(wrong("temperature", 3) == "temperature");
  CHECK(wrong("max_tokens", 1.5) == "max_tokens");
  CHECK(wrong("n", 2) == "n");
  CHECK(wrong("prompt", json::array({"a", "b"})) == "prompt");
  CHECK(wrong("prompt", json::array({100000})) == "prompt");
  CHECK(wrong("prompt", json::object()) == "prompt");
  CHECK(wrong("stop", json::array({1})) == "stop");
  CHECK(wrong("stream", "yes") == "stream");
  CHECK(wrong("model", 1) == "model");
  const Answered long_one = served.post("/v1/completions", greedy(std::string(5000, '.'), 1));
  CHECK(long_one.status == 400);
  CHECK(long_one.body["error"]["code"] == "context_length_exceeded");

  json request = greedy("a", 1);
  request["an_unknown_field"] = {{"of", "another server"}};
  request["presence_penalty"] = nullptr;
  CHECK(served.post("/v1/completions", request).status == 200);
}

TEST_CASE("a prompt that was there already is not computed again") {
  Served served;
  const std::string prompt(300, 'x');
  const json first = served.post("/v1/completions", greedy(prompt, 8)).body;
  CHECK(first["usage"]["prompt_tokens_details"]["cached_tokens"] == 0);
  const json second =
      served.post("/v1/completions", greedy(prompt + text_of(first) + " more", 8)).body;
  CHECK(second["usage"]["prompt_tokens_details"]["cached_tokens"] >= 300);
}

TEST_CASE("conversations that begin alike do not push each other out") {
  Served served;
  const std::string instructions(400, 'i');
  const auto cached = [&](const std::string& prompt) {
    return served.post("/v1/completions", greedy(prompt, 4))
        .body["usage"]["prompt_tokens_details"]["cached_tokens"]
        .get<size_t>();
  };
  const std::string a = instructions + std::string(200, 'a'),
                    b = instructions + std::string(200, 'b');
  CHECK(cached(a) == 0);
  CHECK(cached(b) >= 400);  // a copy of what they share
  CHECK(cached(a + "1") >= 600);
  CHECK(cached(b + "1") >= 600);
}

TEST_CASE("an answer that nobody waits for is not computed to its end") {
  ServedOptions options;
  options.room.context = 0;
  Served served(options);
  const int fd = begin_long_answer(served);
  ::close(fd);
  CHECK(served.eventually([&] { return served.figures().n_cancelled == 1; }));
  CHECK(served.figures().generated_tokens < 100'000);
  CHECK(served.post("/v1/completions", greedy("a", 3)).status == 200);
}

TEST_CASE("many at once get what each alone gets") {
  ServedOptions options;
  options.room.n_waiting = 32;
  Served served(options);
  std::vector<std::string> prompts, alone;
  for (int i = 0; i < 6; ++i)
    prompts.push_back("request " + std::string(size_t(20 + 9 * i), char('a' + i)));
  {
    Served other;
    for (const std::string& prompt : prompts)
      alone.push_back(text_of(other.post("/v1/completions", greedy(prompt, 24)).body));
  }
  std::vector<std::string> together(prompts.size());
  std::vector<std::thread> threads;
  for (size_t i = 0; i < prompts.size(); ++i)
    threads.emplace_back([&, i] {
      // Catch's assertions are for one thread.
      agent::HttpRequest request;
      request.url = served.url("/v1/completions");
      request.body = greedy(prompts[i], 24).dump();
      const auto response = daemon::net::http_send(request, nullptr, {});
      if (response && response->status == 200) together[i] = text_of(json::parse(response->body));
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(together == alone);
}

TEST_CASE("a full queue says when to come back") {
  ServedOptions options;
  options.room.n_slots = 1;
  options.room.context = 0;
  options.room.n_waiting = 0;
  Served served(options);
  const int fd = begin_long_answer(served);
  const Answered busy = served.post("/v1/completions", greedy("a", 1));
  CHECK(busy.status == 429);
  CHECK(busy.body["error"]["type"] == "rate_limit_error");
  CHECK(!busy.header("retry-after").empty());
  ::close(fd);
  CHECK(served.eventually([&] { return served.figures().n_running == 0; }));
  CHECK(served.post("/v1/completions", greedy("a", 1)).status == 200);
}

TEST_CASE("a keystroke does not wait for a conversation") {
  ServedOptions options;
  options.room.n_slots = 1;
  options.room.context = 0;
  Served served(options);
  const int fd = begin_long_answer(served);
  const Answered filled = served.post("/infill", {{"input_prefix", "int main() {\n"},
                                                  {"input_suffix", "}\n"},
                                                  {"n_predict", 4},
                                                  {"temperature", 0}});
  CHECK(filled.status == 200);
  CHECK(filled.body["tokens_predicted"] == 4);
  // The conversation goes on; the gap's own place is given back just behind its answer.
  CHECK(served.eventually([&] { return served.figures().n_running == 1; }));
  CHECK(served.figures().n_running == 1);
  ::close(fd);
}

TEST_CASE("a gap is filled between what is around it and other files") {
  Served served;
  json request = {
      {"input_prefix", "int add(int a, int b) {\n  return "},
      {"input_suffix", ";\n}\n"},
      {"prompt", "a"},
      {"n_predict", 12},
      {"temperature", 0},
      {"input_extra", json::array({{{"filename", "sub.h"}, {"text", "int sub();\n"}}})}};
  const Answered filled = served.post("/infill", request);
  REQUIRE(filled.status == 200);
  CHECK(filled.body["stop"] == true);
  CHECK(filled.body["truncated"] == false);
  CHECK(filled.body.contains("timings"));
  std::string streamed;
  for (const json& event : served.stream("/infill", request, false))
    streamed += event["content"].get<std::string>();
  CHECK(streamed == filled.body["content"]);
  // The files are part of what the model sees.
  const size_t with_files = filled.body["tokens_evaluated"];
  request.erase("input_extra");
  CHECK(served.post("/infill", request).body["tokens_evaluated"] < with_files);

  // Only warming: the next one finds the state.
  request["n_predict"] = 0;
  CHECK(served.post("/infill", request).body["content"] == "");
  request["n_predict"] = 2;
  CHECK(served.post("/infill", request).body["tokens_cached"] > 10);

  // Too much is cut at the far ends.
  request["input_prefix"] = std::string(9000, 'p');
  const Answered cut = served.post("/infill", request);
  CHECK(cut.status == 200);
  CHECK(cut.body["truncated"] == true);
  request.erase("input_suffix");
  CHECK(param_of(served.post("/infill", request)) == "input_suffix");
}

TEST_CASE("texts become tokens and come back") {
  Served served;
  for (const std::string text : {"the hat\n", "\xe6\xbc\xa2\xe5\xad\x97 <|endoftext|>", ""}) {
    const Answered tokens = served.post("/tokenize", {{"content", text}});
    REQUIRE(tokens.status == 200);
    CHECK(served.post("/detokenize", {{"tokens", tokens.body["tokens"]}}).body["content"] == text);
  }
  const json pieces =
      served.post("/tokenize", {{"content", "\xc3\xa9"}, {"with_pieces", true}}).body["tokens"];
  REQUIRE(pieces.size() == 2);  // two bytes of one character
  CHECK(pieces[0]["piece"] == json::array({0xc3}));
  CHECK(param_of(served.post("/detokenize", {{"tokens", json::array({-1})}})) == "tokens");
  CHECK(param_of(served.post("/tokenize", json::object())) == "content");
}

TEST_CASE("guesses change nothing of a text but how it is computed") {
  ServedOptions guesses, without_guesses;
  guesses.room.guess_cost = 0.1;
  without_guesses.room.speculation = false;
  Served with(guesses), without(without_guesses);
  // Long enough to repeat itself, as greedy texts of random weights do.
  const json request = greedy("for a in b: c", 400);
  const json a = with.post("/v1/completions", request).body;
  const json b = without.post("/v1/completions", request).body;
  CHECK(a["choices"][0]["text"] == b["choices"][0]["text"]);
  CHECK(a["usage"] == b["usage"]);
  const std::string none = "engramd_drafted_tokens_total 0\n";
  CHECK(with.get("/metrics").text.find(none) == std::string::npos);
  CHECK(with.get("/metrics").text.find("engramd_accepted_tokens_total 0\n") == std::string::npos);
  CHECK(without.get("/metrics").text.find(none) != std::string::npos);
}

TEST_CASE("the figures of a server can be scraped") {
  Served served;
  served.post("/v1/completions", greedy("abcdef", 5));
  served.post("/v1/completions", {{"prompt", 1}});
  CHECK(served.eventually([&] {
    return served.get("/metrics")
               .text.find(
                   "engramd_http_requests_total{route=\"/v1/completions\",status=\"200\"} 1") !=
           std::string::npos;
  }));
  const std::string text = served.get("/metrics").text;
  CHECK(text.find("engramd_http_requests_total{route=\"/v1/completions\",status=\"400\"} 1\n") !=
        std::string::npos);
  CHECK(text.find("engramd_generated_tokens_total 5\n") != std::string::npos);
  CHECK(text.find("engramd_prompt_tokens_total 6\n") != std::string::npos);
  CHECK(text.find("# TYPE engramd_slots gauge\n") != std::string::npos);
}
