#include "agent/model/fit_history.h"

#include <catch2/catch.hpp>

#include "agent/model/tool_schema.h"

using namespace engramd::agent;

namespace {

std::vector<Message> conversation(int n_steps) {
  std::vector<Message> history = {{Message::Role::system, "instructions", {}, {}},
                                  {Message::Role::user, "task", {}, {}}};
  for (int i = 0; i < n_steps; ++i) {
    const std::string id = "c" + std::to_string(i);
    history.push_back({Message::Role::assistant, "step", {{id, "open", "{}"}}, {}});
    history.push_back(
        {Message::Role::tool, "result " + std::to_string(i) + std::string(500, '.'), {}, id});
  }
  return history;
}

}  // namespace

TEST_CASE("old results go first, the last step stays, and no call loses its answer") {
  const auto history = conversation(4);
  CHECK(n_cuttable_results(history) == 3);
  CHECK(n_cuttable_steps(history) == 3);
  Cut cut;
  cut.n_results = 99;
  const auto short_one = shortened(history, cut);
  REQUIRE(short_one.size() == history.size());
  CHECK(short_one[3].text.find("left out") != std::string::npos);
  CHECK(short_one[3].call_id == "c0");
  CHECK(short_one.back().text == history.back().text);

  cut = {};
  cut.n_steps = 2;
  const auto fewer = shortened(history, cut);
  REQUIRE(fewer.size() == 6);
  CHECK(fewer[1].text == "task\n(2 earlier steps are left out here.)");
  CHECK(fewer[2].calls[0].id == "c2");

  cut = {};
  cut.max_message_bytes = 100;
  for (const Message& message : shortened(history, cut)) CHECK(message.text.size() < 160);
  CHECK(shortened(history, {}).size() == history.size());
  CHECK(shortened({}, cut).empty());
}

TEST_CASE("a bounded schema is the same tool with an end") {
  const std::string schema =
      R"({"type":"object","properties":{"text":{"type":"string"},"mode":{"enum":["a","b"],"type":"string"},)"
      R"("line":{"type":"integer"},"all":{"type":"array","items":{"type":"string"}}},"required":["text"]})";
  const std::string wide = bounded_schema(schema, {});
  CHECK(wide.find("pattern") == std::string::npos);
  CHECK(wide.find("\"maximum\":1000000000") != std::string::npos);
  CHECK(wide.find("\"maxItems\":64") != std::string::npos);
  const std::string tight = bounded_schema(schema, {12});
  CHECK(tight.find("{0,12}$") != std::string::npos);
  CHECK(tight.find("\"maxItems\":2") != std::string::npos);
  CHECK(tight.find(R"("mode":{"enum":["a","b"],"type":"string"})") != std::string::npos);
  CHECK(bounded_schema("no JSON", {12}) == "no JSON");
  CHECK(signature_line({"open", "Read a file.", schema}, 4) ==
        "open(all?, line?, mode?, text): Read");
  CHECK(signature_line({"open", "", ""}, 4) == "open()");
}
