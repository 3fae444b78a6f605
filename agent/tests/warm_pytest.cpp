#include "agent/tests/warm_pytest.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/text.h"

namespace engramd::agent {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr size_t kMaxAnswer = 64u << 20;

// The interpreter that the user's pytest runs under: of `python -m pytest` the one written, of a
// script the one in its first line.
std::string interpreter_of(const TestCommand::Pytest& pytest) {
  if (pytest.as_module) return pytest.program;
  const fs::path script = find_program(pytest.program);
  if (script.empty()) return "python3";
  const auto text = read_file(script, 1u << 20);
  if (!text || text->substr(0, 2) != "#!") return "python3";
  std::string_view line = std::string_view(*text).substr(2, text->find('\n') - 2);
  line = trim(line);
  if (line.find("python") == std::string_view::npos) return "python3";
  if (const size_t space = line.rfind(' '); space != std::string_view::npos) {
    const std::string_view last = line.substr(space + 1);
    line =
        last.front() == '-' ? line.substr(0, line.find(' ')) : last;  // "env python3", "python3 -E"
  }
  return std::string(line);
}

bool takes_over(const std::string& argument) {
  // Plugins that run the tests themselves, or that a fork would confuse.
  return argument == "-n" || argument.rfind("-n", 0) == 0 ||
         argument.rfind("--numprocesses", 0) == 0 || argument.rfind("--dist", 0) == 0 ||
         argument.rfind("--forked", 0) == 0 || argument == "--pdb" || argument == "--co" ||
         argument == "--collect-only";
}

}  // namespace

struct WarmPytest::Process {
  int fd = -1;        // ours
  int other_fd = -1;  // the child's, until it has it
  CancelSource stop;
  CancelToken cancel;
  std::thread runner;
  std::atomic<bool> ended{false};
  std::string output;
  double cpu_hot_s = 0, cpu_cold_s = 0;
  std::string buffer;

  explicit Process(const CancelToken& parent) : stop(parent), cancel(parent) {}
  ~Process() {
    if (fd >= 0) ::close(fd);
    stop.cancel();
    if (runner.joinable()) runner.join();
    if (other_fd >= 0) ::close(other_fd);
  }

  Status send(const json& record) {
    const std::string line = record.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
    for (size_t done = 0; done < line.size();) {
      const ssize_t n = ::send(fd, line.data() + done, line.size() - done, MSG_NOSIGNAL);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return fail(errno_error("cannot write to the warm test runner", errno));
      done += static_cast<size_t>(n);
    }
    return {};
  }

  Result<json> receive(double seconds) {
    const auto deadline =
        Clock::now() + std::chrono::milliseconds(static_cast<int64_t>(seconds * 1000));
    for (;;) {
      if (const size_t end = buffer.find('\n'); end != std::string::npos) {
        json record = json::parse(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(end),
                                  nullptr, false);
        buffer.erase(0, end + 1);
        if (!record.is_object())
          return fail(ErrorCode::corrupt, "the warm test runner sent no JSON");
        cpu_hot_s = record.value("cpu_hot_s", cpu_hot_s);
        cpu_cold_s = record.value("cpu_cold_s", cpu_cold_s);
        return record;
      }
      ENGRAMD_CHECK(cancel.check());
      if (Clock::now() > deadline)
        return fail(ErrorCode::exhausted, "the warm test runner did not answer in time");
      pollfd wait{fd, POLLIN, 0};
      if (::poll(&wait, 1, 50) <= 0) {
        if (ended) return fail(ErrorCode::unavailable, "the warm test runner ended");
        continue;
      }
      char piece[1 << 16];
      const ssize_t n = ::recv(fd, piece, sizeof piece, 0);
      if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      if (n <= 0) return fail(ErrorCode::unavailable, "the warm test runner ended");
      buffer.append(piece, static_cast<size_t>(n));
      if (buffer.size() > kMaxAnswer)
        return fail(ErrorCode::exhausted, "the warm test runner's answer is too long");
    }
  }
};

Result<std::unique_ptr<WarmPytest>> WarmPytest::start(const Sandbox& sandbox,
                                                      const TestCommand& command,
                                                      const Setup& setup,
                                                      const CancelToken& cancel) {
  if (!command.pytest)
    return fail(ErrorCode::unsupported, "the test command is not a plain call of pytest");
  if (!command.wrapper.empty())
    return fail(ErrorCode::unsupported, "the tests run in an environment of their own");
  for (const std::string& argument : command.pytest->arguments)
    if (takes_over(argument)) return fail(ErrorCode::unsupported, "pytest runs with " + argument);
  int fds[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
    return fail(errno_error("cannot make a socket pair", errno));
  std::unique_ptr<WarmPytest> warm(new WarmPytest);
  warm->process_ = std::make_unique<Process>(cancel);
  Process& process = *warm->process_;
  process.fd = fds[0];
  process.other_fd = fds[1];
  warm->tree_path_ = sandbox.tree_path();

  SandboxCommand driver;
  const json request = {{"args", command.pytest->arguments},
                        {"add_cwd", command.pytest->as_module},
                        {"files", setup.files},
                        {"first", setup.first},
                        {"program", command.pytest->program}};
  driver.argv = {interpreter_of(*command.pytest), sandbox.helper_path("engramd_warm.py"),
                 std::to_string(fds[1]),
                 request.dump(-1, ' ', false, json::error_handler_t::replace)};
  driver.env = command.pytest->env;
  driver.keep_fds = {fds[1]};
  driver.limits.wall_ms = 24ll * 3600 * 1000;
  driver.limits.max_cpu_s = 24 * 3600;
  process.runner = std::thread([&process, &sandbox, driver] {
    auto ran = sandbox.run(driver, process.stop.token());
    if (ran) {
      process.output = ran->stdout_text;
    } else {
      process.output = ran.error().message;
    }
    process.ended = true;
  });
  auto hello = process.receive(setup.start_s);
  if (!hello) return fail(std::move(hello).error());
  // From here on a dead child is an end of the stream for us.
  ::close(process.other_fd);
  process.other_fd = -1;
  if (hello->value("hello", "") != "hot")
    return fail(ErrorCode::unavailable, "pytest could not be loaded once for all candidates");
  warm->n_items_ = hello->value("items", size_t{0});
  return warm;
}

WarmPytest::~WarmPytest() = default;

double WarmPytest::cpu_s() const {
  return process_->cpu_hot_s + process_->cpu_cold_s;
}

Result<std::vector<TracedTest>> WarmPytest::trace(double cpu_s_per_test, double wall_s,
                                                  size_t max_tests) {
  ENGRAMD_CHECK(process_->send({{"mode", "trace"},
                                {"root", tree_path_},
                                {"cpu_s", cpu_s_per_test},
                                {"wall_s", wall_s},
                                {"max_tests", max_tests}}));
  ENGRAMD_TRY(const json answer, process_->receive(wall_s + 10));
  std::vector<TracedTest> tests;
  const json records = answer.value("tests", json::array());
  for (const json& record : records) {
    TracedTest test;
    test.id = record.value("id", "");
    const std::string outcome = record.value("outcome", "");
    if (outcome == "skipped") continue;
    test.red = outcome != "passed";
    const json files = record.value("files", json::object());
    for (const auto& [name, lines] : files.items())
      for (const json& line : lines)
        if (line.is_number_unsigned()) test.lines[name].push_back(line.get<uint32_t>());
    tests.push_back(std::move(test));
  }
  return tests;
}

TrialOutcome WarmPytest::try_text(const std::string& path, const std::string& text, bool hot,
                                  double cpu_s, double wall_s) {
  if (!process_->send({{"mode", hot ? "hot" : "cold"},
                       {"path", tree_path_ + "/" + path},
                       {"text", text},
                       {"cpu_s", cpu_s},
                       {"wall_s", wall_s}}))
    return TrialOutcome::gone;
  const auto answer = process_->receive(wall_s + 20);
  if (!answer) return TrialOutcome::gone;
  const std::string outcome = answer->value("outcome", "");
  if (outcome == "passed") return TrialOutcome::passed;
  if (outcome == "unpatchable") return TrialOutcome::unpatchable;
  if (outcome == "same") return TrialOutcome::same;
  if (outcome == "syntax") return TrialOutcome::syntax;
  return outcome == "gone" ? TrialOutcome::gone : TrialOutcome::failed;
}

}  // namespace engramd::agent
