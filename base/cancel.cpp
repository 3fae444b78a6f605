#include "base/cancel.h"

namespace engramd {

bool CancelToken::cancelled() const {
  for (const detail::CancelState* s = state_.get(); s != nullptr; s = s->parent.get()) {
    if (s->flag.load(std::memory_order_acquire)) return true;
    if (s->deadline && Clock::now() >= *s->deadline) return true;
  }
  return false;
}

Status CancelToken::check() const {
  for (const detail::CancelState* s = state_.get(); s != nullptr; s = s->parent.get()) {
    if (s->flag.load(std::memory_order_acquire)) return fail(ErrorCode::cancelled, "cancelled");
    if (s->deadline && Clock::now() >= *s->deadline)
      return fail(ErrorCode::exhausted, "the deadline has passed");
  }
  return {};
}

std::optional<Clock::time_point> CancelToken::deadline() const {
  std::optional<Clock::time_point> earliest;
  for (const detail::CancelState* s = state_.get(); s != nullptr; s = s->parent.get())
    if (s->deadline && (!earliest || *s->deadline < *earliest)) earliest = s->deadline;
  return earliest;
}

CancelSource::CancelSource() : state_(std::make_shared<detail::CancelState>()) {}

CancelSource::CancelSource(const CancelToken& parent) : CancelSource() {
  state_->parent = parent.state_;
}

CancelSource::CancelSource(const CancelToken& parent, Clock::time_point deadline)
    : CancelSource(parent) {
  state_->deadline = deadline;
}

}  // namespace engramd
