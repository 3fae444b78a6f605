// daemon/wiring/permissions.h - the user's settings as the agent's permissions.
#pragma once

#include <memory>
#include <string>

#include "agent/permissions/permissions.h"
#include "daemon/config/settings.h"

namespace engramd::daemon {

// mode: empty for the setting agent.mode. ask: empty when nobody can be asked. A rule that cannot
// be read is an error: a deny rule that silently counts for nothing would be worse.
Result<std::shared_ptr<agent::Permissions>> make_permissions(const Settings& settings,
                                                             const std::string& mode,
                                                             const std::filesystem::path& root,
                                                             agent::AskPermission ask);

}  // namespace engramd::daemon
