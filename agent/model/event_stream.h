// agent/model/event_stream.h - server-sent events (WHATWG HTML, "Server-sent events"): the data of
// each event, however the bytes are cut. Lines and events are bounded. One thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace engramd::agent {

class EventReader {
 public:
  explicit EventReader(std::function<void(const std::string&)> on_data)
      : on_data_(std::move(on_data)) {}

  bool saw_event() const { return saw_event_; }
  void feed(std::string_view piece);
  void finish();  // the last event may have no empty line behind it

 private:
  void end_line();
  void end_event();

  const std::function<void(const std::string&)> on_data_;
  std::string line_, data_;
  bool saw_event_ = false;
};

}  // namespace engramd::agent
