#include "agent/sandbox/disk_watch.h"

#include <fcntl.h>

#include <algorithm>
#include <chrono>

#include "agent/sandbox/inside.h"

namespace engramd::agent {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr auto kFirstLook = std::chrono::milliseconds(100);
constexpr size_t kMaxEntries = 2000000;

uint64_t free_bytes(const fs::path& folder) {
  std::error_code error;
  const fs::space_info space = fs::space(folder, error);
  return error ? ~uint64_t{0} : space.available;
}

}  // namespace

DiskWatch::DiskWatch(std::vector<Folder> folders, uint64_t max_bytes, uint64_t min_free_bytes,
                     std::function<void()> too_much)
    : folders_(std::move(folders)),
      max_bytes_(max_bytes),
      min_free_bytes_(min_free_bytes),
      too_much_(std::move(too_much)) {
  for (const Folder& folder : folders_)
    min_free_bytes_ = std::min(min_free_bytes_, free_bytes(folder.path) / 2);
  thread_ = std::thread([this] { watch(); });
}

DiskWatch::~DiskWatch() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

std::string DiskWatch::problem() const {
  std::lock_guard lock(mutex_);
  return problem_;
}

std::string DiskWatch::look() const {
  for (const Folder& folder : folders_)
    if (free_bytes(folder.path) < min_free_bytes_)
      return "it has filled the disk: less than " + std::to_string(min_free_bytes_ >> 20) +
             " MiB are free";
  uint64_t n_bytes = 0;
  for (const Folder& folder : folders_) {
    const OwnedFd fd(::open(folder.path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd) continue;
    const DiskUse use = disk_use(fd.get(), kMaxEntries);
    if (!use.complete) return "it has made more than " + std::to_string(kMaxEntries) + " files";
    n_bytes += use.n_bytes - std::min(use.n_bytes, folder.n_bytes_before);
  }
  if (n_bytes <= max_bytes_) return {};
  return "it has written " + std::to_string(n_bytes >> 20) + " MiB, expected at most " +
         std::to_string(max_bytes_ >> 20) + " MiB";
}

void DiskWatch::watch() {
  auto pause = std::chrono::duration_cast<Clock::duration>(kFirstLook);
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      if (wake_.wait_for(lock, pause, [this] { return ending_; })) return;
    }
    const Clock::time_point start = Clock::now();
    std::string problem = look();
    if (!problem.empty()) {
      {
        std::lock_guard lock(mutex_);
        problem_ = std::move(problem);
      }
      too_much_();
      return;
    }
    pause = std::clamp<Clock::duration>(20 * (Clock::now() - start), std::chrono::milliseconds(200),
                                        std::chrono::seconds(10));
  }
}

}  // namespace engramd::agent
