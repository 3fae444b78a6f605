// daemon/wiring/repair_model.h - how the resident model helps a repair: it ranks candidate edits
// and fills holes.
//
// A candidate is judged by how likely its changed lines are after the lines above them: by the
// repository memory for all of them, by the network too for the first ones that the memory likes.
// Built once per repair on the caller's thread; the functions it hands out are called from that
// thread, too, and keep it alive.
#pragma once

#include <memory>

#include "agent/fix.h"
#include "base/cancel.h"
#include "engine/api/model.h"
#include "repoindex/view.h"

namespace engramd::daemon {

struct RepairModel {
  agent::Ranker ranker;
  agent::Infiller infill;
};

// near: a path of the repository whose neighbours the memory should know first; may be empty.
Result<RepairModel> make_repair_model(std::shared_ptr<const engine::Model> model,
                                      const repoindex::View& view, const std::string& near,
                                      const CancelToken& cancel);

}  // namespace engramd::daemon
