#include "agent/model/event_stream.h"

namespace engramd::agent {
namespace {

constexpr size_t kMaxEventBytes = 16u << 20;

}  // namespace

void EventReader::feed(std::string_view piece) {
  for (const char c : piece) {
    if (c == '\n')
      end_line();
    else if (c != '\r' && line_.size() < kMaxEventBytes)
      line_ += c;
  }
}

void EventReader::finish() {
  if (!line_.empty()) end_line();
  end_event();
}

void EventReader::end_line() {
  if (line_.empty()) {
    end_event();
  } else if (line_.starts_with("data:") && data_.size() < kMaxEventBytes) {
    std::string_view value = std::string_view(line_).substr(5);
    if (value.starts_with(' ')) value.remove_prefix(1);
    if (!data_.empty()) data_ += '\n';
    data_ += value;
  }
  line_.clear();
}

void EventReader::end_event() {
  if (!data_.empty()) {
    saw_event_ = true;
    on_data_(data_);
  }
  data_.clear();
}

}  // namespace engramd::agent
