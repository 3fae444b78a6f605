#include "daemon/cli/swebench_models.h"

#include "agent/swebench/run.h"
#include "base/text.h"
#include "daemon/cli/command.h"
#include "daemon/wiring/chat_model.h"
#include "daemon/wiring/parse_hosts.h"
#include "daemon/wiring/repair_model.h"
#include "engine/api/model.h"

namespace engramd::daemon::cli {

Result<SharedModel> share_model(const Settings& settings, const std::string& strategy,
                                size_t n_jobs, const CancelToken& cancel) {
  SharedModel shared;
  shared.strategy = strategy;
  auto reference = model_for(settings, "agent");
  if (!reference) {
    // Repair is of use without any model.
    if (strategy == "tools") return fail(reference.error());
    shared.strategy = "repair";
    shared.why = reference.error().message;
    shared.name = "engramd-repair";
    return shared;
  }
  if (reference->is_endpoint()) {
    shared.reference = reference->endpoint + "#" + reference->name;
    shared.name = reference->name;
    if (strategy == "repair") {
      shared.reference.clear();
      shared.name = "engramd-repair";
    } else {
      shared.strategy = "tools";
    }
    return shared;
  }
  shared.file = reference->file;
  ENGRAMD_TRY(shared.hash, agent::swebench::digest_of_file(shared.file));
  const AgentAbility ability = agent_ability(*reference);
  if (strategy == "auto") shared.why = ability.why;
  if (strategy == "tools" && !ability.calls_tools)
    shared.why = ability.why + "; its calls are held to a grammar, their sense is not";
  if (strategy == "tools" || (strategy == "auto" && ability.calls_tools)) {
    ENGRAMD_TRY(shared.server, ModelServer::start(shared.file, n_jobs, cancel));
    shared.reference = shared.server->reference();
    shared.strategy = "tools";
    shared.name = shared.file.stem().string();
  } else {
    // Its weights are mapped, so the workers share their pages.
    shared.reference = shared.file.string();
    shared.strategy = "repair";
    shared.name = "engramd-repair+" + shared.file.stem().string();
  }
  return shared;
}

Status prepare_model(agent::SolveOptions& options, const agent::swebench::WorkSettings& settings,
                     int sample, const std::function<void(const std::string&)>& say) {
  options.parse_hosts = make_parse_hosts();
  if (settings.model.empty()) return {};
  CommonOptions common;
  common.repo = options.repo.string();
  common.model = settings.model;
  ENGRAMD_TRY(const Settings loaded, settings_for(common));
  ENGRAMD_TRY(const ModelReference reference, model_for(loaded, "agent"));
  if (reference.is_endpoint()) {
    ChatModelOptions chat;
    chat.seed = static_cast<uint64_t>(settings.seed + sample);
    if (settings.temperature >= 0) chat.temperature = settings.temperature;
    ENGRAMD_TRY(options.model, configured_chat_model(loaded, chat));
    return {};
  }
  const auto without = [&](const Error& error) -> Status {
    say("candidates are not ranked by a model: " + error.message);
    return {};
  };
  auto model = engine::Model::load(reference.file);
  if (!model) return without(model.error());
  auto repair = make_repair_model(*model);
  if (!repair) return without(repair.error());
  options.ranker = std::move(repair->ranker);
  options.infill = std::move(repair->infill);
  return {};
}

}  // namespace engramd::daemon::cli
