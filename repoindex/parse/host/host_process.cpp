#include "repoindex/parse/host/host_process.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "repoindex/parse/host/frame.h"
#include "repoindex/store/bytes.h"
#include "repoindex/store/segment.h"

namespace engramd::repoindex::host {

namespace {

constexpr auto kStep = std::chrono::milliseconds(20);  // how late a cancel may be seen
constexpr auto kCpuStep = std::chrono::milliseconds(200);
constexpr size_t kChunk = 1u << 20;  // memory is taken as bytes come, not as they are announced

}  // namespace

// When to stop waiting for one request.
class HostProcess::Deadline {
 public:
  Deadline(const Child& child, const AskLimits& limits, const CancelToken& cancel)
      : child_(child), limits_(limits), cancel_(cancel), start_cpu_s_(child.cpu_s().value_or(0)) {}

  // Until the socket is ready; answered when it is.
  Fate wait(short events) {
    for (;;) {
      pollfd ready{child_.socket(), events, 0};
      int n = ::poll(&ready, 1, static_cast<int>(kStep.count()));
      if (n > 0) return Fate::answered;
      if (cancel_.cancelled()) return Fate::cancelled;
      const Clock::time_point now = Clock::now();
      if (now - start_ > limits_.max_wall) return Fate::too_slow;
      if (now < next_look_) continue;
      next_look_ = now + kCpuStep;
      if (child_.cpu_s().value_or(0) - start_cpu_s_ > limits_.max_cpu_s) return Fate::too_slow;
    }
  }

 private:
  const Child& child_;
  const AskLimits& limits_;
  const CancelToken& cancel_;
  const double start_cpu_s_;
  const Clock::time_point start_ = Clock::now();
  Clock::time_point next_look_ = start_ + kCpuStep;
};

std::string describe(const Answer& answer) {
  switch (answer.fate) {
    case Fate::answered:
      return "was parsed";
    case Fate::cancelled:
      return "was cancelled";
    case Fate::crashed:
      return answer.signal == 0 ? "ended without an answer"
                                : "crashed (" + std::string(::strsignal(answer.signal)) + ")";
    case Fate::forbidden_call:
      return "made a forbidden system call";
    case Fate::out_of_memory:
      return "ran out of memory";
    case Fate::too_slow:
      return "did not come to an end";
    case Fate::garbled:
      return "gave an answer that is none";
    case Fate::killed:
      return "was killed";
  }
  return "failed";
}

Status HostProcess::greet(std::chrono::milliseconds max_wall) {
  AskLimits limits;
  limits.max_wall = max_wall;
  const CancelToken never;
  Deadline deadline(child_, limits, never);
  std::string header;
  Fate fate = receive(header, kHelloHeader, deadline);
  if (fate == Fate::answered && get_fixed<uint32_t>(header.data()) != kHelloMagic) {
    fate = Fate::garbled;
  }
  if (fate == Fate::answered && get_fixed<uint64_t>(header.data() + 4) != segment_pin()) {
    end();
    return fail(ErrorCode::unavailable, "the parse host is of another build");
  }
  if (fate == Fate::answered) {
    const auto size = get_fixed<uint32_t>(header.data() + 12);
    fate = size > kMaxProblem ? Fate::garbled : receive(problem_, size, deadline);
  }
  if (fate == Fate::answered) return {};
  return fail(ErrorCode::unavailable, "the parse host does not start: it " + describe(ended(fate)));
}

Fate HostProcess::send_all(std::string_view header, std::string_view name, std::string_view text,
                           Deadline& deadline) {
  std::string_view parts[] = {header, name, text};
  for (;;) {
    iovec pieces[3];
    size_t n = 0;
    for (std::string_view part : parts) {
      if (!part.empty()) pieces[n++] = {const_cast<char*>(part.data()), part.size()};
    }
    if (n == 0) return Fate::answered;
    msghdr message{};
    message.msg_iov = pieces;
    message.msg_iovlen = n;
    ssize_t sent = ::sendmsg(child_.socket(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      if (Fate fate = deadline.wait(POLLOUT); fate != Fate::answered) return fate;
      continue;
    }
    if (sent < 0) return Fate::crashed;
    auto left = static_cast<size_t>(sent);
    for (std::string_view& part : parts) {
      const size_t taken = std::min(left, part.size());
      part.remove_prefix(taken);
      left -= taken;
    }
  }
}

Fate HostProcess::receive(std::string& out, size_t n, Deadline& deadline) {
  out.clear();
  while (out.size() < n) {
    const size_t before = out.size();
    out.resize(before + std::min(n - before, kChunk));
    ssize_t got = ::recv(child_.socket(), out.data() + before, out.size() - before, MSG_DONTWAIT);
    const int error = errno;
    out.resize(before + static_cast<size_t>(std::max<ssize_t>(got, 0)));
    if (got > 0 || (got < 0 && error == EINTR)) continue;
    if (got < 0 && (error == EAGAIN || error == EWOULDBLOCK)) {
      if (Fate fate = deadline.wait(POLLIN); fate != Fate::answered) return fate;
      continue;
    }
    return Fate::crashed;
  }
  return Fate::answered;
}

Answer HostProcess::ask(std::string_view language, std::string_view text, uint64_t max_bytes,
                        const AskLimits& limits, const CancelToken& cancel) {
  Deadline deadline(child_, limits, cancel);
  std::string header;
  put_fixed(header, kRequestMagic);
  put_fixed(header, static_cast<uint32_t>(language.size()));
  put_fixed(header, static_cast<uint64_t>(text.size()));
  put_fixed(header, max_bytes);
  Fate fate = send_all(header, language, text, deadline);
  if (fate == Fate::answered) fate = receive(header, kReplyHeader, deadline);
  if (fate != Fate::answered) return ended(fate);
  const auto size = get_fixed<uint64_t>(header.data() + 4);
  if (get_fixed<uint32_t>(header.data()) != kReplyMagic || size > kMaxReply) {
    return ended(Fate::garbled);
  }
  Answer answer;
  fate = receive(answer.reply, size, deadline);
  if (fate != Fate::answered) return ended(fate);
  answer.fate = Fate::answered;
  return answer;
}

// The socket closed, or we gave up: the exit status knows more.
Answer HostProcess::ended(Fate fate) {
  Answer answer;
  answer.fate = fate;
  const Child::End end = this->end();
  if (fate != Fate::crashed) return answer;
  answer.signal = end.signal;
  if (end.signal == SIGSYS) answer.fate = Fate::forbidden_call;
  if (end.signal == SIGKILL) answer.fate = Fate::killed;
  if (end.exit_code == kOutOfMemory) answer.fate = Fate::out_of_memory;
  return answer;
}

double HostProcess::take_cpu_s() {
  if (auto now = child_.cpu_s(); now) total_cpu_s_ = std::max(total_cpu_s_, *now);
  return total_cpu_s_ - std::exchange(counted_cpu_s_, total_cpu_s_);
}

Child::End HostProcess::end() {
  if (child_.pid() >= 0) peak_bytes_ = memory_of(pid_).peak_bytes;
  Child::End end = child_.end();
  total_cpu_s_ = std::max(total_cpu_s_, end.cpu_s);
  return end;
}

}  // namespace engramd::repoindex::host
