// tests/agent/sandbox_stage.h - a project, its task tree and a sandbox, for the tests of all three.
#pragma once

#include <catch2/catch.hpp>
#include <memory>
#include <string>

#include "agent/sandbox/sandbox.h"
#include "tests/support/workspace.h"

namespace engramd::test {

struct Stage {
  explicit Stage(const Workspace& project, agent::SandboxMode mode, bool copied = false,
                 int landlock_abi = 0)
      : Stage(project, mode, with_abi(agent::probe_sandbox(), landlock_abi), copied) {}
  // On a machine of which this was found.
  Stage(const Workspace& project, agent::SandboxMode mode, const agent::SandboxProbe& probe,
        bool copied = false) {
    auto opened =
        copied ? agent::WorkTree::copy_of(project.root()) : agent::WorkTree::open(project.root());
    if (!opened) FAIL(opened.error().message);
    tree = std::make_unique<agent::WorkTree>(std::move(*opened));
    auto made = agent::Sandbox::make(mode, *tree, {}, probe);
    if (!made) FAIL(made.error().message);
    sandbox = std::make_unique<agent::Sandbox>(std::move(*made));
  }

  // Runs it by the shell.
  agent::SandboxResult run(const std::string& script, agent::SandboxLimits limits = {},
                           const CancelToken& cancel = {}) const {
    agent::SandboxCommand command;
    command.argv = {"/bin/sh", "-c", script};
    command.limits = limits;
    if (limits.wall_ms == agent::SandboxLimits{}.wall_ms)
      command.limits.wall_ms = 120000;  // for busy machines
    auto ran = sandbox->run(command, cancel);
    if (!ran) FAIL(ran.error().message);
    return std::move(*ran);
  }

  static agent::SandboxProbe with_abi(agent::SandboxProbe probe, int abi) {
    if (abi > 0) probe.landlock_abi = abi;
    return probe;
  }

  std::unique_ptr<agent::WorkTree> tree;
  std::unique_ptr<agent::Sandbox> sandbox;
};

}  // namespace engramd::test
