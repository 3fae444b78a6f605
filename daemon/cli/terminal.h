// daemon/cli/terminal.h - what a terminal can show, and a line on it that keeps moving.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "base/cancel.h"

namespace engramd::daemon::cli {

// A terminal that takes colours: NO_COLOR is not set and TERM is not "dumb".
bool shows_colour(int fd);
bool is_terminal(int fd);
size_t terminal_width(int fd);  // 100 when it is none

// "\033[1mtext\033[0m", or just the text.
std::string painted(bool colour, const char* code, const std::string& text);
inline constexpr const char *kBold = "1", *kDim = "2", *kRed = "31", *kGreen = "32",
                            *kYellow = "33", *kCyan = "36";

// Lines on stderr and, on a terminal, one below them that is drawn again as time passes. Any
// thread; the drawing has one of its own, which ends with the object.
class LiveLine {
 public:
  explicit LiveLine(bool enabled);
  ~LiveLine();
  // What is at work now, with its time counted from here; empty: nothing.
  void at_work(const std::string& text);
  // The same work, said anew: its time goes on.
  void update(const std::string& text);
  // A line that stays.
  void print(const std::string& line);

 private:
  void draw();  // with the lock held
  void erase();
  void run();
  const bool enabled_;
  std::mutex mutex_;  // guards all below: lines come from workers too
  std::condition_variable wake_;
  std::string text_;
  Clock::time_point since_{};
  size_t frame_ = 0;
  bool shown_ = false, stop_ = false;
  std::thread thread_;
};

}  // namespace engramd::daemon::cli
