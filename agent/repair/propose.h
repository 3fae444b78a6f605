// agent/repair/propose.h - all candidates of a localisation, in the order they are to be tried.
//
// Templates for every suspicious line (mutate.h), texts that a model puts into the most suspicious
// holes, and the model's opinion on what reads better than before, which moves a candidate by a
// unit at most. One thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent/fix.h"
#include "agent/repair/localise.h"
#include "agent/repair/mutate.h"
#include "base/cancel.h"

namespace engramd::agent {

struct ProposeInput {
  const Localisation& places;
  std::function<std::optional<std::string>(const std::string& path)> read;
  MutateOptions mutate;
  Ranker ranker;       // may be empty
  Infiller infill;     // may be empty
  double wall_s = 10;  // for the model's part
};

struct Proposed {
  std::vector<Candidate> candidates;
  std::vector<std::string> notes;
};

Proposed propose(const ProposeInput& input, const CancelToken& cancel);

}  // namespace engramd::agent
