// What of a file an edit changes, and whether a model finds it likelier than before.
#include "daemon/wiring/line_judge.h"

#include <catch2/catch.hpp>

#include "daemon/wiring/repair_model.h"

using namespace engramd;
using namespace engramd::daemon;

namespace {

struct Pair {
  std::string before, after;
};
Pair changed(const std::string& before, const std::string& after) {
  const ChangedLines lines = changed_lines(before, after);
  return {before.substr(lines.begin, lines.before_end - lines.begin),
          after.substr(lines.begin, lines.after_end - lines.begin)};
}

constexpr const char* kLoop = R"(def first_positive(values):
    for index in range(len(values)):
        if values[index] > 0:
            return values[indx]
    return None


def last_positive(values):
    for index in range(len(values) - 1, -1, -1):
        if values[index] > 0:
            return values[index]
    return None
)";

std::string replaced(const std::string& text, const std::string& what, const std::string& with) {
  std::string out = text;
  out.replace(text.find(what), what.size(), with);
  return out;
}

std::shared_ptr<const engine::Model> shipped() {
  auto model = engine::Model::load(std::string(ENGRAMD_SOURCE_DIR) + "/models/engramd-small.gguf");
  if (!model) FAIL(model.error().message);
  return *model;
}

}  // namespace

TEST_CASE("an edit is judged by the whole lines it changes") {
  const Pair within = changed("a\n  b = 1\nc\n", "a\n  b = 2\nc\n");
  CHECK(within.before == "  b = 1\n");
  CHECK(within.after == "  b = 2\n");
  const Pair inserted = changed("a\nb\nc\n", "a\nx\nb\nc\n");
  CHECK(inserted.before == "b\n");
  CHECK(inserted.after == "x\nb\n");
  const Pair deleted = changed("a\nb\nc\n", "a\nc\n");
  CHECK(deleted.before == "b\nc\n");
  CHECK(deleted.after == "c\n");
  const Pair two = changed("if a:\n  b\nc\n", "if x:\n  y\nc\n");
  CHECK(two.before == "if a:\n  b\n");
  CHECK(two.after == "if x:\n  y\n");
  const Pair last = changed("a\nb", "a\nbc");
  CHECK(last.before == "b");
  CHECK(last.after == "bc");
  CHECK(changed("", "x\n").after == "x\n");
  CHECK(changed("x\n", "").before == "x\n");
  CHECK(changed("a\n", "a\n").before == changed("a\n", "a\n").after);
}

TEST_CASE(
    "the shipped model finds the line without the slip likelier, and one with a worse slip less") {
  const std::string before = kLoop;
  const std::vector<std::string> edited = {replaced(before, "[indx]", "[index]"),
                                           replaced(before, "[indx]", "[None(]"), before};
  auto judge = LineJudge::make(shipped());
  REQUIRE(judge);
  const auto odds = (*judge)->odds("loop.py", before, edited, {});
  REQUIRE(odds.size() == 3);
  CHECK(odds[0].gain() > 0.5);
  CHECK(odds[1].gain() < odds[0].gain());
  CHECK(odds[0].before < 0);
  // The same through what a repair is given.
  auto repair = make_repair_model(shipped());
  REQUIRE(repair);
  const auto scores = repair->ranker("loop.py", before, edited, {});
  REQUIRE(scores.size() == 3);
  CHECK(scores[0] == Approx(odds[0].gain()).margin(0.02));
  CHECK(scores[0] > scores[1]);
}

TEST_CASE("judging stops when it is cancelled, and says nothing of the rest") {
  CancelSource source;
  source.cancel();
  auto repair = make_repair_model(shipped());
  REQUIRE(repair);
  CHECK(repair->ranker("loop.py", kLoop, {replaced(kLoop, "indx", "index")}, source.token()) ==
        std::vector<double>{0});
  CHECK(repair->infill("loop.py", kLoop, {0, 5}, source.token()).empty());
}
