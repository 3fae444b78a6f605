#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "lsp/framing.h"
#include "lsp/transport.h"

namespace engramd::lsp {
namespace {

class FdTransport : public Transport {
 public:
  FdTransport(int input_fd, int output_fd)
      : input_fd_(input_fd), output_fd_(output_fd), wake_fd_(::eventfd(0, EFD_CLOEXEC)) {}

  ~FdTransport() override {
    close();
    if (reader_.joinable()) {
      if (reader_.get_id() == std::this_thread::get_id()) {
        reader_.detach();
      } else {
        reader_.join();
      }
    }
    if (writer_.joinable()) writer_.join();
    ::close(wake_fd_);
  }

  void start(Events events) override {
    writer_ = std::thread([this] { write_all(); });
    reader_ = std::thread([this, events = std::move(events)] { read_all(events); });
  }

  void resume() override {
    std::lock_guard lock(mutex_);
    paused_ = false;
    changed_.notify_all();
  }

  bool send(std::string message) override {
    std::lock_guard lock(mutex_);
    if (closed_ || unsent_bytes_ + message.size() > kMaxUnsentBytes) return false;
    unsent_bytes_ += message.size();
    unsent_.push_back(std::move(message));
    changed_.notify_all();
    return true;
  }

  void close() override {
    std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_all();
    const uint64_t one = 1;
    if (::write(wake_fd_, &one, sizeof one) < 0) return;
  }

 private:
  void read_all(const Events& events) {
    FrameParser parser;
    std::vector<char> buffer(64u << 10);
    Status end;
    for (bool reading = true; reading;) {
      pollfd fds[2] = {{input_fd_, POLLIN, 0}, {wake_fd_, POLLIN, 0}};
      if (::poll(fds, 2, -1) < 0) {
        if (errno == EINTR) continue;
        end = fail(errno_error("cannot poll the input", errno));
        break;
      }
      if (fds[1].revents != 0) break;
      const ssize_t n = ::read(input_fd_, buffer.data(), buffer.size());
      if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      if (n < 0) end = fail(errno_error("cannot read the input", errno));
      if (n == 0) end = parser.finish();
      if (n <= 0) break;
      parser.feed({buffer.data(), static_cast<size_t>(n)});
      for (;;) {
        auto message = parser.next();
        if (!message) {
          end = fail(message.error());
          reading = false;
          break;
        }
        if (!*message) break;
        if (events.on_message(std::move(**message))) continue;
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return closed_ || !paused_; });
        paused_ = true;
        if (closed_) {
          reading = false;
          break;
        }
      }
    }
    events.on_end(end);
  }

  void write_all() {
    for (;;) {
      std::string message;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return closed_ || !unsent_.empty(); });
        if (unsent_.empty()) return;
        message = framed(unsent_.front());
        unsent_bytes_ -= unsent_.front().size();
        unsent_.pop_front();
      }
      for (size_t done = 0; done < message.size();) {
        const ssize_t n = ::write(output_fd_, message.data() + done, message.size() - done);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) {
          pollfd ready{output_fd_, POLLOUT, 0};
          ::poll(&ready, 1, 1000);
          continue;
        }
        if (n < 0) {
          std::lock_guard lock(mutex_);
          closed_ = true;
          unsent_.clear();
          return;
        }
        done += static_cast<size_t>(n);
      }
    }
  }

  const int input_fd_, output_fd_, wake_fd_;
  std::mutex mutex_;  // guards the five below, shared by reader, writer and senders
  std::condition_variable changed_;
  std::deque<std::string> unsent_;
  size_t unsent_bytes_ = 0;
  bool closed_ = false;
  bool paused_ = true;  // what a refused message waits on; resume() clears it
  std::thread reader_, writer_;
};

}  // namespace

std::shared_ptr<Transport> make_fd_transport(int input_fd, int output_fd) {
  return std::make_shared<FdTransport>(input_fd, output_fd);
}

}  // namespace engramd::lsp
