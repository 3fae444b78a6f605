// agent/sandbox/view.h - what a sandboxed command may see of this machine: system folders, a few
// entries of /etc, toolchains that people keep in their home, and variables from an allow-list.
//
// Keys, shadow passwords, credentials and service configuration are on no list. Reads the
// environment and the disk at the call; any thread.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace engramd::agent {

struct SandboxView {
  std::vector<std::filesystem::path> read_only;            // of the system, as they are
  std::vector<std::pair<std::string, std::string>> links;  // target, path: /bin -> usr/bin
  std::vector<std::pair<std::string, std::string>> etc;    // real file, path in /etc
  std::filesystem::path home;                              // hidden; may be empty
  std::vector<std::filesystem::path> toolchains;           // read-only, most of them in home
};
SandboxView sandbox_view();

// Everything but HOME, TMPDIR and what depends on where those are.
std::vector<std::pair<std::string, std::string>> sandbox_environment(const SandboxView& view);

// What holds the tree's git data, to be read-only: .git itself, and where a work tree's or a
// submodule's file points to.
std::vector<std::filesystem::path> git_folders(const std::filesystem::path& tree);

std::filesystem::path home_folder();  // empty when there is none that could be hidden
bool is_below(const std::filesystem::path& path, const std::filesystem::path& folder);

}  // namespace engramd::agent
