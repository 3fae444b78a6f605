// agent/sandbox/disk_watch.h - says when a running command has written too much.
//
// A thread of its own looks at the folders, less often the longer a look takes (at most a twentieth
// of the time). Between two looks a command can write more than its limit; the size of one file is
// limited by the kernel besides.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace engramd::agent {

class DiskWatch {
 public:
  struct Folder {
    std::filesystem::path path;
    uint64_t n_bytes_before = 0;  // not the command's
  };
  // too_much is called once, on the watch's thread. min_free_bytes: what must stay free on the
  // disk, unless there was less before.
  DiskWatch(std::vector<Folder> folders, uint64_t max_bytes, uint64_t min_free_bytes,
            std::function<void()> too_much);
  ~DiskWatch();
  DiskWatch(const DiskWatch&) = delete;

  std::string problem() const;  // one sentence once it was too much

 private:
  void watch();
  std::string look() const;

  const std::vector<Folder> folders_;
  const uint64_t max_bytes_;
  uint64_t min_free_bytes_;
  const std::function<void()> too_much_;
  mutable std::mutex mutex_;  // guards ending_ and problem_, between the watch and the waiter
  std::condition_variable wake_;
  bool ending_ = false;
  std::string problem_;
  std::thread thread_;
};

}  // namespace engramd::agent
