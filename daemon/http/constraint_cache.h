// daemon/http/constraint_cache.h - the grammars of the last requests: an agent sends the same tools
// with every turn, and a grammar gets faster with use. Any thread.
#pragma once

#include <functional>
#include <list>
#include <mutex>
#include <string>

#include "engine/api/grammar.h"

namespace engramd::daemon::http {

class ConstraintCache {
 public:
  static constexpr size_t kMaxKept = 8;
  static constexpr size_t kMaxKeyBytes = 1u << 20;  // larger ones are made each time

  using Made = Result<engine::grammar::SharedConstraint>;
  // key: everything that `make` depends on. Errors are not kept.
  Made get(const std::string& key, const std::function<Made()>& make);

 private:
  struct Kept {
    std::string key;
    engine::grammar::SharedConstraint constraint;
  };
  std::mutex mutex_;      // guards the list, not the making
  std::list<Kept> kept_;  // the last used one first
};

}  // namespace engramd::daemon::http
