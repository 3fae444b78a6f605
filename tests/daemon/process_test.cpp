// The real program: shims and daemons as processes, in private XDG folders.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "base/process.h"
#include "lsp/framing.h"
#include "lsp/uri.h"
#include "tests/daemon/message_log.h"
#include "tests/support/workspace.h"

using namespace engramd;
using namespace engramd::test;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

constexpr std::chrono::seconds kPatience{60};
const fs::path kProgram = fs::path(ENGRAMD_BINARY_DIR) / "engramd";

// Private folders for one test; on the way out its daemon is ended.
struct Home {
  TemporaryFolder folder = std::move(*TemporaryFolder::make("engramd-home"));
  std::vector<std::pair<std::string, std::string>> environment;

  Home() {
    for (const char* name :
         {"XDG_RUNTIME_DIR", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"}) {
      const fs::path path = folder.path() / name;
      fs::create_directory(path);
      environment.emplace_back(name, path.string());
    }
    environment.emplace_back("HOME", folder.path().string());
    environment.emplace_back("PATH", "/usr/bin:/bin");
    environment.emplace_back("SECRET_OF_THE_EDITOR", "42");
  }
  ~Home() { run({"stop"}); }

  ProcessResult run(std::vector<std::string> arguments, const fs::path& program = kProgram) const {
    ProcessOptions options;
    options.argv = {program.string()};
    options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
    options.env = environment;
    options.wall_ms = 60000;
    auto result = run_process(options);
    return result ? *result : ProcessResult{};
  }
  json status(const fs::path& program = kProgram) const {
    const ProcessResult result = run({"status", "--json"}, program);
    const json status = json::parse(result.stdout_text, nullptr, false);
    return status.is_object() && status.value("pid", 0) > 0 ? status : json();
  }
  fs::path socket() const { return folder.path() / "XDG_RUNTIME_DIR/engramd/daemon.sock"; }
  std::string log() const {
    const auto text = read_file(folder.path() / "XDG_STATE_HOME/engramd/daemon.log");
    return text ? *text : "";
  }
};

// One `engramd lsp` with pipes.
class Shim {
 public:
  explicit Shim(const Home& home, const fs::path& program = kProgram,
                std::vector<std::string> more = {}) {
    int in[2], out[2];
    REQUIRE(::pipe2(in, O_CLOEXEC) == 0);
    REQUIRE(::pipe2(out, O_CLOEXEC) == 0);
    std::vector<std::string> words = {program.string(), "lsp"}, variables;
    words.insert(words.end(), more.begin(), more.end());
    for (const auto& [name, value] : home.environment) variables.push_back(name + "=" + value);
    std::vector<char*> argv, envp;
    for (auto& word : words) argv.push_back(word.data());
    for (auto& variable : variables) envp.push_back(variable.data());
    argv.push_back(nullptr);
    envp.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(in[0], 0);
      ::dup2(out[1], 1);
      ::execve(argv[0], argv.data(), envp.data());
      ::_exit(127);
    }
    ::close(in[0]);
    ::close(out[1]);
    in_ = in[1];
    out_ = out[0];
  }
  ~Shim() {
    close_input();
    ::close(out_);
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
  }
  // Some of these tests leave out what LSP wants of a client; the judge looks at the server.
  void send(const json& message) {
    log_.client(message.dump(), true);
    send_bytes(lsp::framed(message.dump()));
  }
  void send_bytes(const std::string& bytes) {
    REQUIRE(::write(in_, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  }
  void close_input() {
    if (in_ >= 0) ::close(std::exchange(in_, -1));
  }
  void request(int id, const std::string& method, const json& params = json::object()) {
    send({{"jsonrpc", "2.0"}, {"id", id}, {"method", method}, {"params", params}});
  }
  // The next response; other messages are skipped. Null when the stream ended.
  json response() {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (std::chrono::steady_clock::now() < deadline) {
      auto message = parser_.next();
      REQUIRE(message);
      if (*message) {
        log_.server(**message);
        const json parsed = json::parse(**message);
        if (!parsed.contains("method")) return parsed;
        continue;
      }
      pollfd ready{out_, POLLIN, 0};
      if (::poll(&ready, 1, 1000) <= 0) continue;
      char buffer[65536];
      const ssize_t n = ::read(out_, buffer, sizeof buffer);
      if (n <= 0) return nullptr;
      parser_.feed({buffer, static_cast<size_t>(n)});
    }
    FAIL("no response in time");
    return nullptr;
  }
  json initialize(const Workspace* workspace = nullptr) {
    json params = {
        {"processId", ::getpid()}, {"rootUri", nullptr}, {"capabilities", json::object()}};
    if (workspace != nullptr) params["rootUri"] = lsp::uri_of_path(workspace->root());
    request(0, "initialize", params);
    const json answer = response();
    send({{"jsonrpc", "2.0"}, {"method", "initialized"}, {"params", json::object()}});
    return answer;
  }
  int wait_exit() {
    int how = 0;
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (std::chrono::steady_clock::now() < deadline) {
      if (::waitpid(pid_, &how, WNOHANG) == pid_) {
        pid_ = -1;
        return WIFEXITED(how) ? WEXITSTATUS(how) : -WTERMSIG(how);
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    FAIL("the shim did not end");
    return -1;
  }

 private:
  pid_t pid_ = -1;
  int in_ = -1, out_ = -1;
  lsp::FrameParser parser_;
  MessageLog log_;
};

template <class Condition>
bool eventually(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (std::chrono::steady_clock::now() < deadline) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

bool alive(int pid) {
  if (::kill(pid, 0) != 0) return false;
  // A zombie of ours or of init's is dead enough.
  const auto text = read_file("/proc/" + std::to_string(pid) + "/stat");
  return text && text->find(") Z") == std::string::npos;
}

}  // namespace

TEST_CASE("an editor starts the daemon, works with it, and leaves it running") {
  const Home home;
  const Workspace workspace("//- /a.py\ndef greet(): pass\ngreet()\n");
  CHECK(home.run({"status"}).exit_code != 0);
  {
    Shim shim(home);
    CHECK(shim.initialize(&workspace)["result"]["serverInfo"]["name"] == "engramd");
    shim.send({{"jsonrpc", "2.0"},
               {"method", "textDocument/didOpen"},
               {"params",
                {{"textDocument",
                  {{"uri", lsp::uri_of_path(workspace.path("a.py"))},
                   {"languageId", "python"},
                   {"version", 1},
                   {"text", "def greet(): pass\ngreet()\n"}}}}}});
    shim.request(1, "textDocument/definition",
                 {{"textDocument", {{"uri", lsp::uri_of_path(workspace.path("a.py"))}}},
                  {"position", {{"line", 1}, {"character", 2}}}});
    const json definition = shim.response()["result"];
    REQUIRE(definition.size() == 1);
    CHECK(definition[0]["range"]["start"] == json({{"line", 0}, {"character", 4}}));
    shim.request(2, "shutdown");
    CHECK(shim.response()["result"].is_null());
    shim.send({{"jsonrpc", "2.0"}, {"method", "exit"}});
    CHECK(shim.wait_exit() == 0);
  }
  const json status = home.status();
  REQUIRE(status.is_object());
  CHECK(eventually([&] { return home.status()["attachments"].empty(); }));
  struct stat info {};
  REQUIRE(::stat(home.socket().c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
  REQUIRE(::stat(home.socket().parent_path().c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0700);
  // What the editor had in its environment is not the daemon's.
  const auto environment = read_file("/proc/" + status["pid"].dump() + "/environ", 1u << 20);
  if (environment) CHECK(environment->find("SECRET_OF_THE_EDITOR") == std::string::npos);
  CHECK(home.run({"stop"}).exit_code == 0);
  CHECK_FALSE(alive(status["pid"]));
  CHECK_FALSE(fs::exists(home.socket()));
  CHECK(home.run({"stop"}).exit_code == 0);
}

TEST_CASE("ten editors at once start one daemon") {
  const Home home;
  std::vector<std::unique_ptr<Shim>> shims;
  for (int i = 0; i < 10; ++i) shims.push_back(std::make_unique<Shim>(home));
  for (auto& shim : shims) CHECK(shim->initialize().contains("result"));
  const json status = home.status();
  REQUIRE(status.is_object());
  CHECK(status["attachments"].size() == 10);
  const std::string log = home.log();
  size_t n = 0;
  for (size_t at = log.find(" listens on "); at != std::string::npos;
       at = log.find(" listens on ", at + 1))
    ++n;
  CHECK(n == 1);
}

TEST_CASE("a killed daemon: open requests are answered, the shim exits 1, the next start works") {
  const Home home;
  Shim shim(home);
  shim.initialize();
  const int pid = home.status()["pid"];
  // Stopped, it cannot answer: the request is open when the kill comes.
  ::kill(pid, SIGSTOP);
  shim.request(7, "workspace/symbol", {{"query", "x"}});
  shim.send({{"jsonrpc", "2.0"},
             {"id", "text"},
             {"method", "workspace/symbol"},
             {"params", {{"query", "y"}}}});
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  ::kill(pid, SIGKILL);
  std::vector<json> ids;
  for (int i = 0; i < 2; ++i) {
    const json answer = shim.response();
    REQUIRE(answer.is_object());
    CHECK(answer["error"]["code"] == -32603);
    CHECK_THAT(answer["error"]["message"].get<std::string>(),
               Catch::Contains("engramd daemon ended"));
    ids.push_back(answer["id"]);
  }
  CHECK((ids == std::vector<json>{"text", 7} || ids == std::vector<json>{7, "text"}));
  CHECK(shim.wait_exit() == 1);
  CHECK(fs::exists(home.socket()));  // left behind by the dead one
  Shim next(home);
  CHECK(next.initialize().contains("result"));
  CHECK(home.status()["pid"] != pid);
}

TEST_CASE("exit codes of the shim follow LSP") {
  const Home home;
  {
    Shim shim(home);
    shim.initialize();
    shim.send({{"jsonrpc", "2.0"}, {"method", "exit"}});
    CHECK(shim.wait_exit() == 1);
  }
  {
    Shim shim(home);
    shim.initialize();
    shim.close_input();  // the editor died
    CHECK(shim.wait_exit() == 1);
  }
  {
    Shim shim(home);
    shim.initialize();
    shim.send_bytes("this is no header\r\n\r\n");
    const json answer = shim.response();
    CHECK(answer["id"].is_null());
    CHECK(answer["error"]["code"] == -32700);
    CHECK(shim.wait_exit() == 1);
  }
  CHECK(eventually([&] { return home.status()["attachments"].empty(); }));
  for (const char* mode : {"shut down", "not"}) {
    Shim shim(home, kProgram, {"--standalone"});
    CHECK(shim.initialize().contains("result"));
    if (mode[0] == 's') {
      shim.request(1, "shutdown");
      CHECK(shim.response()["result"].is_null());
    }
    shim.send({{"jsonrpc", "2.0"}, {"method", "exit"}});
    CHECK(shim.wait_exit() == (mode[0] == 's' ? 0 : 1));
  }
}

TEST_CASE("a newer build takes over; the older daemon serves its editors to the end") {
  const Home home;
  const fs::path older = home.folder.path() / "older", newer = home.folder.path() / "newer";
  fs::copy_file(kProgram, older);
  fs::copy_file(kProgram, newer);
  const auto now = fs::file_time_type::clock::now();
  fs::last_write_time(older, now - std::chrono::hours(2));
  fs::last_write_time(newer, now - std::chrono::hours(1));

  auto first = std::make_unique<Shim>(home, older);
  first->initialize();
  const int old_pid = home.status()["pid"];
  Shim second(home, newer);
  CHECK(second.initialize().contains("result"));
  const int new_pid = home.status()["pid"];
  CHECK(new_pid != old_pid);
  CHECK(alive(old_pid));
  first->request(3, "workspace/symbol", {{"query", "x"}});
  CHECK(first->response().contains("result"));
  // An older shim that comes now is served by the newer daemon.
  Shim third(home, older);
  CHECK(third.initialize().contains("result"));
  CHECK(home.status()["pid"] == new_pid);
  CHECK(home.status()["attachments"].size() == 2);
  first.reset();
  CHECK(eventually([&] { return !alive(old_pid); }));
  CHECK(alive(new_pid));
  CHECK(home.status()["pid"] == new_pid);
}

TEST_CASE("garbage on the socket does not disturb the others") {
  const Home home;
  Shim shim(home);
  shim.initialize();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  REQUIRE(home.socket().string().size() < sizeof address.sun_path);
  std::strcpy(address.sun_path, home.socket().c_str());
  for (const std::string& bytes :
       {std::string("GET / HTTP/1.1\r\n\r\n"), std::string(100000, '\xff'), lsp::framed("[1]"),
        lsp::framed(R"({"engramd":{"protocol":99,"kind":"lsp"}})"),
        lsp::framed(R"({"engramd":{"protocol":1,"kind":"x"}})"),
        lsp::framed(std::string(100000, '[')), std::string()}) {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    ::shutdown(fd, SHUT_WR);
    char buffer[4096];
    while (::read(fd, buffer, sizeof buffer) > 0) {
    }
    ::close(fd);
  }
  shim.request(1, "workspace/symbol", {{"query", "x"}});
  CHECK(shim.response()["id"] == 1);
  CHECK(eventually([&] { return home.status()["attachments"].size() == 1; }));
}

TEST_CASE("a daemon that cannot start is one clear error") {
  Home home;
  home.environment.emplace_back("ENGRAMD_IDLE_MINUTES", "x");
  Shim shim(home);
  shim.close_input();
  CHECK(shim.wait_exit() != 0);
  const Home other;
  // The runtime folder is a file: nothing can be made there.
  const fs::path runtime = other.folder.path() / "XDG_RUNTIME_DIR/engramd";
  REQUIRE(write_file_atomic(runtime, "in the way"));
  const ProcessResult result = other.run({"lsp"});
  CHECK(result.exit_code > 0);
  CHECK_THAT(result.stderr_text, Catch::Contains("XDG_RUNTIME_DIR/engramd"));
}

TEST_CASE("an editor that writes much before it reads locks nothing up") {
  const Home home;
  Shim shim(home);
  shim.initialize();
  constexpr int kRequests = 3000;  // answers of more bytes than a pipe holds
  const std::string padding(200, ' ');
  for (int id = 1; id <= kRequests; ++id)
    shim.request(id, "workspace/symbol", {{"query", "x" + padding}});
  std::set<int> answered;
  for (int i = 0; i < kRequests; ++i) answered.insert(shim.response()["id"].get<int>());
  CHECK(answered.size() == kRequests);
}

TEST_CASE("SIGTERM ends a daemon cleanly") {
  const Home home;
  Shim shim(home);
  shim.initialize();
  const int pid = home.status()["pid"];
  ::kill(pid, SIGTERM);
  CHECK(shim.wait_exit() == 1);
  CHECK(eventually([&] { return !alive(pid); }));
  CHECK_FALSE(fs::exists(home.socket()));
  CHECK_THAT(home.log(), Catch::Contains("ended"));
}
