// doctor: checks this machine, part by part, each gap with its remedy.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "agent/sandbox/probe.h"
#include "base/environment.h"
#include "base/file.h"
#include "base/process.h"
#include "daemon/cli/command.h"
#include "daemon/cli/doctor_endpoint.h"
#include "engine/api/devices.h"
#include "engine/api/model.h"

namespace engramd::daemon::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

using Check = Finding (*)(const Settings&);

std::string first_line_of(const fs::path& path) {
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  return line;
}

Finding check_model(const Settings& settings) {
  const auto reference = model_for(settings, "complete");
  if (!reference)
    return {
        "model", Verdict::bad, reference.error().message,
        "set `model` in " + (config_folder() / "config.toml").string() + ", or --model FILE.gguf"};
  if (reference->is_endpoint())
    return {"model", Verdict::good,
            "endpoint " + reference->endpoint + ", model " + reference->name, ""};
  const auto model = engine::Model::load(reference->file);
  if (!model)
    return {"model", Verdict::bad, model.error().message, "give another file with --model"};
  const engine::ModelInfo& info = (*model)->info();
  return {"model", Verdict::good,
          reference->file.string() + ": " + info.architecture + ", " +
              human_bytes(info.file_bytes) + ", " + info.kernels + " kernels, loaded in " +
              fixed(info.load_s, 2) + " s",
          ""};
}

Finding check_sandbox(const Settings&) {
  const agent::SandboxProbe probe = agent::probe_sandbox();
  std::string limits =
      "; processes limited by " + probe.process_limit + ", memory by " + probe.memory_limit;
  limits += probe.overlay_problem.empty()
                ? "; tasks work on an overlay of the tree"
                : "; tasks work on a copy of the tree (" + probe.overlay_problem + ")";
  if (probe.usable)
    return {
        "sandbox", Verdict::good,
        probe.version +
            " works: no network, home, credentials, outside process, file or socket is in reach" +
            limits,
        ""};
  if (probe.landlock_abi < 1)
    return {"sandbox", Verdict::bad, probe.problem + "; this kernel has no Landlock either",
            probe.remedy};
  std::string gaps;
  for (const std::string& gap : agent::landlock_gaps(probe.landlock_abi))
    gaps += (gaps.empty() ? "" : ", ") + gap;
  return {"sandbox", Verdict::weak,
          "Landlock, ABI " + std::to_string(probe.landlock_abi) + ", is used: " + probe.problem +
              "; not held: " + gaps + limits,
          probe.remedy};
}

Finding check_inotify(const Settings&) {
  const std::string watches = first_line_of("/proc/sys/fs/inotify/max_user_watches");
  if (watches.empty())
    return {"inotify", Verdict::weak, "no inotify here", "editors must report changed files"};
  const bool few = watches.size() < 6 && std::stol(watches) < 65536;
  return {"inotify", few ? Verdict::weak : Verdict::good, watches + " watches for this user",
          few ? "sysctl fs.inotify.max_user_watches=524288" : ""};
}

Finding check_gpu(const Settings&) {
  const engine::DeviceReport report = engine::find_devices();
  std::string backend = report.backend;
  if (!report.operators.empty()) backend += " with " + report.operators;
  if (report.devices.empty())
    return {"gpu", Verdict::good,
            backend + (report.problem.empty() ? "" : "; " + report.problem) + ": the CPU is used",
            ""};
  std::string text;
  for (const auto& device : report.devices)
    text += (text.empty() ? "" : "; ") + device.name + ", " + human_bytes(device.memory_bytes);
  return {"gpu", Verdict::good,
          text + "; " + backend +
              " (found, not used: models compute on the CPU; `doctor --gpu` checks the operators)",
          ""};
}

// What --gpu asks for: every operator on every card, beside the CPU.
std::vector<Finding> check_gpu_operators() {
  std::vector<Finding> out;
  const engine::DeviceReport report = engine::find_devices();
  for (size_t i = 0; i < report.devices.size(); ++i) {
    const std::string device = "cuda:" + std::to_string(i);
    const auto checks = engine::check_device(device);
    if (!checks) {
      out.push_back({device, Verdict::bad, checks.error().message, "update the driver"});
      continue;
    }
    for (const engine::OperatorCheck& check : *checks) {
      char figures[96];
      std::snprintf(figures, sizeof figures, ": error %.1e of %.0e, %.3f ms", check.error,
                    check.bound, check.ms);
      out.push_back({device, check.passed() ? Verdict::good : Verdict::bad, check.name + figures,
                     check.passed() ? "" : "report it with this card's name"});
    }
  }
  if (out.empty()) out.push_back({"gpu", Verdict::good, "operators skipped: no device", ""});
  return out;
}

Finding check_git(const Settings&) {
  const fs::path git = find_program("git");
  if (git.empty())
    return {"git", Verdict::weak, "no git program", "apt-get install git (indexing works without)"};
  return {"git", Verdict::good, git.string(), ""};
}

Finding check_folder(const char* part, const fs::path& folder) {
  const Status made = make_directories(folder, 0700);
  if (!made)
    return {part, Verdict::bad, made.error().message,
            "make the folder writable, or set its XDG variable"};
  const fs::path probe = folder / ".doctor";
  if (const Status written = write_file_atomic(probe, "x", 0600); !written)
    return {part, Verdict::bad, written.error().message, "free some space or mend the permissions"};
  std::error_code ignored;
  fs::remove(probe, ignored);
  const fs::space_info space = fs::space(folder, ignored);
  const bool low = space.available < (500u << 20);
  return {part, low ? Verdict::weak : Verdict::good,
          folder.string() + ", " + human_bytes(space.available) + " free",
          low ? "free some space: the cache wants 500 MB" : ""};
}

Finding check_cache(const Settings&) {
  return check_folder("cache", cache_folder());
}
Finding check_state(const Settings&) {
  return check_folder("state", state_folder());
}
Finding check_runtime(const Settings&) {
  Finding finding = check_folder("runtime", runtime_folder());
  if (finding.verdict == Verdict::good && !environment("XDG_RUNTIME_DIR"))
    finding.text += " (XDG_RUNTIME_DIR is not set)";
  return finding;
}

const Check kChecks[] = {check_model, check_endpoint, check_sandbox, check_git,    check_inotify,
                         check_gpu,   check_cache,    check_state,   check_runtime};

const char* word(Verdict verdict) {
  switch (verdict) {
    case Verdict::good:
      return "ok";
    case Verdict::weak:
      return "weak";
    case Verdict::bad:
      return "BAD";
  }
  return "BAD";
}

}  // namespace

Action define_doctor(CLI::App& app) {
  auto common = std::make_shared<CommonOptions>();
  add_repo_option(app, *common);
  add_model_option(app, *common);
  add_json_option(app, *common);
  auto with_gpu = std::make_shared<bool>(false);
  app.add_flag("--gpu", *with_gpu, "also run every operator on every GPU, beside the CPU");
  return [common, with_gpu]() -> Result<int> {
    ENGRAMD_TRY(const Settings settings, settings_for(*common));
    bool any_bad = false;
    json list = json::array();
    std::vector<Finding> findings;
    for (const Check check : kChecks) findings.push_back(check(settings));
    if (*with_gpu)
      for (Finding& finding : check_gpu_operators()) findings.push_back(std::move(finding));
    for (const Finding& finding : findings) {
      any_bad |= finding.verdict == Verdict::bad;
      list.push_back({{"part", finding.part},
                      {"verdict", word(finding.verdict)},
                      {"text", finding.text},
                      {"remedy", finding.remedy}});
      if (common->json) continue;
      std::printf("%-9s %-5s %s\n", finding.part.c_str(), word(finding.verdict),
                  finding.text.c_str());
      if (!finding.remedy.empty()) std::printf("%-9s       -> %s\n", "", finding.remedy.c_str());
    }
    for (const std::string& note : settings.notes())
      if (!common->json) std::printf("settings  weak  %s\n", note.c_str());
    if (common->json)
      std::cout << json{{"checks", list}, {"notes", settings.notes()}}.dump(
                       2, ' ', false, json::error_handler_t::replace)
                << '\n';
    return any_bad ? 3 : 0;
  };
}

}  // namespace engramd::daemon::cli
