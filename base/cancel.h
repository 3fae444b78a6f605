// base/cancel.h - one flag that reaches from $/cancelRequest, a closed pipe or a deadline down to
// the decode step, the index walk and the subprocess.
//
// A CancelSource is held by whoever may say stop; tokens are copied freely. A token is cancelled
// when its source is, when a source it was derived from is, or when a deadline has passed.
// Any thread. The default token is never cancelled.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>

#include "base/result.h"

namespace engramd {

using Clock = std::chrono::steady_clock;

namespace detail {
struct CancelState {
  std::atomic<bool> flag{false};
  std::optional<Clock::time_point> deadline;
  std::shared_ptr<const CancelState> parent;
};
}  // namespace detail

class CancelToken {
 public:
  CancelToken() = default;
  bool cancelled() const;
  // An error of code cancelled, or exhausted when it was a deadline; success when neither.
  Status check() const;
  // The earliest deadline on the way up, if any.
  std::optional<Clock::time_point> deadline() const;

 private:
  friend class CancelSource;
  explicit CancelToken(std::shared_ptr<const detail::CancelState> state)
      : state_(std::move(state)) {}
  std::shared_ptr<const detail::CancelState> state_;
};

class CancelSource {
 public:
  CancelSource();
  // Cancelled with the parent too.
  explicit CancelSource(const CancelToken& parent);
  CancelSource(const CancelToken& parent, Clock::time_point deadline);

  void cancel() { state_->flag.store(true, std::memory_order_release); }
  CancelToken token() const { return CancelToken(state_); }

 private:
  std::shared_ptr<detail::CancelState> state_;
};

}  // namespace engramd
