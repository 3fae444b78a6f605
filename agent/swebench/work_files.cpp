// The files of an instance's folder: job and status.
#include <time.h>

#include <nlohmann/json.hpp>

#include "agent/swebench/work.h"
#include "base/file.h"

namespace engramd::agent::swebench {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr uint64_t kMaxJobBytes = 256u << 20, kMaxStatusBytes = 4u << 20;

constexpr std::pair<WorkState, std::string_view> kStates[] = {
    {WorkState::waiting, "waiting"},
    {WorkState::running, "running"},
    {WorkState::done, "done"},
    {WorkState::infra, "infra"},
    {WorkState::interrupted, "interrupted"}};

}  // namespace

std::string_view to_string(WorkState state) {
  for (const auto& [value, name] : kStates)
    if (value == state) return name;
  return "waiting";
}

std::string utc_now() {
  const time_t now = ::time(nullptr);
  tm parts{};
  ::gmtime_r(&now, &parts);
  char text[32];
  ::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

std::string to_json_text(const Job& job) {
  const WorkSettings& s = job.settings;
  const json out = {{"repos", s.repos.string()},
                    {"cache", s.cache.string()},
                    {"cache_bytes", s.cache_bytes},
                    {"model", s.model},
                    {"model_id", s.model_id},
                    {"strategy", s.strategy},
                    {"environment", s.environment},
                    {"sandbox", s.sandbox},
                    {"test_report", s.test_report},
                    {"reveal_tests", s.reveal_tests},
                    {"timeout_s", s.timeout_s},
                    {"max_steps", s.max_steps},
                    {"n_samples", s.n_samples},
                    {"max_tokens", s.max_tokens},
                    {"seed", s.seed},
                    {"temperature", s.temperature},
                    {"price_in", s.price_in},
                    {"price_cached", s.price_cached},
                    {"price_out", s.price_out},
                    {"resume", job.resume},
                    {"instance", json::parse(to_json_line(job.instance))}};
  return out.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

Result<Job> read_job(const fs::path& file) {
  ENGRAMD_TRY(const std::string text, read_file(file, kMaxJobBytes));
  const json in = json::parse(text, nullptr, false);
  if (!in.is_object())
    return fail(ErrorCode::invalid_input, file.string() + " is no job, expected a JSON object");
  try {
    Job job;
    WorkSettings& s = job.settings;
    s.repos = in.at("repos").get<std::string>();
    s.cache = in.at("cache").get<std::string>();
    s.cache_bytes = in.value("cache_bytes", s.cache_bytes);
    s.model = in.value("model", "");
    s.model_id = in.value("model_id", "");
    s.strategy = in.value("strategy", s.strategy);
    s.environment = in.value("environment", s.environment);
    s.sandbox = in.value("sandbox", "");
    s.test_report = in.value("test_report", "");
    s.reveal_tests = in.value("reveal_tests", false);
    s.timeout_s = in.value("timeout_s", s.timeout_s);
    s.max_steps = in.value("max_steps", s.max_steps);
    s.n_samples = in.value("n_samples", 1);
    s.max_tokens = in.value("max_tokens", s.max_tokens);
    s.seed = in.value("seed", s.seed);
    s.temperature = in.value("temperature", s.temperature);
    s.price_in = in.value("price_in", 0.0);
    s.price_cached = in.value("price_cached", 0.0);
    s.price_out = in.value("price_out", 0.0);
    job.resume = in.value("resume", false);
    ENGRAMD_TRY(job.instance, instance_from_json(in.at("instance").dump(), file.string()));
    return job;
  } catch (const json::exception& error) {
    return fail(ErrorCode::invalid_input, file.string() + " is no job: " + error.what());
  }
}

Status write_status(const WorkStatus& status, const fs::path& folder) {
  const json out = {{"instance_id", status.id},
                    {"state", std::string(to_string(status.state))},
                    {"reason", status.reason},
                    {"outcome", status.outcome},
                    {"exit", status.exit},
                    {"strategy", status.strategy},
                    {"model", status.model},
                    {"host", status.host},
                    {"pid", status.pid},
                    {"attempts", status.attempts},
                    {"prompt_tokens", status.prompt_tokens},
                    {"cached_tokens", status.cached_tokens},
                    {"completion_tokens", status.completion_tokens},
                    {"cost", status.cost},
                    {"wall_s", status.wall_s},
                    {"cpu_s", status.cpu_s},
                    {"steps", status.n_steps},
                    {"patch_bytes", status.patch_bytes},
                    {"left_out", status.left_out},
                    {"prompts_hash", status.prompts_hash},
                    {"started", status.started},
                    {"ended", status.ended}};
  return write_file_atomic(folder / "status.json",
                           out.dump(2, ' ', false, json::error_handler_t::replace) + "\n", 0644,
                           true);
}

Result<WorkStatus> read_status(const fs::path& folder) {
  ENGRAMD_TRY(const std::string text, read_file(folder / "status.json", kMaxStatusBytes));
  const json in = json::parse(text, nullptr, false);
  if (!in.is_object())
    return fail(ErrorCode::corrupt, (folder / "status.json").string() + " is no JSON object");
  try {
    WorkStatus status;
    status.id = in.value("instance_id", "");
    for (const auto& [value, name] : kStates)
      if (in.value("state", "") == name) status.state = value;
    status.reason = in.value("reason", "");
    status.outcome = in.value("outcome", "");
    status.exit = in.value("exit", "");
    status.strategy = in.value("strategy", "");
    status.model = in.value("model", "");
    status.host = in.value("host", "");
    status.pid = in.value("pid", 0);
    status.attempts = in.value("attempts", 0);
    status.prompt_tokens = in.value("prompt_tokens", int64_t{0});
    status.cached_tokens = in.value("cached_tokens", int64_t{0});
    status.completion_tokens = in.value("completion_tokens", int64_t{0});
    status.cost = in.value("cost", 0.0);
    status.wall_s = in.value("wall_s", 0.0);
    status.cpu_s = in.value("cpu_s", 0.0);
    status.n_steps = in.value("steps", size_t{0});
    status.patch_bytes = in.value("patch_bytes", size_t{0});
    status.left_out = in.value("left_out", std::vector<std::string>());
    status.prompts_hash = in.value("prompts_hash", "");
    status.started = in.value("started", "");
    status.ended = in.value("ended", "");
    return status;
  } catch (const json::exception& error) {
    return fail(ErrorCode::corrupt, (folder / "status.json").string() + ": " + error.what());
  }
}

}  // namespace engramd::agent::swebench
