// daemon/wiring/repair_model.h - how the resident model helps a repair: it ranks candidate edits
// and fills holes.
//
// A candidate is judged by how much likelier it makes the lines it changes, with the text on both
// sides of them in the prompt (line_judge.h). The repository memory is not asked: it holds the
// faulty line itself, and likes it.
// Built once per repair on the caller's thread; the functions it hands out are called from that
// thread, too, and keep it alive.
#pragma once

#include <memory>

#include "agent/fix.h"
#include "engine/api/model.h"

namespace engramd::daemon {

struct RepairModel {
  agent::Ranker ranker;
  agent::Infiller infill;
};

Result<RepairModel> make_repair_model(std::shared_ptr<const engine::Model> model);

}  // namespace engramd::daemon
