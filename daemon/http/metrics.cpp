#include "daemon/http/metrics.h"

#include <cstdio>

namespace engramd::daemon::http {
namespace {

class Page {
 public:
  void family(const char* name, const char* type, const char* help) {
    name_ = name;
    text_ += std::string("# HELP engramd_") + name + " " + help + "\n# TYPE engramd_" + name + " " +
             type + "\n";
  }
  void value(double number, const std::string& labels = {}) {
    char digits[32];
    std::snprintf(digits, sizeof digits, "%.15g", number);
    text_ += "engramd_" + name_ + (labels.empty() ? "" : "{" + labels + "}") + " " + digits + "\n";
  }
  void one(const char* name, const char* type, const char* help, double number) {
    family(name, type, help);
    value(number);
  }
  std::string take() { return std::move(text_); }

 private:
  std::string name_, text_;
};

}  // namespace

void Metrics::answered(const std::string& route, int status, double seconds) {
  std::lock_guard lock(mutex_);
  Answers& answers = answers_[{route, status}];
  ++answers.count;
  answers.seconds += seconds;
}

std::string Metrics::text(const serve::ModelRoom* room) const {
  Page page;
  {
    std::lock_guard lock(mutex_);
    const auto labels = [](const std::pair<std::string, int>& key) {
      return "route=\"" + key.first + "\",status=\"" + std::to_string(key.second) + "\"";
    };
    page.family("http_requests_total", "counter", "answered requests");
    for (const auto& [key, answers] : answers_) page.value(double(answers.count), labels(key));
    page.family("http_request_seconds_total", "counter",
                "from the arrival of requests to the end of their answers");
    for (const auto& [key, answers] : answers_) page.value(answers.seconds, labels(key));
  }
  page.one("model_loaded", "gauge", "1 when the weights are there", room != nullptr ? 1 : 0);
  if (room == nullptr) return page.take();
  const serve::RoomFigures f = room->figures();
  page.one("generations_running", "gauge", "generations that have a session", double(f.n_running));
  page.one("generations_waiting", "gauge", "generations that wait for one", double(f.n_waiting));
  page.family("generations_total", "counter", "generations by how they ended");
  page.value(double(f.n_done), "end=\"done\"");
  page.value(double(f.n_cancelled), "end=\"cancelled\"");
  page.value(double(f.n_failed), "end=\"failed\"");
  page.one("prompt_tokens_total", "counter", "prompt tokens that were computed",
           double(f.prompt_tokens));
  page.one("cached_tokens_total", "counter", "prompt tokens whose state was still there",
           double(f.cached_tokens));
  page.one("generated_tokens_total", "counter", "tokens generated", double(f.generated_tokens));
  page.one("drafted_tokens_total", "counter", "tokens guessed and computed ahead",
           double(f.drafted_tokens));
  page.one("accepted_tokens_total", "counter", "guesses that came true", double(f.accepted_tokens));
  page.one("prompt_seconds_total", "counter", "time spent on reading prompts", f.prompt_s);
  page.one("generate_seconds_total", "counter", "time spent on generating", f.generate_s);
  page.one("wait_seconds_total", "counter", "time that generations waited for a session", f.wait_s);
  const auto slots = [&](const char* name, const char* help, auto of) {
    page.family(name, "gauge", help);
    page.value(double(of(f.conversations)), "kind=\"conversation\"");
    page.value(double(of(f.keystrokes)), "kind=\"keystroke\"");
  };
  slots("slots", "sessions there can be", [](const auto& s) { return s.n_slots; });
  slots("slots_kept", "idle sessions kept for their next turn",
        [](const auto& s) { return s.n_kept; });
  slots("slots_kept_tokens", "tokens in them", [](const auto& s) { return s.kept_tokens; });
  slots("slots_kept_bytes", "memory of them", [](const auto& s) { return s.kept_bytes; });
  return page.take();
}

}  // namespace engramd::daemon::http
