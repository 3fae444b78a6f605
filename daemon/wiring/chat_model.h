// daemon/wiring/chat_model.h - the agent's model: an endpoint, or weights in this process.
//
// Weights are loaded when they are first asked for and kept as long as the source lives; every
// chat model that it hands out has a conversation of its own. Any thread; a chat model belongs to
// one.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "agent/model/chat_model.h"
#include "agent/model/prices.h"
#include "base/result.h"
#include "daemon/config/settings.h"
#include "daemon/net/http_client.h"
#include "engine/api/model.h"

namespace engramd::daemon {

// What a command line may say; what it does not say comes from the settings.
struct ChatModelOptions {
  std::optional<double> temperature;
  std::optional<uint64_t> seed;
  int64_t max_completion_tokens = 0;
  size_t context = 0;  // resident: tokens
};

Result<std::optional<agent::Prices>> prices_of(const Settings& settings);
net::NetworkOptions network_options(const Settings& settings);

// What the configured model can do for the agent, without loading it.
struct AgentAbility {
  bool chats = false;
  bool calls_tools = false;
  std::string why;  // one line
};
AgentAbility agent_ability(const ModelReference& reference);
AgentAbility agent_ability(const Settings& settings);

class ChatModelSource {
 public:
  // resident: weights that are there already, with the file they are of; may be empty.
  using Resident = std::function<Result<std::shared_ptr<const engine::Model>>(
      const std::filesystem::path& file)>;
  explicit ChatModelSource(Settings settings, Resident resident = {});

  // Of a local file that says nothing of chats, too: the caller asks agent_ability() first.
  Result<std::shared_ptr<agent::ChatModel>> open(const ChatModelOptions& options = {});
  const AgentAbility& ability() const { return ability_; }

 private:
  Result<std::shared_ptr<const engine::Model>> weights(const std::filesystem::path& file);

  const Settings settings_;
  const Resident resident_;
  const AgentAbility ability_;
  std::mutex mutex_;  // one load at a time; guards the weights
  std::shared_ptr<const engine::Model> weights_;
};

// One conversation with the configured model, for callers that need no second.
Result<std::shared_ptr<agent::ChatModel>> configured_chat_model(
    const Settings& settings, const ChatModelOptions& options = {});

}  // namespace engramd::daemon
