// agent/tests/named_reports.h - JUnit XML and TAP that a project's own test command leaves in the
// tree, where its user says: how frameworks without a row of their own tell test by test.
//
// What lay there before the run is of an earlier one, or was put there to be believed: only files
// that are new or changed since the object was made count. One thread; one object per run.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "agent/tests/framework.h"

namespace engramd::agent {

class NamedReports {
 public:
  // glob: relative to the tree, "**" stands for any folders; empty, or one that leaves the tree:
  // there are no reports.
  NamedReports(std::filesystem::path tree, std::string glob);

  // Adds what they say; false when there is none with a test in it.
  bool read(std::string_view tree_inside, Findings& findings) const;

 private:
  struct State {
    std::filesystem::file_time_type time;
    uintmax_t bytes = 0;
    bool operator==(const State&) const = default;
  };
  std::vector<std::filesystem::path> files() const;
  static State state_of(const std::filesystem::path& file);

  const std::filesystem::path tree_;
  const std::string glob_;
  std::map<std::filesystem::path, State> before_;
};

}  // namespace engramd::agent
