// daemon/main.cpp - the program: finds the command in the table, runs it, maps errors to statuses.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>

#include "base/environment.h"
#include "base/log.h"
#include "daemon/cli/command.h"

namespace {

using namespace engramd;

LogLevel level_named(const std::string& name) {
  if (name == "debug") return LogLevel::debug;
  if (name == "info") return LogLevel::info;
  if (name == "error") return LogLevel::error;
  if (name == "off") return LogLevel::off;
  return LogLevel::warning;
}

int report(const Error& error) {
  std::fprintf(stderr, "engramd: %s\n", error.message.c_str());
  return exit_status(error.code);
}

int run(int argc, char** argv) {
  CLI::App app(
      "engramd: one resident daemon that knows the repository, holds the model and does "
      "the work",
      "engramd");
  app.set_version_flag("--version", "engramd " ENGRAMD_VERSION);
  app.require_subcommand(1);
  app.get_formatter()->column_width(28);
  daemon::cli::Action chosen;
  for (const daemon::cli::CommandRow& row : daemon::cli::commands()) {
    CLI::App* command = app.add_subcommand(row.name, row.summary);
    command->group(row.group);
    command->callback([&chosen, action = row.define(*command)] { chosen = action; });
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  auto status = chosen();
  return status ? *status : report(status.error());
}

}  // namespace

int main(int argc, char** argv) {
  if (const auto level = environment("ENGRAMD_LOG")) set_log_level(level_named(*level));
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    return report({ErrorCode::internal, std::string("a bug ended the command: ") + error.what()});
  }
}
