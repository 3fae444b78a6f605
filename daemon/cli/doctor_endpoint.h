// daemon/cli/doctor_endpoint.h - is the agent's model there, and does it talk and call tools?
#pragma once

#include "daemon/cli/finding.h"
#include "daemon/config/settings.h"

namespace engramd::daemon::cli {

// An endpoint: the list of models, then a whole round trip with a tool. A local file: what it says
// of itself; its weights are not loaded here.
Finding check_endpoint(const Settings& settings);

}  // namespace engramd::daemon::cli
