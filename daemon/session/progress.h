// daemon/session/progress.h - one piece of work that the editor shows: begin, reports, end.
//
// With a token from the client it begins at once; otherwise the server asks for one
// (window/workDoneProgress/create) when the client can, and begins when that is granted. Reports
// are at most ten a second. begin and end are each sent at most once, in order. Any thread.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "lsp/binder.h"
#include "lsp/protocol/window.h"

namespace engramd::daemon {

class WorkProgress : public std::enable_shared_from_this<WorkProgress> {
 public:
  // token: JSON text. ask: the token is ours and must be created first.
  static std::shared_ptr<WorkProgress> begin(const std::shared_ptr<lsp::Binder>& binder,
                                             std::string token, bool ask, std::string title);
  void report(const std::string& message, std::optional<uint32_t> percentage);
  void end(const std::string& message);
  const std::string& token() const { return token_; }

 private:
  enum class Phase { asking, running, ended, refused };
  WorkProgress(const std::shared_ptr<lsp::Binder>& binder, std::string token, std::string title)
      : binder_(binder), token_(std::move(token)), title_(std::move(title)) {}
  void granted(bool ok);

  const std::weak_ptr<lsp::Binder> binder_;
  const std::string token_, title_;
  std::mutex mutex_;  // guards all below: workers report, the strand grants
  Phase phase_ = Phase::asking;
  std::optional<std::string> ended_early_;  // the end came while we were still asking
  std::chrono::steady_clock::time_point last_report_{};
};

}  // namespace engramd::daemon
