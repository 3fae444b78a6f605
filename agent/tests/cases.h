// agent/tests/cases.h - a list of tests that grows while a report or an output is read.
//
// Bounded; one thread. Under one name a later "passed" never hides what was red: a test can print
// a line that looks like its framework's.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "agent/tests/test_run.h"

namespace engramd::agent {

class Cases {
 public:
  static constexpr size_t kMaxTests = 50000;
  static constexpr size_t kMaxMessage = 4000;

  void set(std::string_view id, TestStatus status, std::string_view message = {},
           double seconds = 0);
  // The tail of more of its report; ignored for an unknown test.
  void add_message(std::string_view id, std::string_view text);
  // For reports in which two tests may have one name: "name", "name #2", …
  std::string numbered(std::string_view id);
  TestCase* find(std::string_view id);
  void rename(const std::function<std::string(const std::string&)>& change, size_t from = 0);

  size_t size() const { return list_.size(); }
  bool empty() const { return list_.empty(); }
  bool full() const { return full_; }
  std::vector<TestCase>& list() { return list_; }
  const std::vector<TestCase>& list() const { return list_; }

 private:
  std::vector<TestCase> list_;
  std::map<std::string, size_t, std::less<>> index_;
  std::map<std::string, size_t, std::less<>> uses_;
  bool full_ = false;
};

}  // namespace engramd::agent
