// The resident process: lsp, daemon, status, stop; and the child that parses for it.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>

#include "daemon/cli/command.h"
#include "daemon/completion/suggestion_counts.h"
#include "daemon/server/daemon.h"
#include "daemon/shim/shim.h"
#include "daemon/wiring/ports.h"
#include "repoindex/parse/host/frame.h"
#include "repoindex/parse/host/serve.h"

namespace engramd::daemon::cli {
namespace {

using nlohmann::json;

// The daemon serves every repository, so only the user's own settings count for it.
Result<Settings> user_settings(const std::string& model) {
  std::map<std::string, std::string> flags;
  if (!model.empty()) flags["model"] = model;
  return load_settings({}, flags);
}

void print_status(const json& status, const std::string& indent = "") {
  for (const auto& [key, value] : status.items()) {
    if (value.is_object() || (value.is_array() && !value.empty() && value[0].is_object())) {
      std::printf("%s%s:\n", indent.c_str(), key.c_str());
      if (value.is_object()) print_status(value, indent + "  ");
      if (value.is_array())
        for (const json& item : value) {
          print_status(item, indent + "  ");
          std::printf("\n");
        }
    } else {
      std::printf("%s%s: %s\n", indent.c_str(), key.c_str(),
                  value.is_string() ? value.get<std::string>().c_str() : value.dump().c_str());
    }
  }
}

}  // namespace

Action define_lsp(CLI::App& app) {
  struct Options {
    bool standalone = false, stdio = false;
    std::string model;
  };
  auto options = std::make_shared<Options>();
  app.add_flag("--standalone", options->standalone, "keep everything in this process");
  app.add_flag("--stdio", options->stdio, "accepted for clients that always say it");
  app.add_option("--model", options->model,
                 "the model, with --standalone; a resident daemon takes it from the settings");
  return [options]() -> Result<int> {
    ENGRAMD_TRY(const Settings settings, user_settings(options->model));
    ShimOptions shim;
    shim.standalone = options->standalone;
    shim.make_ports = [settings] { return make_ports(settings); };
    shim.index = index_options(settings);
    if (!options->model.empty())
      shim.connect.daemon_arguments = {"daemon", "--model", options->model};
    return run_lsp_shim(shim);
  };
}

Action define_daemon(CLI::App& app) {
  struct Options {
    std::string model;
    bool to_stderr = false;
  };
  auto options = std::make_shared<Options>();
  app.add_option("--model", options->model, "FILE.gguf or a folder with one");
  app.add_flag("--log-stderr", options->to_stderr, "log to stderr rather than to the state folder");
  return [options]() -> Result<int> {
    ENGRAMD_TRY(const Settings settings, user_settings(options->model));
    DaemonOptions daemon;
    // 0 means never: a year is that for a process.
    const long minutes = settings.number("daemon.idle_minutes");
    daemon.idle_exit = std::chrono::minutes(minutes > 0 ? minutes : 60L * 24 * 365);
    daemon.make_ports = [settings] { return make_ports(settings); };
    daemon.index = index_options(settings);
    daemon.log_to_file = !options->to_stderr;
    return run_daemon(daemon);
  };
}

Action define_status(CLI::App& app) {
  auto as_json = std::make_shared<bool>(false);
  auto reset = std::make_shared<bool>(false);
  app.add_flag("--json", *as_json, "print JSON");
  app.add_flag("--reset-suggestions", *reset,
               "forget how many suggestions were shown, accepted and kept");
  return [as_json, reset]() -> Result<int> {
    if (*reset) {
      const auto done = control_request("reset-suggestions");
      // Without a daemon the file is all there is.
      if (!done && done.error().code == ErrorCode::not_found)
        ENGRAMD_CHECK(SuggestionCounts(suggestion_counts_file()).reset());
      else if (!done)
        return fail(done.error());
      else if (!json::parse(*done, nullptr, false).value("ok", false))
        return fail(ErrorCode::unavailable, "the daemon could not reset the counts: " + *done);
    }
    auto answer = control_request("status");
    if (!answer && answer.error().code == ErrorCode::not_found) {
      std::printf(*as_json ? "{\"running\": false}\n" : "no daemon runs\n");
      return 1;
    }
    if (!answer) return fail(answer.error());
    json status = json::parse(*answer, nullptr, false);
    if (!status.is_object())
      return fail(ErrorCode::corrupt, "the daemon's answer is not an object");
    status["running"] = true;
    if (*as_json)
      std::cout << status.dump(2) << '\n';
    else
      print_status(status);
    return 0;
  };
}

Action define_stop(CLI::App&) {
  return []() -> Result<int> {
    const auto answer = control_request("stop");
    if (!answer && answer.error().code == ErrorCode::not_found) {
      std::printf("no daemon runs\n");
      return 0;
    }
    if (!answer) return fail(answer.error());
    std::printf("stopped\n");
    return 0;
  };
}

Action define_parse_host(CLI::App&) {
  return []() -> Result<int> {
    const int status = repoindex::host::serve_parse_host();
    if (status == repoindex::host::kBadRequest)
      return fail(ErrorCode::invalid_input,
                  "parse-host is started by engramd itself, with a socket as standard input");
    return status;
  };
}

}  // namespace engramd::daemon::cli
