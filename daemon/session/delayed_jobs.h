// daemon/session/delayed_jobs.h - jobs that wait until nothing happened for a while.
//
// One thread, started with the first job, that only hands jobs over: they must not take long. At
// most one job of each key waits; a newer one takes its place and waits anew. The destructor drops
// what waits. Any thread may call.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>

namespace engramd::daemon {

class DelayedJobs {
 public:
  DelayedJobs() = default;
  ~DelayedJobs();
  DelayedJobs(const DelayedJobs&) = delete;

  void after(const std::string& key, std::chrono::milliseconds delay, std::function<void()> job);
  void cancel(const std::string& key);

 private:
  struct Job {
    std::chrono::steady_clock::time_point due;
    std::function<void()> run;
  };
  void loop();

  std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  std::map<std::string, Job> jobs_;  // as many as documents are open
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace engramd::daemon
