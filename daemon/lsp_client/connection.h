// daemon/lsp_client/connection.h - messages to and from another program's standard streams.
//
// No thread of its own: whoever waits for an answer reads. Every wait ends at a deadline or a
// cancel. One thread at a time.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/cancel.h"
#include "base/result.h"
#include "lsp/framing.h"

namespace engramd::daemon {

class LspConnection {
 public:
  // Takes over both descriptors, which must not block. ended: asked while waiting, whether the
  // other side is gone (a named pipe does not tell by itself).
  LspConnection(int input_fd, int output_fd, std::function<bool()> ended);
  ~LspConnection();
  LspConnection(const LspConnection&) = delete;
  LspConnection& operator=(const LspConnection&) = delete;

  // Errors: exhausted at the deadline, unavailable when the other side is gone, those of the token.
  Status send(std::string_view message, Clock::time_point deadline, const CancelToken& cancel);
  Result<std::string> receive(Clock::time_point deadline, const CancelToken& cancel);

 private:
  Status wait(int fd, short events, Clock::time_point deadline, const CancelToken& cancel) const;

  int input_fd_ = -1, output_fd_ = -1;
  std::function<bool()> ended_;
  lsp::FrameParser parser_;
};

}  // namespace engramd::daemon
