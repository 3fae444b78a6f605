#include "daemon/wiring/permissions.h"

#include "base/environment.h"

namespace engramd::daemon {

Result<std::shared_ptr<agent::Permissions>> make_permissions(const Settings& settings,
                                                             const std::string& mode,
                                                             const std::filesystem::path& root,
                                                             agent::AskPermission ask) {
  agent::PermissionOptions options;
  ENGRAMD_TRY(options.mode,
              agent::read_permission_mode(mode.empty() ? settings.text("agent.mode") : mode));
  for (const std::string& text : settings.list("agent.rules")) {
    auto rule = agent::parse_rule(text);
    if (!rule)
      return fail(rule.error().with("agent.rules (" + settings.value("agent.rules").origin + ")"));
    options.rules.push_back(std::move(*rule));
  }
  options.ask = std::move(ask);
  options.store = agent::permission_store(state_folder(), root);
  return std::make_shared<agent::Permissions>(std::move(options));
}

}  // namespace engramd::daemon
