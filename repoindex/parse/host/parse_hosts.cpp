#include "repoindex/parse_hosts.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <set>
#include <thread>

#include "base/environment.h"
#include "base/log.h"
#include "base/thread_pool.h"
#include "repoindex/parse/host/host_process.h"
#include "repoindex/parse/host/quarantine.h"
#include "repoindex/store/blob_bytes.h"

namespace engramd::repoindex {

namespace {

using host::Answer;
using host::Fate;
using host::HostProcess;
using HostPtr = std::unique_ptr<HostProcess>;

constexpr int kMaxOwnFailures = 2;  // the second one quarantines
// Being killed by others says little about a text; this often it says enough for now.
constexpr int kMaxKills = 5;
constexpr auto kGreeting = std::chrono::seconds(20);
constexpr auto kStartAgain = std::chrono::seconds(30);  // after a start that failed

std::vector<std::pair<std::string, std::string>> host_environment() {
  std::vector<std::pair<std::string, std::string>> out;
  for (const char* name :
       {"PATH", "LD_LIBRARY_PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"}) {
    if (auto value = environment(name); value) out.emplace_back(name, *value);
  }
  return out;
}

class ParseHostsImpl : public ParseHosts {
 public:
  explicit ParseHostsImpl(ParseHostOptions options)
      : options_(std::move(options)), quarantine_(options_.quarantine_file) {
    if (options_.max_hosts == 0) options_.max_hosts = hardware_threads() + 1;
  }

  ~ParseHostsImpl() override {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    keeper_wakes_.notify_all();
    if (keeper_.joinable()) keeper_.join();
  }

  Result<EncodedBlob> parse(const Language& language, std::string_view text,
                            const std::string& blob_id, uint64_t max_bytes,
                            const CancelToken& cancel) override {
    auto in_quarantine = [](const std::string& what) {
      return fail(ErrorCode::corrupt, "the parser of it " + what + ", twice");
    };
    if (auto what = quarantine_.find(blob_id, language.name); what) return in_quarantine(*what);
    int n_own = 0, n_kills = 0;
    for (;;) {
      ENGRAMD_CHECK(cancel.check());
      const bool fresh = n_own + n_kills > 0;
      ENGRAMD_TRY(HostPtr host, take(fresh, cancel));
      Answer answer = host->ask(language.name, text, max_bytes,
                                {options_.max_cpu_s, options_.max_wall}, cancel);
      if (answer.fate == Fate::answered) {
        auto blob = blob_of_bytes(answer.reply, blob_id, language.name, text.size());
        // One record that does not decode would later condemn its whole segment.
        if (blob && facts_of_blob(*blob)) {
          give_back(std::move(host));
          return blob;
        }
        answer.fate = Fate::garbled;
      }
      let_go(std::move(host), answer.fate != Fate::cancelled);
      if (answer.fate == Fate::cancelled) {
        ENGRAMD_CHECK(cancel.check());
        return fail(ErrorCode::cancelled, "cancelled");
      }
      log_warning("a parse host " + host::describe(answer) + " on a text in " + language.name);
      answer.fate == Fate::killed ? ++n_kills : ++n_own;
      if (n_own < kMaxOwnFailures && n_kills < kMaxKills) continue;
      const std::string what = host::describe(answer);
      quarantine_.add(blob_id, language.name, what);
      return in_quarantine(what);
    }
  }

  std::optional<std::string> quarantined(std::string_view blob_id,
                                         std::string_view language) const override {
    return quarantine_.find(blob_id, language);
  }

  std::vector<std::string> notes() const override {
    std::lock_guard lock(mutex_);
    std::vector<std::string> out;
    if (!start_problem_.empty()) {
      out.push_back(start_problem_ + ": files are parsed in this process");
    }
    if (!filter_problem_.empty()) {
      out.push_back("parse hosts run without a filter of system calls: " + filter_problem_);
    }
    return out;
  }

  State state() const override {
    State out;
    out.n_quarantined = quarantine_.size();
    std::lock_guard lock(mutex_);
    out.n_hosts = pids_.size();
    out.n_started = n_started_;
    out.n_failures = n_failures_;
    out.cpu_s = cpu_s_;
    out.peak_host_bytes = peak_host_bytes_;
    for (pid_t pid : pids_) {
      ProcessMemory memory = memory_of(pid);
      out.memory_bytes += memory.now_bytes;
      out.peak_host_bytes = std::max(out.peak_host_bytes, memory.peak_bytes);
    }
    return out;
  }

  std::vector<pid_t> pids() const override {
    std::lock_guard lock(mutex_);
    return {pids_.begin(), pids_.end()};
  }

 private:
  struct Idle {
    HostPtr host;
    Clock::time_point since;
  };

  // A warm host, or a new one when there is none or it has to be one that has seen no other text.
  Result<HostPtr> take(bool fresh, const CancelToken& cancel) {
    std::promise<Result<Child>> promise;
    std::future<Result<Child>> child = promise.get_future();
    {
      std::unique_lock lock(mutex_);
      while (n_at_work_ >= options_.max_hosts) {
        ENGRAMD_CHECK(cancel.check());
        one_is_free_.wait_for(lock, std::chrono::milliseconds(50));
      }
      if (!fresh && !idle_.empty()) {
        ++n_at_work_;
        HostPtr host = std::move(idle_.back().host);  // the last used is the warmest
        idle_.pop_back();
        return host;
      }
      if (Clock::now() < start_again_) return fail(ErrorCode::unavailable, start_problem_);
      ++n_at_work_;
      // A child dies with the thread that started it, and callers' threads come and go.
      if (!keeper_.joinable()) keeper_ = std::thread([this] { keep(); });
      to_start_.push_back(std::move(promise));
    }
    keeper_wakes_.notify_all();
    Result<Child> started = child.get();
    HostPtr host;
    Status there = {};
    if (started) {
      host = std::make_unique<HostProcess>(std::move(*started));
      there = host->greet(kGreeting);
    } else {
      there = fail(started.error());
    }
    std::lock_guard lock(mutex_);
    if (!there) {
      --n_at_work_;
      start_problem_ = there.error().message;
      start_again_ = Clock::now() + kStartAgain;
      log_warning(start_problem_);
      one_is_free_.notify_one();
      return fail(ErrorCode::unavailable, start_problem_);
    }
    start_problem_.clear();
    filter_problem_ = host->problem();
    ++n_started_;
    pids_.insert(host->pid());
    return host;
  }

  void give_back(HostPtr host) {
    bool first = false;
    {
      std::lock_guard lock(mutex_);
      cpu_s_ += host->take_cpu_s();
      --n_at_work_;
      first = idle_.empty();
      idle_.push_back({std::move(host), Clock::now()});
    }
    one_is_free_.notify_one();
    if (first && !keeper_counts_.exchange(true)) keeper_wakes_.notify_one();
  }

  void let_go(HostPtr host, bool failed) {
    {
      std::lock_guard lock(mutex_);
      pids_.erase(host->pid());  // before the number can be somebody else's
    }
    host->end();
    {
      std::lock_guard lock(mutex_);
      n_failures_ += failed ? 1 : 0;
      --n_at_work_;
    }
    count(*host);
    one_is_free_.notify_one();
  }

  // Of a host that has ended.
  void count(HostProcess& host) {
    std::lock_guard lock(mutex_);
    cpu_s_ += host.take_cpu_s();
    peak_host_bytes_ = std::max(peak_host_bytes_, host.peak_bytes());
  }

  // The keeper's thread: starts hosts, and ends those that nobody has asked for a while.
  void keep() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
      while (!to_start_.empty()) {
        std::promise<Result<Child>> promise = std::move(to_start_.front());
        to_start_.pop_front();
        lock.unlock();
        promise.set_value(Child::start({options_.argv, host_environment()}));
        lock.lock();
      }
      const Clock::time_point now = Clock::now();
      while (!idle_.empty()) {
        const auto limit =
            idle_.size() == 1 && n_at_work_ == 0 ? options_.idle_last : options_.idle;
        if (now - idle_.front().since < limit) break;  // the oldest come first
        end_oldest(lock);
      }
      if (stopping_ || !to_start_.empty()) continue;
      if (idle_.empty()) {
        keeper_counts_ = false;
        keeper_wakes_.wait(lock);
        keeper_counts_ = true;
      } else {
        keeper_wakes_.wait_for(lock, std::min(options_.idle, options_.idle_last));
      }
    }
    while (!to_start_.empty()) {
      to_start_.front().set_value(fail(ErrorCode::unavailable, "the parse hosts are stopping"));
      to_start_.pop_front();
    }
    while (!idle_.empty()) end_oldest(lock);
  }

  void end_oldest(std::unique_lock<std::mutex>& lock) {
    HostPtr host = std::move(idle_.front().host);
    idle_.pop_front();
    pids_.erase(host->pid());
    lock.unlock();
    host->end();
    count(*host);
    lock.lock();
  }

  ParseHostOptions options_;
  host::Quarantine quarantine_;
  mutable std::mutex mutex_;  // guards what follows; never held while a host works
  std::condition_variable one_is_free_, keeper_wakes_;
  std::thread keeper_;                     // made with the first host
  std::atomic<bool> keeper_counts_{true};  // the time that hosts are idle; else it sleeps
  bool stopping_ = false;
  std::deque<std::promise<Result<Child>>> to_start_;
  std::deque<Idle> idle_;  // by time of last use
  std::set<pid_t> pids_;   // of all hosts
  size_t n_at_work_ = 0, n_started_ = 0, n_failures_ = 0;
  uint64_t peak_host_bytes_ = 0;
  double cpu_s_ = 0;
  std::string start_problem_, filter_problem_;
  Clock::time_point start_again_{};
};

}  // namespace

std::shared_ptr<ParseHosts> ParseHosts::make(ParseHostOptions options) {
  return std::make_shared<ParseHostsImpl>(std::move(options));
}

}  // namespace engramd::repoindex
