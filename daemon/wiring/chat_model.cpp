#include "daemon/wiring/chat_model.h"

#include <algorithm>
#include <charconv>
#include <ctime>

#include "agent/model/remote.h"
#include "agent/model/resident.h"
#include "base/environment.h"
#include "engine/api/tokenizer_file.h"

namespace engramd::daemon {
namespace {

std::string today() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  char text[16];
  std::strftime(text, sizeof text, "%Y-%m-%d", &utc);
  return text;
}

Result<std::optional<double>> temperature_of(const ChatModelOptions& options,
                                             const Settings& settings) {
  if (options.temperature) return options.temperature;
  const std::string& text = settings.text("agent.temperature");
  if (text.empty()) return std::optional<double>();
  double value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !(value >= 0 && value <= 2))
    return fail(ErrorCode::invalid_input,
                "agent.temperature is \"" + text + "\", expected a number from 0 to 2");
  return std::optional<double>(value);
}

int64_t completion_tokens(const ChatModelOptions& options, const Settings& settings) {
  return options.max_completion_tokens > 0
             ? options.max_completion_tokens
             : int64_t{settings.number("agent.max_completion_tokens")};
}

Result<std::shared_ptr<agent::ChatModel>> remote_model(const ModelReference& reference,
                                                       const Settings& settings,
                                                       const ChatModelOptions& options) {
  agent::RemoteOptions remote;
  remote.base_url = reference.endpoint;
  remote.model = reference.name;
  const std::string& key_variable = settings.text("agent.api_key_env");
  remote.api_key = environment(key_variable.c_str()).value_or("");
  remote.key_hint = "$" + key_variable;
  remote.max_completion_tokens = completion_tokens(options, settings);
  ENGRAMD_TRY(remote.temperature, temperature_of(options, settings));
  remote.seed = options.seed;
  remote.idle_timeout_ms = 1000 * int64_t{settings.number("agent.timeout_seconds")};
  ENGRAMD_TRY(agent::HttpSend send, net::make_http_send(network_options(settings)));
  return std::shared_ptr(agent::make_remote_model(std::move(remote), std::move(send)));
}

}  // namespace

Result<std::optional<agent::Prices>> prices_of(const Settings& settings) {
  auto prices = agent::parse_prices(settings.text("agent.prices"));
  if (!prices) return fail(std::move(prices).error().with("agent.prices"));
  return *prices;
}

net::NetworkOptions network_options(const Settings& settings) {
  net::NetworkOptions options;
  options.proxy = settings.text("net.proxy");
  options.no_proxy_at_all = options.proxy == "none";
  if (options.no_proxy_at_all) options.proxy.clear();
  options.no_proxy = settings.list("net.no_proxy");
  options.ca_file = settings.text("net.ca_file");
  return options;
}

AgentAbility agent_ability(const ModelReference& reference) {
  if (reference.is_endpoint())
    return {true, true, "an endpoint is taken to chat and to call tools"};
  const auto tokenizer = engine::load_tokenizer(reference.file);
  if (!tokenizer) return {false, false, tokenizer.error().message};
  const agent::ChatAbility ability = agent::chat_ability(**tokenizer);
  const std::string file = reference.file.filename().string();
  if (ability.calls_tools)
    return {true, true, file + " chats as " + ability.dialect + ": " + ability.why};
  if (ability.chats)
    return {true, false, file + " chats as " + ability.dialect + ", which has no tool calls"};
  return {false, false, file + " has no chat template: it only continues text"};
}

AgentAbility agent_ability(const Settings& settings) {
  const auto reference = model_for(settings, "agent");
  if (!reference) return {false, false, reference.error().message};
  return agent_ability(*reference);
}

ChatModelSource::ChatModelSource(Settings settings, Resident resident)
    : settings_(std::move(settings)),
      resident_(std::move(resident)),
      ability_(agent_ability(settings_)) {}

Result<std::shared_ptr<const engine::Model>> ChatModelSource::weights(
    const std::filesystem::path& file) {
  std::lock_guard lock(mutex_);
  if (weights_) return weights_;
  if (resident_) {
    ENGRAMD_TRY(weights_, resident_(file));
    if (weights_) return weights_;
  }
  engine::LoadOptions load;
  load.n_threads = static_cast<size_t>(settings_.number("engine.threads"));
  load.drafts = settings_.number("engine.speculation") != 0;
  ENGRAMD_TRY(weights_, engine::Model::load(file, load));
  return weights_;
}

Result<std::shared_ptr<agent::ChatModel>> ChatModelSource::open(const ChatModelOptions& options) {
  ENGRAMD_TRY(const ModelReference reference, model_for(settings_, "agent"));
  if (reference.is_endpoint()) return remote_model(reference, settings_, options);
  ENGRAMD_TRY(const auto model, weights(reference.file));
  agent::ResidentOptions resident;
  resident.name = reference.file.filename().string();
  resident.context = options.context > 0 ? options.context
                                         : static_cast<size_t>(settings_.number("agent.context"));
  resident.max_completion_tokens =
      static_cast<size_t>(std::max<int64_t>(0, completion_tokens(options, settings_)));
  ENGRAMD_TRY(const auto temperature, temperature_of(options, settings_));
  if (temperature) resident.sample.temperature = static_cast<float>(*temperature);
  resident.sample.seed = options.seed.value_or(0);
  resident.speculation = settings_.number("engine.speculation") != 0;
  resident.date = today();
  return std::shared_ptr(agent::make_resident_model(model, resident));
}

Result<std::shared_ptr<agent::ChatModel>> configured_chat_model(const Settings& settings,
                                                                const ChatModelOptions& options) {
  return ChatModelSource(settings).open(options);
}

}  // namespace engramd::daemon
