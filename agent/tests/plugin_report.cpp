#include "agent/tests/plugin_report.h"

#include <nlohmann/json.hpp>

namespace engramd::agent {
namespace {

using nlohmann::json;

TestStatus status_of(const std::string& outcome) {
  if (outcome == "passed" || outcome == "xfailed") return TestStatus::passed;
  if (outcome == "skipped") return TestStatus::skipped;
  if (outcome == "timed_out") return TestStatus::timed_out;
  return outcome == "error" ? TestStatus::error : TestStatus::failed;
}

std::string text_of(const json& record, const char* key) {
  const auto found = record.find(key);
  return found != record.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

bool read_plugin_report(const std::filesystem::path& file, Findings& findings) {
  bool any = false;
  const bool whole = for_each_line(file, 256u << 20, [&](std::string_view line) {
    const json record = json::parse(line, nullptr, false);
    if (!record.is_object()) return;
    any = true;
    std::vector<std::string>& running = findings.running;
    if (record.contains("start")) {
      const std::string id = text_of(record, "start");
      // With a plugin that repeats failed tests the last verdict is the one that counts.
      if (TestCase* known = findings.cases.find(id)) {
        known->status = TestStatus::passed;
        known->message.clear();
        known->frames.clear();
      }
      running.push_back(id);
    } else if (record.contains("stop")) {
      std::erase(running, text_of(record, "stop"));
    } else if (record.contains("id")) {
      const std::string id = text_of(record, "id");
      const TestStatus status = status_of(text_of(record, "outcome"));
      const auto seconds = record.find("seconds");
      const double time =
          seconds != record.end() && seconds->is_number() ? seconds->get<double>() : 0;
      findings.cases.set(id, status, text_of(record, "message"), time);
      if (TestCase* test = findings.cases.find(id)) {
        const auto frames = record.find("frames");
        if (frames != record.end() && frames->is_array() && !frames->empty()) {
          test->frames.clear();
          for (const json& frame : *frames)
            if (frame.is_array() && frame.size() == 2 && frame[0].is_string() &&
                frame[1].is_number_unsigned() && test->frames.size() < 64)
              test->frames.push_back({frame[0].get<std::string>(), frame[1].get<uint32_t>()});
        }
      }
      std::erase(running, id);
    } else if (record.contains("done")) {
      findings.complete = true;
      running.clear();
    }
  });
  findings.truncated = findings.truncated || !whole;
  return any;
}

}  // namespace engramd::agent
