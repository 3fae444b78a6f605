#include "daemon/handlers/task.h"

#include <exception>

namespace engramd::daemon {

void run_task(Session& session, Task task) {
  auto cancel = std::make_shared<CancelSource>(task.cancel);
  const auto progress =
      session.begin_progress(task.title, task.work_done_token, [cancel] { cancel->cancel(); });
  const auto ended = [weak = session.weak_from_this(), progress](const std::string& how) {
    if (const auto self = weak.lock()) self->end_progress(progress, how);
  };
  const auto on_failed = task.on_failed;
  const bool queued =
      session.services().tasks.try_submit([work = std::move(task.work), on_failed, progress, ended,
                                           cancel, weak = session.weak_from_this()] {
        Result<TaskEnd> end = fail(ErrorCode::cancelled, "cancelled");
        try {
          const TaskProgress report = [progress](const std::string& message,
                                                 std::optional<uint32_t> percentage) {
            if (progress) progress->report(message, percentage);
          };
          if (!cancel->token().cancelled()) end = work(report, cancel->token());
        } catch (const std::exception& error) {
          end = fail(ErrorCode::internal, std::string("the work failed: ") + error.what());
        }
        ended(end ? end->message : end.error().message);
        if (!end) return on_failed(end.error());
        if (const auto self = weak.lock())
          self->on_strand([self, finish = std::move(end->finish)] { finish(*self); });
      });
  if (queued) return;
  ended("refused");
  on_failed({ErrorCode::exhausted, "too many agent runs wait already"});
}

}  // namespace engramd::daemon
