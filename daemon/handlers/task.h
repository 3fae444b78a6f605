// daemon/handlers/task.h - long work on behalf of a request: in the pool of agent runs, with
// progress that the editor shows and may cancel.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "daemon/session/session.h"

namespace engramd::daemon {

struct TaskEnd {
  std::string message;                   // the last one that is shown: "fixed"
  std::function<void(Session&)> finish;  // on the strand, where the documents of now are
};
using TaskProgress =
    std::function<void(const std::string& message, std::optional<uint32_t> percentage)>;

struct Task {
  std::string title;                            // "Fixing flask"
  std::string work_done_token;                  // of the request; may be empty
  CancelToken cancel;                           // of the request
  std::function<void(const Error&)> on_failed;  // any thread
  // On a pool thread. An error goes to on_failed.
  std::function<Result<TaskEnd>(const TaskProgress&, const CancelToken&)> work;
};
void run_task(Session& session, Task task);

}  // namespace engramd::daemon
