// agent/swebench/environment.h - where an instance's commands run: --env.
//
//   host              the system's own programs, in our sandbox
//   venv, venv:DIR    a virtual environment first on PATH (venv alone: the active one)
//   conda:NAME        conda run -n NAME
//   apptainer:SIF     in a container image; it takes the sandbox's place
//   docker:IMAGE      the same, without network
//   cmd:TEMPLATE      a command of the user's own; {command} is the command as one word
//
// {id}, {repo} (owner__name) and {version} in what stands behind the colon are the instance's. The
// agent's own runs and grading are started by the same words. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "agent/sandbox/sandbox.h"
#include "agent/swebench/instance.h"
#include "base/result.h"

namespace engramd::agent::swebench {

class Environment {
 public:
  enum class Kind { host, venv, conda, apptainer, docker, command };

  Environment() = default;
  static Result<Environment> read(std::string_view text);

  Kind kind() const { return kind_; }
  const std::string& text() const { return text_; }  // as it was given
  // The program that must be on PATH; empty: none.
  std::string program() const;
  // Containers bring their own walls: our sandbox inside or around them cannot work.
  SandboxMode sandbox_mode(SandboxMode asked) const;
  // What starts a command there (TestCommand::wrapper), with the tree as the working folder.
  std::string wrapper(const Instance& instance) const;
  // The folder of the virtual environment; empty for the others.
  std::string venv_folder() const { return kind_ == Kind::venv ? argument_ : std::string(); }

 private:
  Kind kind_ = Kind::host;
  std::string text_ = "host", argument_;
};

}  // namespace engramd::agent::swebench
