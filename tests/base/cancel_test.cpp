#include "base/cancel.h"

#include <catch2/catch.hpp>

using namespace engramd;

TEST_CASE("a token is cancelled with its source, its parent, or its deadline") {
  CancelSource parent;
  const CancelSource child(parent.token());
  const CancelSource late(parent.token(), Clock::now() - std::chrono::seconds(1));
  CHECK_FALSE(child.token().cancelled());
  CHECK(late.token().check().error().code == ErrorCode::exhausted);
  parent.cancel();
  CHECK(child.token().check().error().code == ErrorCode::cancelled);
  CHECK_FALSE(CancelToken().cancelled());
}
