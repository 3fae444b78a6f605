#include "daemon/lsp_client/connection.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace engramd::daemon {
namespace {

constexpr size_t kMaxMessage = 32u << 20;
constexpr int kPollMs = 20;  // how late a cancel or an end may be seen

}  // namespace

LspConnection::LspConnection(int input_fd, int output_fd, std::function<bool()> ended)
    : input_fd_(input_fd), output_fd_(output_fd), ended_(std::move(ended)), parser_(kMaxMessage) {}

LspConnection::~LspConnection() {
  ::close(input_fd_);
  if (output_fd_ != input_fd_) ::close(output_fd_);
}

Status LspConnection::wait(int fd, short events, Clock::time_point deadline,
                           const CancelToken& cancel) const {
  for (;;) {
    ENGRAMD_CHECK(cancel.check());
    pollfd ready{fd, events, 0};
    if (::poll(&ready, 1, kPollMs) > 0) return {};
    if (ended_ && ended_()) return fail(ErrorCode::unavailable, "the program has ended");
    if (Clock::now() >= deadline) return fail(ErrorCode::exhausted, "no answer in time");
  }
}

Status LspConnection::send(std::string_view message, Clock::time_point deadline,
                           const CancelToken& cancel) {
  const std::string bytes = lsp::framed(message);
  for (size_t done = 0; done < bytes.size();) {
    ENGRAMD_CHECK(wait(output_fd_, POLLOUT, deadline, cancel));
    const ssize_t n = ::write(output_fd_, bytes.data() + done, bytes.size() - done);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n < 0) return fail(ErrorCode::unavailable, "the program does not read any more");
    done += static_cast<size_t>(n);
  }
  return {};
}

Result<std::string> LspConnection::receive(Clock::time_point deadline, const CancelToken& cancel) {
  for (;;) {
    ENGRAMD_TRY(std::optional<std::string> message, parser_.next());
    if (message) return std::move(*message);
    ENGRAMD_CHECK(wait(input_fd_, POLLIN, deadline, cancel));
    char piece[1u << 16];
    const ssize_t n = ::read(input_fd_, piece, sizeof piece);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n <= 0) return fail(ErrorCode::unavailable, "the program has ended");
    parser_.feed({piece, static_cast<size_t>(n)});
  }
}

}  // namespace engramd::daemon
