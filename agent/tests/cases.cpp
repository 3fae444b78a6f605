#include "agent/tests/cases.h"

#include "base/text.h"

namespace engramd::agent {
namespace {

// The last bytes of a text, never cut inside a character.
std::string tail(std::string_view text, size_t n) {
  if (text.size() <= n) return utf8_sanitized(text);
  text = text.substr(text.size() - n);
  while (!text.empty() && (static_cast<unsigned char>(text.front()) & 0xC0) == 0x80)
    text.remove_prefix(1);
  return utf8_sanitized(text);
}

int weight(TestStatus status) {
  switch (status) {
    case TestStatus::passed:
      return 0;
    case TestStatus::skipped:
      return 1;
    default:
      return 2;
  }
}

}  // namespace

void Cases::set(std::string_view id, TestStatus status, std::string_view message, double seconds) {
  if (id.empty() || id.size() > 4096) return;
  const auto known = index_.find(id);
  if (known == index_.end()) {
    if (list_.size() >= kMaxTests) {
      full_ = true;
      return;
    }
    index_.emplace(std::string(id), list_.size());
    TestCase test;
    test.id = std::string(id);
    test.status = status;
    test.seconds = seconds;
    test.message = tail(message, kMaxMessage);
    list_.push_back(std::move(test));
    return;
  }
  TestCase& test = list_[known->second];
  if (weight(status) >= weight(test.status)) test.status = status;
  if (seconds > 0) test.seconds = seconds;
  if (!message.empty()) test.message = tail(message, kMaxMessage);
}

void Cases::add_message(std::string_view id, std::string_view text) {
  const auto known = index_.find(id);
  if (known == index_.end()) return;
  std::string& message = list_[known->second].message;
  message = tail(message + std::string(text), kMaxMessage);
}

std::string Cases::numbered(std::string_view id) {
  const size_t n = ++uses_[std::string(id)];
  return n == 1 ? std::string(id) : std::string(id) + " #" + std::to_string(n);
}

TestCase* Cases::find(std::string_view id) {
  const auto known = index_.find(id);
  return known == index_.end() ? nullptr : &list_[known->second];
}

void Cases::rename(const std::function<std::string(const std::string&)>& change, size_t from) {
  Cases renamed;
  renamed.full_ = full_;
  for (size_t i = 0; i < list_.size(); ++i) {
    TestCase& test = list_[i];
    const std::string id = i < from ? test.id : change(test.id);
    renamed.set(id, test.status, test.message, test.seconds);
    if (TestCase* kept = renamed.find(id)) kept->frames = std::move(test.frames);
  }
  *this = std::move(renamed);
}

}  // namespace engramd::agent
