// tests/support/processes.h - what runs on this machine, for tests that nothing is left running.
#pragma once

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace engramd::test {

// The arguments of a process, each ended by a zero byte; empty when it has just ended. process: a
// folder of /proc.
inline std::string arguments_of(const std::filesystem::path& process) {
  std::ifstream file(process / "cmdline", std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();  // an error of the read is a state of the stream, never an exception
  return text.str();
}

}  // namespace engramd::test
