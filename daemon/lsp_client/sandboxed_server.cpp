#include "daemon/lsp_client/sandboxed_server.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "agent/verify/lint.h"
#include "daemon/lsp_client/client.h"
#include "daemon/lsp_client/servers.h"
#include "repoindex/index.h"

namespace engramd::daemon {
namespace {

constexpr int64_t kLongestRunMs = 12 * 3600 * 1000;
constexpr uint64_t kMaxCpuS = 4 * 3600;

// A named pipe that both sides have open for as long as we hold it, so that opening never blocks.
Result<int> make_pipe(const std::filesystem::path& file) {
  ::unlink(file.c_str());
  if (::mkfifo(file.c_str(), 0600) != 0)
    return fail(errno_error("cannot make a pipe for a language server", errno));
  const int fd = ::open(file.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return fail(errno_error("cannot open a language server's pipe", errno));
  return fd;
}

class ServerSource final : public agent::DiagnosticsSource {
 public:
  ServerSource(std::string name, std::string language)
      : name_(std::move(name)), language_(std::move(language)) {}

  ~ServerSource() override {
    if (client_ && !ended_) client_->end();
    stop_.cancel();
    if (runner_.joinable()) runner_.join();
    std::error_code error;
    for (const auto& pipe : pipes_) std::filesystem::remove(pipe, error);
  }

  Status start(const std::vector<std::string>& argv, const std::string& initialization_options,
               const agent::Sandbox& sandbox, const CancelToken& cancel) {
    static std::atomic<unsigned> counter{0};
    const std::string number = std::to_string(counter.fetch_add(1));
    const std::string to = "lsp-to-" + number, from = "lsp-from-" + number;
    pipes_ = {sandbox.report_file(to), sandbox.report_file(from)};
    ENGRAMD_TRY(const int to_fd, make_pipe(pipes_[0]));
    auto from_fd = make_pipe(pipes_[1]);
    if (!from_fd) {
      ::close(to_fd);
      return fail(from_fd.error());
    }
    auto connection =
        std::make_unique<LspConnection>(*from_fd, to_fd, [this] { return ended_.load(); });
    // The run's cancel ends the server too.
    stop_ = CancelSource(cancel);
    agent::SandboxCommand command;
    command.argv = {"/bin/sh",
                    "-c",
                    "in=$1; out=$2; shift 2; exec \"$@\" <\"$in\" >\"$out\" 2>/dev/null",
                    "language-server",
                    sandbox.report_path(to),
                    sandbox.report_path(from)};
    command.argv.insert(command.argv.end(), argv.begin(), argv.end());
    command.limits.wall_ms = kLongestRunMs;
    command.limits.max_cpu_s = kMaxCpuS;
    command.limits.max_output_bytes = 4096;
    runner_ = std::thread([this, &sandbox, command = std::move(command), token = stop_.token()] {
      (void)sandbox.run(command, token);
      ended_ = true;
    });
    LspClientOptions options;
    options.server = name_;
    options.root = sandbox.tree_path();
    options.initialization_options = initialization_options;
    client_ = std::make_unique<LspClient>(std::move(connection), std::move(options));
    return {};
  }

  std::string name() const override { return name_; }

  Result<std::vector<agent::Diagnostic>> diagnostics(const std::string& path,
                                                     const std::string& text,
                                                     std::chrono::milliseconds patience,
                                                     const CancelToken& cancel) override {
    const Clock::time_point deadline = Clock::now() + patience;
    if (!initialized_) {
      // A server that was too slow to start is no use later: its answer would be taken for another.
      if (Status ready = client_->initialize(deadline, cancel); !ready) {
        stop_.cancel();
        return fail(Error{ErrorCode::unavailable, ready.error().message});
      }
      initialized_ = true;
    }
    return client_->diagnostics(path, language_id_of(language_, path), text, deadline, cancel);
  }

 private:
  const std::string name_, language_;
  std::vector<std::filesystem::path> pipes_;
  CancelSource stop_;
  std::atomic<bool> ended_{false};
  std::unique_ptr<LspClient> client_;
  bool initialized_ = false;
  std::thread runner_;  // last: it uses what is above
};

}  // namespace

Result<std::unique_ptr<agent::DiagnosticsSource>> start_language_server(
    const std::string& name, const std::string& language, const std::vector<std::string>& argv,
    const std::string& initialization_options, const agent::Sandbox& sandbox,
    const CancelToken& cancel) {
  auto source = std::make_unique<ServerSource>(name, language);
  ENGRAMD_CHECK(source->start(argv, initialization_options, sandbox, cancel));
  return std::unique_ptr<agent::DiagnosticsSource>(std::move(source));
}

agent::DiagnosticsFactory language_server_factory() {
  return [](const std::string& language, const agent::Sandbox& sandbox,
            const CancelToken& cancel) -> Result<std::unique_ptr<agent::DiagnosticsSource>> {
    for (const ServerRow& row : server_rows()) {
      if (std::find(row.languages.begin(), row.languages.end(), language) == row.languages.end())
        continue;
      const std::string program =
          agent::program_of_project(sandbox.tree_host(), sandbox, row.program);
      if (program.empty()) continue;
      std::vector<std::string> argv{program};
      argv.insert(argv.end(), row.arguments.begin(), row.arguments.end());
      return start_language_server(std::string(row.name), language, argv,
                                   row.initialization_options, sandbox, cancel);
    }
    return fail(ErrorCode::not_found, "no language server for " + language + " was found");
  };
}

}  // namespace engramd::daemon
