// How often suggestions are shown, accepted and kept, and what that moves.
#include <catch2/catch.hpp>

#include "base/file.h"
#include "daemon/completion/suggestion_counts.h"
#include "daemon/completion/suggestion_tracker.h"
#include "tests/support/workspace.h"

using namespace engramd;
using namespace engramd::daemon;

namespace {

constexpr auto kUri = "file:///a.py";

// A document in which a suggestion was shown at the mark.
struct Shown {
  explicit Shown(std::string_view marked, const std::string& suggestion) {
    const size_t at = marked.find("<|>");
    text = std::string(marked.substr(0, at)) + std::string(marked.substr(at + 3));
    tracker.shown(kUri, "python", text, at, suggestion);
  }
  // The document is changed to this.
  bool change(std::string_view to) {
    text = to;
    return tracker.changed(kUri, text, now);
  }
  void wait(std::chrono::seconds time) {
    now += time;
    tracker.look(kUri, text, now);
  }

  SuggestionCounts counts;
  SuggestionTracker tracker{counts};
  std::string text;
  Clock::time_point now = Clock::now();
};

}  // namespace

TEST_CASE("a suggestion put in at once is accepted, and kept while it stays") {
  Shown shown("x = <|>\ny\n", "first(1)");
  CHECK(shown.counts.total().shown == 1);
  CHECK(shown.change("x = first(1)\ny\n"));
  CHECK(shown.counts.total().accepted == 1);
  shown.wait(std::chrono::seconds(29));
  CHECK(shown.counts.total().kept == 0);
  shown.change("# above\nx = first(1)\ny = 2\n");  // moved, still there
  shown.wait(std::chrono::seconds(2));
  CHECK(shown.counts.total().kept == 1);
  shown.wait(std::chrono::seconds(60));
  CHECK(shown.counts.total().kept == 1);
}

TEST_CASE("a suggestion that is taken out again was accepted and not kept") {
  Shown shown("x = <|>\n", "first(1)");
  CHECK(shown.change("x = first(1)\n"));
  shown.change("x = second\n");
  shown.wait(std::chrono::seconds(31));
  CHECK(shown.counts.total().accepted == 1);
  CHECK(shown.counts.total().kept == 0);
}

TEST_CASE("typing a suggestion out is not accepting it") {
  Shown shown("x = <|>\n", "abc");
  CHECK_FALSE(shown.change("x = a\n"));
  CHECK_FALSE(shown.change("x = ab\n"));
  CHECK_FALSE(shown.change("x = abc\n"));
  CHECK(shown.counts.total().accepted == 0);
}

TEST_CASE("after some keys the rest may be accepted, also word by word") {
  Shown shown("x = <|>\n", "first(second, third)");
  CHECK_FALSE(shown.change("x = f\n"));
  shown.tracker.shown(kUri, "python", shown.text, 5, "irst(second, third)");  // what is left of it
  CHECK(shown.counts.total().shown == 1);
  CHECK_FALSE(shown.change("x = first(second\n"));
  CHECK(shown.change("x = first(second, third)\n"));
  CHECK(shown.counts.total().accepted == 1);
}

TEST_CASE("something else typed is a suggestion refused") {
  Shown shown("x = <|>\n", "first(1)");
  CHECK_FALSE(shown.change("x = q\n"));
  CHECK_FALSE(shown.change("x = first(1)\n"));  // nothing is on show any more
  CHECK(shown.counts.total().accepted == 0);
}

TEST_CASE("a document with the other line ends accepts several lines too") {
  Shown shown("if x:<|>\r\n", "\n    y()\n    z()");
  CHECK(shown.change("if x:\r\n    y()\r\n    z()\r\n"));
  shown.tracker.closed(kUri);
  shown.wait(std::chrono::seconds(31));
  CHECK(shown.counts.total().kept == 0);  // nobody knows
}

TEST_CASE("the counts outlive the process, by language, until they are reset") {
  const test::Workspace folder("");
  const auto file = folder.root() / "state" / "counts";
  {
    SuggestionCounts counts(file);
    counts.shown("python");
    counts.shown("python");
    counts.accepted("python");
    counts.shown("no language\n");
  }
  SuggestionCounts again(file);
  REQUIRE(again.rows().size() == 2);
  CHECK(again.rows()[0].language == "other");
  CHECK(again.rows()[1].language == "python");
  CHECK(again.rows()[1].shown == 2);
  CHECK(again.total().accepted == 1);
  CHECK(again.status_json().find(R"("shown":3,"accepted":1,"kept":0)") != std::string::npos);
  REQUIRE(again.reset());
  CHECK(SuggestionCounts(file).total().shown == 0);
}

TEST_CASE("a file that is no list of counts is none") {
  const test::Workspace folder("");
  const auto file = folder.root() / "counts";
  for (const auto* bytes :
       {"something else\nlanguage python 5 5 5\n",
        "engramd suggestion counts 1\nrecent 3 9\nlanguage python -1\nlanguage a/b 1 1 1\n"}) {
    REQUIRE(write_file_atomic(file, bytes));
    const SuggestionCounts counts(file);
    CHECK(counts.rows().empty());
    CHECK(counts.threshold() == Approx(0.20));
  }
}

TEST_CASE("who takes few suggestions sees fewer, slowly and within bounds") {
  SuggestionCounts counts;
  CHECK(counts.threshold() == Approx(0.20));
  for (int i = 0; i < 20; ++i) counts.shown("python");
  CHECK(counts.threshold() > 0.20);
  CHECK(counts.threshold() < 0.23);
  for (int i = 0; i < 5000; ++i) counts.shown("python");
  CHECK(counts.threshold() > 0.35);
  CHECK(counts.threshold() <= SuggestionCounts::kHighestThreshold);
  for (int i = 0; i < 5000; ++i) {
    counts.shown("python");
    counts.accepted("python");
  }
  CHECK(counts.threshold() == Approx(SuggestionCounts::kLowestThreshold));
}
