// agent/loop/trajectory_view.h - a saved run as a person reads it in a terminal, or as JSON.
//
// Pure functions: any thread. Whatever a run holds is shown; nothing in it reaches the terminal as
// an escape.
#pragma once

#include <string>

#include "agent/loop/trajectory.h"

namespace engramd::agent {

struct ViewOptions {
  bool colour = false;
  size_t width = 100;              // of lines that are cut
  size_t max_lines_per_step = 12;  // of an answer in the overview
  size_t step = 0;                 // 1-based: only this one, in full; 0: the whole run
};

std::string readable(const Trajectory& trajectory, const ViewOptions& options = {});
// One line: when, how it ended, steps, size of the patch, the task.
std::string one_line(const Trajectory& trajectory, const ViewOptions& options = {});
// The diff as of the last step, coloured when asked.
std::string readable_diff(const std::string& patch, bool colour);
// Everything, as one JSON object.
std::string trajectory_json(const Trajectory& trajectory);

}  // namespace engramd::agent
