#include "daemon/cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>

#include "base/environment.h"
#include "base/text.h"
#include "daemon/cli/command.h"

namespace engramd::daemon::cli {
namespace {

constexpr auto kFrame = std::chrono::milliseconds(120);
constexpr const char* kFrames[] = {"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"};

std::string cut_to(const std::string& text, size_t width) {
  size_t end = 0, n = 0;
  while (end < text.size() && n + 1 < width) {
    end += utf8_length_at(text, end);
    ++n;
  }
  return end >= text.size() ? text : text.substr(0, end) + "…";
}

}  // namespace

bool is_terminal(int fd) {
  return ::isatty(fd) == 1;
}

bool shows_colour(int fd) {
  return is_terminal(fd) && !environment("NO_COLOR") && environment("TERM").value_or("") != "dumb";
}

size_t terminal_width(int fd) {
  winsize size{};
  if (!is_terminal(fd) || ::ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col < 40) return 100;
  return size.ws_col;
}

std::string painted(bool colour, const char* code, const std::string& text) {
  return colour ? "\033[" + std::string(code) + "m" + text + "\033[0m" : text;
}

LiveLine::LiveLine(bool enabled) : enabled_(enabled) {
  if (enabled_) thread_ = std::thread([this] { run(); });
}

LiveLine::~LiveLine() {
  if (!enabled_) return;
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
    text_.clear();
    erase();
  }
  wake_.notify_all();
  thread_.join();
}

void LiveLine::at_work(const std::string& text) {
  std::lock_guard lock(mutex_);
  text_ = text;
  since_ = Clock::now();
  if (!enabled_) return;
  if (text_.empty())
    erase();
  else
    draw();
}

void LiveLine::update(const std::string& text) {
  std::lock_guard lock(mutex_);
  text_ = text;
}

void LiveLine::print(const std::string& line) {
  std::lock_guard lock(mutex_);
  erase();
  std::fprintf(stderr, "%s\n", line.c_str());
  if (enabled_ && !text_.empty()) draw();
}

void LiveLine::erase() {
  if (shown_) std::fputs("\r\033[K", stderr);
  shown_ = false;
}

void LiveLine::draw() {
  const double seconds = std::chrono::duration<double>(Clock::now() - since_).count();
  const std::string line = std::string("  ") + kFrames[frame_ % std::size(kFrames)] + " " + text_ +
                           (seconds >= 1 ? "  " + fixed(seconds, 0) + " s" : "");
  std::fprintf(stderr, "\r%s\033[K", cut_to(line, terminal_width(STDERR_FILENO)).c_str());
  shown_ = true;
}

void LiveLine::run() {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    wake_.wait_for(lock, kFrame);
    ++frame_;
    if (!stop_ && !text_.empty()) draw();
  }
}

}  // namespace engramd::daemon::cli
