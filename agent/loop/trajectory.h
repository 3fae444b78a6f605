// agent/loop/trajectory.h - everything a run has said and done, saved after every step.
//
// One JSON file, written to a temporary name, synced and renamed, so that a kill at any moment
// leaves the last whole step. A resumed run starts from it: same messages, same changed files.
// The loop's thread writes; anybody may read a saved file.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "agent/model/chat_model.h"

namespace engramd::agent {

struct TrajectoryStep {
  std::string tool, arguments_json;
  bool ok = false;
  double seconds = 0;
};

struct Trajectory {
  std::string task, repo, model, test_command;
  std::vector<Message> messages;
  std::vector<TrajectoryStep> steps;
  // What differs from the user's tree: path -> text, and the hash the file had there.
  std::map<std::string, std::string> changed, base_hashes;
  Usage usage;
  std::string exit;   // empty while it runs
  std::string patch;  // the diff as of the last step
};

// Durable. Errors name the file.
Status save_trajectory(const Trajectory& trajectory, const std::filesystem::path& file);
Result<Trajectory> load_trajectory(const std::filesystem::path& file);

// The run as a person reads it in a terminal: task, each step with its outcome, the diff.
std::string readable(const Trajectory& trajectory, size_t max_bytes_per_step = 1200);

}  // namespace engramd::agent
