// What else in the file is the thing under the cursor.
#include <catch2/catch.hpp>

#include "tests/repoindex/query_stories.h"

using namespace engramd;
using namespace engramd::repoindex;

namespace {

// "line:column w" or "… r", counted from 1.
std::vector<std::string> highlights_of(std::string_view workspace) {
  const engramd::test::Workspace ws(workspace);
  const View view = repoindex::test::view_of(ws);
  std::vector<std::string> out;
  for (const auto& hit : references_in_file(view, ws.cursor().path, ws.cursor().offset)) {
    const bool writes = hit.role == Role::definition || hit.role == Role::write;
    out.push_back(std::to_string(hit.place.start.line + 1) + ":" +
                  std::to_string(hit.place.start.column + 1) + (writes ? " w" : " r"));
  }
  return out;
}
using Shown = std::vector<std::string>;

}  // namespace

TEST_CASE("highlights: a local stays in its function") {
  CHECK(highlights_of(R"(
//- /a.py
def f(x):
    y = x
    y = y + x
    return <|>y
def g(y):
    return y
)") == Shown{"2:5 w", "3:5 w", "3:9 r", "4:12 r"});
}

TEST_CASE("highlights: never in another file") {
  CHECK(highlights_of(R"(
//- /a.py
def run(): ...
<|>run()
//- /b.py
from a import run
run()
)") == Shown{"1:5 w", "2:1 r"});
}

TEST_CASE("highlights: a name that the repository does not define, behind the same receiver") {
  CHECK(highlights_of(R"(
//- /a.js
console.<|>log(1);
console.log(2);
other.log(3);
)") == Shown{"1:9 r", "2:9 r"});
}
