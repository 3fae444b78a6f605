// daemon/cli/fix_view.h - `engramd fix` as it is watched: stages and steps on stderr, the outcome
// on stdout.
#pragma once

#include <string>

#include "agent/solve/solve.h"
#include "daemon/cli/terminal.h"

namespace engramd::daemon::cli {

// Stages with their times, a line for each step, a moving line for what is at work now. From
// several threads.
class FixView {
 public:
  // quiet: nothing at all (--json). verbose: what the model says and every correction, too.
  FixView(bool quiet, bool verbose);
  ~FixView();
  void on_progress(const agent::FixProgress& progress);
  void on_event(const agent::LoopEvent& event);
  void line(const std::string& text);
  // Nothing moves while somebody is asked, or when the work is done.
  void pause();

 private:
  void end_stage();
  const bool quiet_, verbose_, colour_;
  std::mutex mutex_;  // guards the stage
  std::string stage_, detail_;
  Clock::time_point stage_since_{};
  LiveLine live_;
};

void print_report(const agent::Report& report, bool verbose);

}  // namespace engramd::daemon::cli
