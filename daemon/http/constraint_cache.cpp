#include "daemon/http/constraint_cache.h"

namespace engramd::daemon::http {

ConstraintCache::Made ConstraintCache::get(const std::string& key,
                                           const std::function<Made()>& make) {
  {
    std::lock_guard lock(mutex_);
    for (auto at = kept_.begin(); at != kept_.end(); ++at) {
      if (at->key != key) continue;
      kept_.splice(kept_.begin(), kept_, at);
      return at->constraint;
    }
  }
  ENGRAMD_TRY(const engine::grammar::SharedConstraint made, make());
  if (key.size() <= kMaxKeyBytes) {
    std::lock_guard lock(mutex_);
    kept_.push_front({key, made});
    if (kept_.size() > kMaxKept) kept_.pop_back();
  }
  return made;
}

}  // namespace engramd::daemon::http
