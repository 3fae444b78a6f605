#include "daemon/wiring/model_server.h"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <thread>

#include "base/environment.h"
#include "base/process.h"
#include "base/text.h"

namespace engramd::daemon {
namespace {

constexpr std::chrono::minutes kLoading(30);
constexpr std::chrono::milliseconds kPoll(50);
constexpr size_t kMaxSlots = 64;  // of `serve`; more conversations than that wait for a slot

class Child final : public ModelServer {
 public:
  Child(const std::filesystem::path& model, size_t n_slots) : name_(model.stem().string()) {
    options_.argv = {executable_path().string(),
                     "serve",
                     "--model",
                     model.string(),
                     "--port",
                     "0",
                     "--no-auth",
                     "--slots",
                     std::to_string(std::clamp<size_t>(n_slots, 1, kMaxSlots)),
                     "--queue",
                     "1024",
                     "--name",
                     name_};
    options_.grace_ms = 700;
    // Gigabytes of weights may not outlive us, however we end. The kernel looks at the thread that
    // forked: ours runs as long as this object lives.
    options_.in_child = [parent = ::getpid()] {
      ::prctl(PR_SET_PDEATHSIG, SIGTERM);
      return ::getppid() == parent ? 0 : ESRCH;
    };
    options_.max_output_bytes = 64u << 10;
    options_.on_stdout = [this](std::string_view piece) { read(piece); };
    thread_ = std::thread([this] {
      auto ran = run_process(options_, stop_.token());
      const std::lock_guard lock(mutex_);
      ended_ = true;
      if (!ran) {
        problem_ = ran.error().message;
      } else {
        if (ran->signal != 0) problem_ = "by signal " + std::to_string(ran->signal);
        for (const std::string_view line : split_lines(ran->stderr_text))
          if (!trim(line).empty() && ran->signal == 0) problem_ = std::string(trim(line));
      }
    });
  }
  ~Child() override {
    stop_.cancel();
    thread_.join();
  }

  Status wait(const CancelToken& cancel) {
    for (const auto until = Clock::now() + kLoading; Clock::now() < until;) {
      {
        const std::lock_guard lock(mutex_);
        if (ready_) return {};
        if (ended_)
          return fail(ErrorCode::unavailable, "the model server did not start: " + problem_);
      }
      ENGRAMD_CHECK(cancel.check());
      std::this_thread::sleep_for(kPoll);
    }
    return fail(ErrorCode::unavailable, "the model server did not load its weights in 30 minutes");
  }

  Status alive() const override {
    const std::lock_guard lock(mutex_);
    if (!ended_) return {};
    return fail(ErrorCode::unavailable,
                "the model server ended" + (problem_.empty() ? "" : ": " + problem_));
  }

  std::string reference() const override {
    const std::lock_guard lock(mutex_);
    return address_ + "#" + name_;
  }

 private:
  void read(std::string_view piece) {
    const std::lock_guard lock(mutex_);
    for (const char c : piece) {
      if (c != '\n') {
        if (line_.size() < 4096) line_ += c;
        continue;
      }
      static constexpr std::string_view kListening = "listening on ";
      if (line_.starts_with(kListening)) address_ = line_.substr(kListening.size());
      if (line_.find(" ready, ") != std::string::npos) ready_ = true;
      line_.clear();
    }
  }

  const std::string name_;
  ProcessOptions options_;
  CancelSource stop_;
  mutable std::mutex mutex_;  // guards what follows: the server's thread writes, others read
  std::string line_, address_, problem_;
  bool ready_ = false, ended_ = false;
  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<ModelServer>> ModelServer::start(const std::filesystem::path& model,
                                                        size_t n_slots, const CancelToken& cancel) {
  auto child = std::make_unique<Child>(model, n_slots);
  ENGRAMD_CHECK(child->wait(cancel));
  return std::unique_ptr<ModelServer>(std::move(child));
}

}  // namespace engramd::daemon
