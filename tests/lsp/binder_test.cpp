#include "lsp/binder.h"

#include <fcntl.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <condition_variable>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>
#include <thread>

#include "lsp/framing.h"
#include "lsp/protocol/hover.h"
#include "lsp/transport.h"

using namespace engramd;
using namespace engramd::lsp;
using nlohmann::json;

namespace {

// A binder whose output is kept, with a few methods to talk to.
struct Bench {
  std::mutex mutex;
  std::vector<json> sent;
  std::optional<int> exit_code;
  std::optional<Reply<NullResult>> kept;  // of the last "wait"
  std::vector<std::string> heard;
  std::shared_ptr<Binder> binder;

  Bench() {
    Binder::Hooks hooks;
    hooks.send = [this](std::string text) {
      std::lock_guard lock(mutex);
      sent.push_back(json::parse(text));
      return true;
    };
    hooks.on_exit = [this](int code) { exit_code = code; };
    binder = Binder::make(std::move(hooks));
    binder->on_request<InitializeParams, InitializeResult>(
        "initialize",
        [](InitializeParams, Reply<InitializeResult> reply) { reply(InitializeResult{}); });
    binder->on_request<NoParams, NullResult>(
        "echo", [](NoParams, Reply<NullResult> reply) { reply(NullResult{}); });
    binder->on_request<DocumentPosition, HoverResult>(
        "hover", [](DocumentPosition, Reply<HoverResult> reply) { reply(HoverResult{}); });
    binder->on_request<NoParams, NullResult>(
        "wait", [this](NoParams, Reply<NullResult> reply) { kept = reply; });
    binder->on_request<NoParams, NullResult>("forget", [](NoParams, Reply<NullResult>) {});
    binder->on_request<NoParams, NullResult>("twice", [](NoParams, Reply<NullResult> reply) {
      reply(NullResult{});
      reply.failed(RpcError::internal_error, "again");
    });
    binder->on_request<NoParams, NullResult>(
        "throw", [](NoParams, Reply<NullResult>) { throw std::runtime_error("boom"); });
    binder->on_notification<NoParams>("note", [this](NoParams) { heard.push_back("note"); });
  }

  void tell(const std::string& text) { binder->receive(text); }
  void ask(const std::string& id, const std::string& method, const std::string& params = "{}") {
    tell(R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":")" + method + R"(","params":)" + params +
         "}");
  }
  void initialize() {
    ask("\"i\"", "initialize", R"({"capabilities":{}})");
    REQUIRE(taken().at(0).contains("result"));
  }
  std::vector<json> taken() {
    std::lock_guard lock(mutex);
    return std::exchange(sent, {});
  }
  // The error code of the single answer; 0 for a result.
  int code() {
    const auto answers = taken();
    REQUIRE(answers.size() == 1);
    CHECK(answers[0]["jsonrpc"] == "2.0");
    CHECK(answers[0].contains("result") != answers[0].contains("error"));
    return answers[0].contains("error") ? answers[0]["error"]["code"].get<int>() : 0;
  }
};

}  // namespace

TEST_CASE("the life cycle rules of LSP hold") {
  Bench bench;
  bench.ask("1", "echo");
  CHECK(bench.code() == -32002);
  bench.tell(R"({"jsonrpc":"2.0","method":"note"})");
  CHECK(bench.heard.empty());
  bench.ask("2", "initialize", R"([])");
  CHECK(bench.code() == -32602);
  bench.initialize();
  bench.ask("3", "initialize", R"({"capabilities":{}})");
  CHECK(bench.code() == -32600);
  bench.ask("4", "echo");
  CHECK(bench.code() == 0);
  bench.tell(R"({"jsonrpc":"2.0","method":"note"})");
  CHECK(bench.heard.size() == 1);
  bench.ask("5", "nothing/like/it");
  CHECK(bench.code() == -32601);
  bench.ask("6", "$/unknown");
  CHECK(bench.code() == -32601);
  bench.tell(R"({"jsonrpc":"2.0","method":"$/unknown"})");
  CHECK(bench.taken().empty());
  bench.ask("7", "hover", R"({"textDocument":{}})");
  CHECK(bench.code() == -32602);
  bench.ask("8", "shutdown");
  CHECK(bench.code() == 0);
  bench.ask("9", "echo");
  CHECK(bench.code() == -32600);
  CHECK_FALSE(bench.exit_code);
  bench.tell(R"({"jsonrpc":"2.0","method":"exit"})");
  CHECK(bench.exit_code == 0);
}

TEST_CASE("exit without shutdown is a failure") {
  Bench bench;
  bench.tell(R"({"jsonrpc":"2.0","method":"exit"})");
  CHECK(bench.exit_code == 1);
  Bench running;
  running.initialize();
  running.tell(R"({"jsonrpc":"2.0","method":"exit"})");
  CHECK(running.exit_code == 1);
}

TEST_CASE("every request is answered exactly once, whatever its handler does") {
  Bench bench;
  bench.initialize();
  bench.ask("1", "forget");
  CHECK(bench.code() == -32603);
  bench.ask("2", "throw");
  CHECK(bench.code() == -32603);
  bench.ask("3", "twice");
  CHECK(bench.code() == 0);
  bench.ask("\"text id\"", "echo");
  CHECK(bench.taken().at(0)["id"] == "text id");
  CHECK(bench.binder->n_open() == 0);
}

TEST_CASE("a cancelled request is answered at once and only once") {
  Bench bench;
  bench.initialize();
  bench.ask("5", "wait");
  CHECK(bench.taken().empty());
  CHECK_FALSE(bench.kept->token().cancelled());
  bench.tell(R"({"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":5}})");
  CHECK(bench.code() == -32800);
  CHECK(bench.kept->token().cancelled());
  (*bench.kept)(NullResult{});
  CHECK(bench.taken().empty());
  // Its id is free again, and cancelling what is over changes nothing.
  bench.ask("5", "echo");
  CHECK(bench.code() == 0);
  bench.tell(R"({"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":5}})");
  bench.tell(R"({"jsonrpc":"2.0","method":"$/cancelRequest","params":{}})");
  CHECK(bench.taken().empty());
  // "5" and 5 are two ids.
  bench.ask("\"5\"", "wait");
  bench.tell(R"({"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":5}})");
  CHECK(bench.taken().empty());
}

TEST_CASE("an id in use and a flood of requests are refused") {
  Bench bench;
  bench.initialize();
  std::vector<Reply<NullResult>> kept;
  for (size_t i = 0; i < kMaxOpenRequests; ++i) {
    bench.ask(std::to_string(i), "wait");
    kept.push_back(*bench.kept);
  }
  CHECK(bench.taken().empty());
  bench.ask("3", "wait");
  CHECK(bench.code() == -32803);
  bench.binder->end();
  CHECK(bench.taken().empty());
  for (const auto& reply : kept) CHECK(reply.token().cancelled());
}

TEST_CASE("the same id twice is refused while the first is open") {
  Bench bench;
  bench.initialize();
  bench.ask("1", "wait");
  bench.ask("1", "echo");
  CHECK(bench.code() == -32600);
  (*bench.kept)(NullResult{});
  CHECK(bench.code() == 0);
}

TEST_CASE("bad messages are answered and the conversation goes on") {
  Bench bench;
  bench.initialize();
  bench.tell("{nonsense");
  CHECK(bench.code() == -32700);
  bench.tell(R"({"jsonrpc":"2.0","id":3,"method":"echo","params":)" + std::string(10000, '[') +
             std::string(10000, ']') + "}");
  const auto refused = bench.taken();
  REQUIRE(refused.size() == 1);
  CHECK(refused[0]["id"] == 3);
  CHECK(refused[0]["error"]["code"] == -32700);
  bench.tell("[]");
  CHECK(bench.code() == -32600);
  bench.ask("4", "echo");
  CHECK(bench.code() == 0);
}

TEST_CASE("our own requests get their answers, errors and the end of the connection") {
  Bench bench;
  bench.initialize();
  std::vector<std::string> answers;
  const auto keep = [&](const auto& answer) {
    answers.push_back(answer ? (*answer)->dump() : "error: " + answer.error().message);
  };
  bench.binder->request("a", "{}", keep);
  bench.binder->request("b", "{}", keep);
  bench.binder->request("c", "{}", keep);
  const auto sent = bench.taken();
  REQUIRE(sent.size() == 3);
  const auto respond = [&](const json& id, const char* rest) {
    bench.tell(R"({"jsonrpc":"2.0","id":)" + id.dump() + "," + rest + "}");
  };
  respond(sent[1]["id"], R"("error":{"code":1,"message":"no"})");
  respond(sent[0]["id"], R"("result":{"x":1})");
  respond(sent[0]["id"], R"("result":{"x":2})");  // a second answer is ignored
  CHECK(answers == std::vector<std::string>{"error: no", R"({"x":1})"});
  bench.binder->end();
  CHECK(answers.back() == "error: the connection has ended");
  bench.binder->request("d", "{}", keep);
  CHECK(answers.size() == 4);
  CHECK(bench.taken().empty());
}

TEST_CASE("replies from many threads and cancellations race to one answer each") {
  Bench bench;
  bench.initialize();
  std::vector<std::thread> threads;
  for (int i = 0; i < 200; ++i) {
    bench.ask(std::to_string(i), "wait");
    threads.emplace_back([reply = *bench.kept] { reply(NullResult{}); });
    bench.kept.reset();
    bench.tell(R"({"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":)" +
               std::to_string(i) + "}}");
  }
  for (auto& thread : threads) thread.join();
  const auto answers = bench.taken();
  CHECK(answers.size() == 200);
  std::set<int> ids;
  for (const auto& answer : answers) ids.insert(answer["id"].get<int>());
  CHECK(ids.size() == 200);
}

namespace {

// Waits for what a transport's threads bring.
struct Inbox {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::string> messages;
  std::optional<std::string> ended;  // empty text: cleanly
  std::atomic<bool> accepting{true};

  Transport::Events events() {
    return {[this](std::string message) {
              std::lock_guard lock(mutex);
              messages.push_back(std::move(message));
              changed.notify_all();
              return accepting.load();
            },
            [this](const Status& how) {
              std::lock_guard lock(mutex);
              ended = how ? "" : how.error().message;
              changed.notify_all();
            }};
  }
  template <class Condition>
  bool wait(Condition condition) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, std::chrono::seconds(20), condition);
  }
};

struct Pipes {
  int fds[2];
  Pipes() { REQUIRE(::pipe(fds) == 0); }
  ~Pipes() {
    ::close(fds[0]);
    if (fds[1] >= 0) ::close(fds[1]);
  }
  void write(const std::string& text) {
    REQUIRE(::write(fds[1], text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }
  void close_writer() { ::close(std::exchange(fds[1], -1)); }
};

}  // namespace

TEST_CASE("a descriptor transport reads frames, waits when told to, and reports a cut message") {
  Pipes in, out;
  Inbox inbox;
  auto transport = make_fd_transport(in.fds[0], out.fds[1]);
  inbox.accepting = false;
  transport->start(inbox.events());
  in.write(framed("one") + framed("two") + framed("three") + "Content-Length: 9\r\n\r\nfo");
  REQUIRE(inbox.wait([&] { return inbox.messages.size() == 1; }));
  inbox.accepting = true;
  transport->resume();
  REQUIRE(inbox.wait([&] { return inbox.messages.size() == 3; }));
  in.close_writer();
  REQUIRE(inbox.wait([&] { return inbox.ended.has_value(); }));
  CHECK(*inbox.ended == "the stream ended after 2 of 9 bytes of a message");
  REQUIRE(transport->send("reply"));
  transport->close();
  CHECK_FALSE(transport->send("too late"));
  char buffer[100];
  const ssize_t n = ::read(out.fds[0], buffer, sizeof buffer);
  CHECK(std::string(buffer, static_cast<size_t>(n)) == framed("reply"));
}

TEST_CASE("a memory transport delivers in order and ends both sides") {
  auto [left, right] = make_memory_transport();
  Inbox inbox, other;
  right->start(inbox.events());
  left->start(other.events());
  for (int i = 0; i < 100; ++i) REQUIRE(left->send(std::to_string(i)));
  REQUIRE(inbox.wait([&] { return inbox.messages.size() == 100; }));
  CHECK(inbox.messages[99] == "99");
  left->close();
  REQUIRE(inbox.wait([&] { return inbox.ended.has_value(); }));
  CHECK_FALSE(right->send("x"));
  right->close();
}
