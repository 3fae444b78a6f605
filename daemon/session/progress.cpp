#include "daemon/session/progress.h"

namespace engramd::daemon {

std::shared_ptr<WorkProgress> WorkProgress::begin(const std::shared_ptr<lsp::Binder>& binder,
                                                  std::string token, bool ask, std::string title) {
  std::shared_ptr<WorkProgress> progress(
      new WorkProgress(binder, std::move(token), std::move(title)));
  if (!ask) {
    progress->granted(true);
    return progress;
  }
  binder->request("window/workDoneProgress/create",
                  lsp::write(lsp::CreateProgressParams{progress->token_}),
                  [progress](const auto& answer) { progress->granted(answer.has_value()); });
  return progress;
}

void WorkProgress::granted(bool ok) {
  const auto binder = binder_.lock();
  if (!binder) return;
  std::lock_guard lock(mutex_);
  if (!ok) {
    phase_ = Phase::refused;
    return;
  }
  phase_ = Phase::running;
  binder->notify("$/progress", lsp::write(lsp::ProgressBegin{token_, title_, "", true, 0}));
  if (ended_early_) {
    binder->notify("$/progress", lsp::write(lsp::ProgressEnd{token_, *ended_early_}));
    phase_ = Phase::ended;
  }
}

void WorkProgress::report(const std::string& message, std::optional<uint32_t> percentage) {
  const auto now = std::chrono::steady_clock::now();
  const auto binder = binder_.lock();
  if (!binder) return;
  std::lock_guard lock(mutex_);
  if (phase_ != Phase::running || now - last_report_ < std::chrono::milliseconds(100)) return;
  last_report_ = now;
  binder->notify("$/progress", lsp::write(lsp::ProgressReport{token_, message, percentage}));
}

void WorkProgress::end(const std::string& message) {
  const auto binder = binder_.lock();
  if (!binder) return;
  std::lock_guard lock(mutex_);
  if (phase_ == Phase::asking) ended_early_ = message;
  if (phase_ != Phase::running) return;
  phase_ = Phase::ended;
  binder->notify("$/progress", lsp::write(lsp::ProgressEnd{token_, message}));
}

}  // namespace engramd::daemon
