#include "daemon/cli/doctor_endpoint.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/environment.h"
#include "daemon/cli/command.h"
#include "daemon/wiring/chat_model.h"

namespace engramd::daemon::cli {
namespace {

using nlohmann::json;

constexpr int64_t kListTimeoutMs = 10'000;
constexpr size_t kMaxListed = 12;
constexpr std::chrono::seconds kRoundTrip(60);

// The ids of GET /models; empty when the endpoint offers no list.
Result<std::vector<std::string>> models_of(const ModelReference& reference,
                                           const Settings& settings) {
  ENGRAMD_TRY(const agent::HttpSend send, net::make_http_send(network_options(settings)));
  agent::HttpRequest request;
  request.method = "GET";
  request.url = reference.endpoint + "/models";
  request.idle_timeout_ms = kListTimeoutMs;
  request.max_response_bytes = 8u << 20;
  if (const auto key = environment(settings.text("agent.api_key_env").c_str()))
    request.headers.emplace_back("authorization", "Bearer " + *key);
  std::string body;
  ENGRAMD_TRY(const agent::HttpResponse response,
              send(
                  request, [&](std::string_view piece) { body += piece; }, interrupt_token()));
  std::vector<std::string> names;
  const json list = json::parse(body, nullptr, false);
  if (response.status != 200 || !list.is_object() || !list.contains("data") ||
      !list["data"].is_array())
    return names;
  for (const json& item : list["data"])
    if (item.is_object() && item.contains("id") && item["id"].is_string())
      names.push_back(item["id"].get<std::string>());
  return names;
}

std::string listed(const std::vector<std::string>& names) {
  std::string out;
  for (size_t i = 0; i < std::min(names.size(), kMaxListed); ++i)
    out += (i == 0 ? "" : ", ") + names[i];
  if (names.size() > kMaxListed)
    out += " and " + std::to_string(names.size() - kMaxListed) + " more";
  return out;
}

struct RoundTrip {
  bool called = false;
  double seconds = 0;
};
Result<RoundTrip> talk(const Settings& settings) {
  ChatModelSource models(settings);
  ChatModelOptions options;
  options.max_completion_tokens = 200;
  ENGRAMD_TRY(const auto model, models.open(options));
  const CancelSource limit(interrupt_token(), Clock::now() + kRoundTrip);
  const Clock::time_point start = Clock::now();
  ENGRAMD_TRY(
      const agent::ChatReply reply,
      model->reply(
          {{agent::Message::Role::user, "Call the tool `ready` once, and say nothing.", {}, {}}},
          {{"ready", "Says that you are there.",
            R"({"type":"object","properties":{},"additionalProperties":false})"}},
          {}, limit.token()));
  RoundTrip trip;
  trip.called = !reply.message.calls.empty();
  trip.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  return trip;
}

}  // namespace

Finding check_endpoint(const Settings& settings) {
  const auto reference = model_for(settings, "agent");
  if (!reference || !reference->is_endpoint()) {
    const AgentAbility ability = agent_ability(settings);
    return {"agent", Verdict::good,
            ability.why + (ability.calls_tools ? ": strategy tools" : ": strategy repair") +
                "; no endpoint is set, nothing leaves this machine",
            ""};
  }
  const auto names = models_of(*reference, settings);
  if (!names)
    return {"endpoint", Verdict::bad, names.error().message,
            "start the server, or check the address, net.proxy and net.ca_file"};
  if (!names->empty() && std::find(names->begin(), names->end(), reference->name) == names->end())
    return {"endpoint", Verdict::bad,
            reference->endpoint + " has no model \"" + reference->name + "\"",
            "choose one of: " + listed(*names)};
  const auto trip = talk(settings);
  if (!trip)
    return {"endpoint", Verdict::bad, trip.error().message,
            "check the address, and the key in $" + settings.text("agent.api_key_env")};
  const std::string took = reference->endpoint + "#" + reference->name + " answered in " +
                           fixed(trip->seconds, 2) + " s";
  if (!trip->called)
    return {"endpoint", Verdict::weak,
            took + ", without calling the tool that it was asked to call",
            "take a model that calls tools, and a server started with them (vLLM: "
            "--enable-auto-tool-choice; llama.cpp: --jinja)"};
  return {"endpoint", Verdict::good, took + " and calls tools", ""};
}

}  // namespace engramd::daemon::cli
