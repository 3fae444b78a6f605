// Damaged messages and damaged bytes against a whole connection over real pipes.
//
// Seeded; ENGRAMD_FULL=1 runs longer. Whatever comes in: no crash, no request without its one
// answer, no answer that nobody asked for, and a connection that either goes on or ends at once.
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <random>
#include <thread>

#include "base/log.h"
#include "lsp/framing.h"
#include "lsp/json_rpc.h"
#include "lsp/uri.h"
#include "tests/daemon/editor.h"

using namespace engramd;
using namespace engramd::test;

namespace {

int rounds(int few, int many) {
  const char* full = std::getenv("ENGRAMD_FULL");
  return full != nullptr && *full == '1' ? many : few;
}

size_t resident_mb() {
  std::ifstream statm("/proc/self/statm");
  size_t pages = 0, resident = 0;
  statm >> pages >> resident;
  return resident * static_cast<size_t>(::sysconf(_SC_PAGESIZE)) >> 20;
}

// A connection of the daemon, and the two pipe ends that an editor would hold.
class Pipes {
 public:
  explicit Pipes(daemon::Services& services) {
    int in[2], out[2];
    REQUIRE(::pipe2(in, O_CLOEXEC) == 0);
    REQUIRE(::pipe2(out, O_CLOEXEC) == 0);
    input_ = in[0];
    output_ = out[1];
    to_ = in[1];
    from_ = out[0];
    auto transport = lsp::make_fd_transport(input_, output_);
    transport_ = transport;
    daemon::Connection::serve(services, std::move(transport), {}, [this](int) { ended_ = true; });
    reader_ = std::thread([this] { read(); });
  }
  ~Pipes() {
    close_input();
    wait([this] { return ended_.load(); });
    // It goes with the connection, and its going waits for the writer.
    wait([this] { return transport_.expired(); });
    ::close(output_);  // the reader sees the end of the stream
    reader_.join();
    ::close(input_);
    ::close(from_);
  }
  Pipes(const Pipes&) = delete;

  void write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::write(to_, bytes.data(), bytes.size());
      if (n <= 0) return;  // it has ended; the test asks for that where it matters
      bytes.remove_prefix(static_cast<size_t>(n));
    }
  }
  void close_input() {
    if (to_ >= 0) ::close(std::exchange(to_, -1));
  }
  bool ended() {
    return wait([this] { return ended_.load(); });
  }
  // How many answers came for the id, as JSON text.
  int n_answers(const std::string& id) {
    std::lock_guard lock(mutex_);
    const auto at = answers_.find(id);
    return at == answers_.end() ? 0 : at->second;
  }
  std::map<std::string, int> answers() {
    std::lock_guard lock(mutex_);
    return answers_;
  }
  bool wait(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
  }

 private:
  void read() {
    lsp::FrameParser parser;
    char buffer[65536];
    for (ssize_t n = 0; (n = ::read(from_, buffer, sizeof buffer)) > 0;) {
      parser.feed({buffer, static_cast<size_t>(n)});
      for (;;) {
        auto message = parser.next();
        if (!message || !*message) break;
        const json parsed = json::parse(**message);
        std::lock_guard lock(mutex_);
        if (!parsed.contains("method")) ++answers_[parsed["id"].dump()];
      }
    }
  }

  int input_ = -1, output_ = -1, to_ = -1, from_ = -1;
  std::atomic<bool> ended_{false};
  std::mutex mutex_;  // guards the answers: the reader fills them
  std::map<std::string, int> answers_;
  std::weak_ptr<lsp::Transport> transport_;
  std::thread reader_;
};

struct World {
  Workspace workspace{"//- /a.py\ndef run(): ...\nrun()\n//- /b.c\nint f(void) { return 1; }\n"};
  TemporaryFolder cache = std::move(*TemporaryFolder::make("engramd-cache"));
  std::unique_ptr<daemon::Services> services;

  World() {
    set_log_level(
        LogLevel::error);  // a warning for each damaged message is right, and of no use here
    daemon::Services::Options options;
    options.index.cache_folder = cache.path();
    services = std::make_unique<daemon::Services>(std::move(options));
  }
  ~World() { set_log_level(LogLevel::warning); }
  std::string initialize() const {
    const json params = {{"processId", nullptr},
                         {"rootUri", lsp::uri_of_path(workspace.root())},
                         {"capabilities", {{"window", {{"workDoneProgress", true}}}}}};
    return lsp::framed(lsp::request_text(int64_t{1000000}, "initialize", params.dump())) +
           lsp::framed(lsp::notification_text("initialized", "{}"));
  }
  std::string last_question() const {
    return lsp::framed(lsp::request_text(int64_t{2000000}, "workspace/symbol", R"({"query":"r"})"));
  }
};

// Sound messages, one of which is then damaged.
json sound(const Workspace& workspace, std::mt19937& random, int id) {
  const std::string uri = lsp::uri_of_path(workspace.path(random() % 2 == 0 ? "a.py" : "b.c"));
  const json document = {{"uri", uri}};
  const json position = {{"line", random() % 4}, {"character", random() % 12}};
  const json at = {{"textDocument", document}, {"position", position}};
  const auto request = [&](const char* method, const json& params) {
    return json({{"jsonrpc", "2.0"}, {"id", id}, {"method", method}, {"params", params}});
  };
  const auto notification = [&](const char* method, const json& params) {
    return json({{"jsonrpc", "2.0"}, {"method", method}, {"params", params}});
  };
  switch (random() % 14) {
    case 0:
      return request("textDocument/definition", at);
    case 1:
      return request("textDocument/hover", at);
    case 2: {
      json params = at;
      params["context"] = {{"includeDeclaration", true}};
      if (random() % 2 == 0) params["partialResultToken"] = "part";
      return request("textDocument/references", params);
    }
    case 3:
      return request("textDocument/documentSymbol", {{"textDocument", document}});
    case 4:
      return request("workspace/symbol", {{"query", "run"}});
    case 5:
      return request("workspace/executeCommand", {{"command", "engramd.status"}});
    case 6:
      return notification("$/cancelRequest", {{"id", id - 1}});
    case 7:
      return notification(
          "textDocument/didOpen",
          {{"textDocument",
            {{"uri", uri}, {"languageId", "python"}, {"version", 1}, {"text", "x"}}}});
    case 8:
      return notification("textDocument/didClose", {{"textDocument", document}});
    case 9:
      return notification("workspace/didChangeWatchedFiles",
                          {{"changes", {{{"uri", uri}, {"type", 1 + random() % 3}}}}});
    case 10:
      return notification("window/workDoneProgress/cancel", {{"token", "t"}});
    case 11:
      return json({{"jsonrpc", "2.0"}, {"id", random() % 5}, {"result", nullptr}});
    default:
      return notification(
          "textDocument/didChange",
          {{"textDocument", {{"uri", uri}, {"version", id}}},
           {"contentChanges",
            {{{"range", {{"start", position}, {"end", position}}}, {"text", "def g(): ...\n"}}}}});
  }
}

json odd_value(std::mt19937& random) {
  switch (random() % 14) {
    case 0:
      return nullptr;
    case 1:
      return -1;
    case 2:
      return int64_t{1} << 53;
    case 3:
      return 1.5;
    case 4:
      return true;
    case 5:
      return "";
    case 6:
      return "file:///%zz/\xEF\xBF\xBD";
    case 7:
      return std::string(5000, 'x');
    case 8:
      return json::array();
    case 9:
      return json::object();
    case 10:
      return json::array({1, "x", nullptr});
    case 11:
      return 18446744073709551615ull;
    case 12:
      return "untitled:x";
    default:
      return std::numeric_limits<int64_t>::min();
  }
}

// Changes, drops or adds a member somewhere inside.
void damage(json& value, std::mt19937& random) {
  if (!value.is_structured() || value.empty() || random() % 4 == 0) {
    value = odd_value(random);
    return;
  }
  auto at = value.begin();
  std::advance(at, static_cast<std::ptrdiff_t>(random() % value.size()));
  switch (random() % 6) {
    case 0:
      value.erase(at);
      return;
    case 1:
      if (value.is_object()) value["extra"] = odd_value(random);
      return;
    default:
      damage(*at, random);
  }
}

}  // namespace

TEST_CASE("damaged messages: each request has one answer and the session goes on") {
  World world;
  const size_t before_mb = resident_mb();
  for (int seed = 0; seed < rounds(6, 300); ++seed) {
    CAPTURE(seed);
    std::mt19937 random(static_cast<uint32_t>(seed));
    Pipes pipes(*world.services);
    pipes.write(world.initialize());
    std::map<std::string, int> asked = {{"1000000", 1}, {"2000000", 1}};
    for (int id = 1; id <= 300; ++id) {
      json message = sound(world.workspace, random, id);
      // A damaged method could be shutdown's or exit's only by design: it is not.
      if (random() % 2 == 0) damage(message["params"], random);
      if (random() % 10 == 0) damage(message, random);
      if (message.is_object() && message.contains("method") && message.contains("id"))
        ++asked[message["id"].dump()];
      else if (!message.is_object() || !message.contains("method"))
        ++asked["null"];  // may be answered so, or taken for an answer and dropped
      if (message.is_object() && message.contains("id") && !message.contains("result")) {
        asked.try_emplace(message["id"].dump(), 0);
        ++asked["null"];
      }
      const std::string bytes =
          lsp::framed(message.dump(-1, ' ', false, json::error_handler_t::replace));
      const size_t cut = random() % (bytes.size() + 1);
      pipes.write(std::string_view(bytes).substr(0, cut));
      pipes.write(std::string_view(bytes).substr(cut));
    }
    pipes.write(world.last_question());
    REQUIRE(pipes.wait([&] { return pipes.n_answers("2000000") > 0; }));
    // The sound requests among them: exactly one answer each, whatever stood around them.
    for (const auto& [id, n] : asked) {
      CAPTURE(id);
      if (id == "null") continue;
      // An id that no 64 bits hold is answered as one that could not be read.
      const json as_sent = json::parse(id);
      const bool is_id = (as_sent.is_number_integer() && as_sent != 18446744073709551615ull) ||
                         as_sent.is_string();
      if (is_id && n == 1) CHECK(pipes.wait([&] { return pipes.n_answers(id) >= 1; }));
    }
    for (const auto& [id, n] : pipes.answers()) {
      CAPTURE(id);
      CHECK(asked.count(id) == 1);
      if (id != "null") CHECK(n <= std::max(1, asked[id]));
    }
  }
  CHECK(resident_mb() < before_mb + 200);
}

TEST_CASE("damaged bytes: the connection goes on or ends, at once and without growing") {
  World world;
  const size_t before_mb = resident_mb();
  for (int seed = 0; seed < rounds(60, 5000); ++seed) {
    CAPTURE(seed);
    std::mt19937 random(static_cast<uint32_t>(seed));
    std::string bytes = world.initialize();
    for (int id = 1; id <= 20; ++id)
      bytes += lsp::framed(sound(world.workspace, random, id).dump());
    static const char* const kGarbage[] = {"Content-Length: 999999999999999999999\r\n\r\n",
                                           "Content-Length: -5\r\n\r\n",
                                           "Content-Length: 3\r\nContent-Length: 4\r\n\r\n{}",
                                           "Content-Length:\r\n\r\n",
                                           "\r\n\r\n",
                                           "Content-Length: 268435456\r\n\r\n",
                                           "GET / HTTP/1.1\r\n\r\n",
                                           "Content-Length: 2\n\n{}",
                                           "\xff\xfe\x00",
                                           "Content-Type: x\r\n\r\n",
                                           "Content-Length: 0x10\r\n\r\n"};
    for (size_t n = random() % 6; n > 0; --n) {
      const size_t at = random() % bytes.size();
      switch (random() % 5) {
        case 0:
          bytes[at] = static_cast<char>(random());
          break;
        case 1:
          bytes.erase(at, random() % 20);
          break;
        case 2:
          bytes.insert(at, kGarbage[random() % std::size(kGarbage)]);
          break;
        case 3:
          bytes.insert(at, bytes.substr(random() % bytes.size(), random() % 200));
          break;
        default:
          bytes.resize(at + 1);
      }
    }
    Pipes pipes(*world.services);
    for (size_t at = 0; at < bytes.size();) {
      const size_t n = 1 + random() % (random() % 3 == 0 ? 7 : 4000);
      pipes.write(std::string_view(bytes).substr(at, n));
      at += n;
    }
    pipes.close_input();
    CHECK(pipes.ended());
    for (const auto& [id, n] : pipes.answers())
      if (id != "null") CHECK(n <= 20);
  }
  CHECK(resident_mb() < before_mb + 200);
}
