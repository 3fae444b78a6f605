// daemon/http/metrics.h - counts of what was asked and answered, in the text format of Prometheus
// (exposition format 0.0.4). Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "daemon/serve/model_room.h"

namespace engramd::daemon::http {

class Metrics {
 public:
  // route: the table's path, never the client's, so that there are few.
  void answered(const std::string& route, int status, double seconds);
  // room: of the model, null while there is none.
  std::string text(const serve::ModelRoom* room) const;

 private:
  struct Answers {
    uint64_t count = 0;
    double seconds = 0;
  };
  mutable std::mutex mutex_;  // guards the table: requests end on any thread
  std::map<std::pair<std::string, int>, Answers> answers_;
};

}  // namespace engramd::daemon::http
