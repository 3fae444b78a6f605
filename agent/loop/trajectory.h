// agent/loop/trajectory.h - everything a run has said and done, saved as it happens.
//
// A file of JSON Lines (docs/formats/trajectory.md): the first line is written to a temporary name,
// synced and renamed; every later one is appended by one write and synced, so that saving a step
// costs the step and not the run. A kill at any moment leaves whole lines and at most one torn one
// at the end, which reading ignores and reopening cuts off. The loop's thread writes, and holds a
// lock on the file meanwhile; anybody may read.
#pragma once

#include <filesystem>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "agent/loop/changes.h"
#include "agent/model/chat_model.h"

namespace engramd::agent {

struct TrajectoryStep {
  std::string tool, arguments_json;
  bool ok = false;
  double seconds = 0;
};

// What a note to the model was for: "format", "length", "repeat", "tests", "empty".
struct TrajectoryNote {
  size_t message = 0;  // its place in messages
  std::string why;
};

// What one step did to the files.
struct FileRecords {
  Changes written;                     // or removed
  std::vector<std::string> as_before;  // equal to the user's tree again
};

struct Trajectory {
  std::string task, repo, model, test_command, test_report;
  std::string started;  // UTC, ISO 8601
  // In full, whatever was left out of the prompt since.
  std::vector<Message> messages;
  std::vector<size_t> elided;  // messages that the prompt holds as a stub
  std::vector<TrajectoryNote> notes;
  std::vector<TrajectoryStep> steps;               // the n-th answers the n-th tool message
  Changes changed;                                 // what differs from the user's tree
  std::map<std::string, std::string> base_hashes;  // of those files, there; empty: a new file
  Usage usage;
  double cost = 0, model_s = 0, wall_s = 0;
  size_t n_resumed = 0;
  std::string exit;     // empty while it runs
  std::string patch;    // the diff as of the last step
  std::string summary;  // what the model says it did
  std::string problem;
  std::string reproduction_json;  // the recorded reproduction test; empty: none

  size_t n_turns() const;  // replies of the model
};

class TrajectoryFile {
 public:
  // No file: everything is kept in memory only.
  TrajectoryFile() = default;
  // Error of code unavailable when another process is at work on the same file.
  static Result<TrajectoryFile> create(const std::filesystem::path& file,
                                       const Trajectory& beginning);
  // Cuts a torn last line off. Error corrupt when a line before it cannot be read.
  static Result<TrajectoryFile> reopen(const std::filesystem::path& file, Trajectory& loaded);
  TrajectoryFile(TrajectoryFile&& other) noexcept
      : path_(std::move(other.path_)), fd_(other.fd_), n_bytes_(other.n_bytes_) {
    other.fd_ = -1;
  }
  TrajectoryFile& operator=(TrajectoryFile&& other) noexcept;
  ~TrajectoryFile();

  // Each changes the trajectory and the file alike. An error (a full disk) leaves the file with
  // whole lines.
  Status add_reply(Trajectory& to, const Message& message, const Usage& usage, double cost,
                   double seconds);
  // base_hashes: of the files that this step was the first to write; patch: nothing when it is as
  // before.
  Status add_answer(Trajectory& to, const Message& message, const TrajectoryStep& step,
                    const FileRecords& files, const std::map<std::string, std::string>& base_hashes,
                    const std::optional<std::string>& patch);
  Status add_note(Trajectory& to, const Message& message, const std::string& why);
  Status add_elision(Trajectory& to, const std::vector<size_t>& messages);
  Status add_reproduction(Trajectory& to, const std::string& json_text);
  Status add_resumption(Trajectory& to);
  Status add_end(Trajectory& to, const std::string& exit, const std::string& summary,
                 const std::string& problem, double wall_s);

 private:
  Status add(Trajectory& to, const nlohmann::json& record);
  std::filesystem::path path_;
  int fd_ = -1;
  uint64_t n_bytes_ = 0;  // of whole lines
};

// Strict but for a torn last line. Errors name the file.
Result<Trajectory> load_trajectory(const std::filesystem::path& file);

// For people: whatever can be read of a damaged file, and how many lines could not. An error only
// when there is no such file or nothing in it is a trajectory.
struct SalvagedTrajectory {
  Trajectory trajectory;
  size_t n_damaged_lines = 0;
};
Result<SalvagedTrajectory> salvage_trajectory(const std::filesystem::path& file);

// <state folder>/trajectories/<UTC time>-<process id>-<n>.jsonl: never the same twice.
std::filesystem::path new_trajectory_path(const std::filesystem::path& state_folder);

}  // namespace engramd::agent
