#include "agent/swebench/environment.h"

#include <array>
#include <filesystem>

#include "agent/swebench/shell.h"
#include "base/environment.h"

namespace engramd::agent::swebench {
Result<Environment> Environment::read(std::string_view text) {
  Environment environment_read;
  environment_read.text_ = text;
  const size_t colon = text.find(':');
  const std::string_view name = text.substr(0, colon);
  environment_read.argument_ =
      colon == std::string_view::npos ? std::string() : std::string(text.substr(colon + 1));
  std::string& argument = environment_read.argument_;
  struct Row {
    std::string_view name;
    Kind kind;
    const char* argument;  // what is expected behind the colon; null: nothing
  };
  constexpr std::array<Row, 6> kRows = {{{"host", Kind::host, nullptr},
                                         {"venv", Kind::venv, "DIR"},
                                         {"conda", Kind::conda, "NAME"},
                                         {"apptainer", Kind::apptainer, "SIF"},
                                         {"docker", Kind::docker, "IMAGE"},
                                         {"cmd", Kind::command, "TEMPLATE"}}};
  for (const Row& row : kRows) {
    if (row.name != name) continue;
    environment_read.kind_ = row.kind;
    if (row.argument == nullptr && !argument.empty())
      return fail(ErrorCode::invalid_input, "--env " + std::string(text) + ": expected host alone");
    if (row.kind == Kind::venv && argument.empty()) {
      argument = environment("VIRTUAL_ENV").value_or("");
      if (argument.empty())
        return fail(ErrorCode::invalid_input,
                    "--env venv: no environment is active (VIRTUAL_ENV is not set), expected "
                    "venv:DIR or an active one");
    }
    if (row.argument != nullptr && argument.empty())
      return fail(ErrorCode::invalid_input, "--env " + std::string(text) + ": expected " +
                                                std::string(name) + ":" + row.argument);
    if (row.kind == Kind::venv) {
      std::error_code error;
      argument = std::filesystem::absolute(argument, error).lexically_normal().string();
      if (!std::filesystem::exists(argument + "/bin/python", error) &&
          !std::filesystem::exists(argument + "/bin/python3", error))
        return fail(ErrorCode::not_found, "--env venv: no bin/python in " + argument);
    }
    if (row.kind == Kind::command && argument.find("{command}") == std::string::npos)
      return fail(ErrorCode::invalid_input,
                  "--env cmd: the template has no {command}, found \"" + argument + "\"");
    return environment_read;
  }
  return fail(ErrorCode::invalid_input,
              "--env is \"" + std::string(text) +
                  "\", expected host, venv[:DIR], conda:NAME, apptainer:SIF, docker:IMAGE or "
                  "cmd:TEMPLATE");
}

std::string Environment::program() const {
  switch (kind_) {
    case Kind::conda:
      return "conda";
    case Kind::apptainer:
      return "apptainer";
    case Kind::docker:
      return "docker";
    default:
      return {};
  }
}

SandboxMode Environment::sandbox_mode(SandboxMode asked) const {
  return kind_ == Kind::docker || kind_ == Kind::apptainer ? SandboxMode::container : asked;
}

std::string Environment::wrapper(const Instance& instance) const {
  std::string argument = replace_all(argument_, "{id}", instance.id);
  argument = replace_all(argument, "{repo}", replace_all(instance.repo, "/", "__"));
  argument = replace_all(argument, "{version}", instance.version);
  switch (kind_) {
    case Kind::host:
      return {};
    case Kind::venv:
      return "VIRTUAL_ENV=" + shell_word(argument) + "; PATH=" + shell_word(argument + "/bin") +
             ":\"$PATH\"; export VIRTUAL_ENV PATH; {command}";
    case Kind::conda:
      return "conda run --no-capture-output -n " + shell_word(argument) + " {command}";
    case Kind::apptainer:
      return "apptainer exec --contain --cleanenv --no-home --pwd \"$PWD\" --bind \"$PWD\" --bind "
             "{reports} --bind {helpers}:{helpers}:ro " +
             shell_word(argument) + " {command}";
    case Kind::docker:
      return "docker run --rm --init --network none --user \"$(id -u):$(id -g)\" "
             "-v \"$PWD\":\"$PWD\" -w \"$PWD\" -v {reports}:{reports} -v {helpers}:{helpers}:ro " +
             shell_word(argument) + " {command}";
    case Kind::command:
      return replace_all(argument, "{command}", "{word}");
  }
  return {};
}

}  // namespace engramd::agent::swebench
