// Renders conversations from a JSON file: what tests/clients/chat.test.mjs runs to compare with the
// models' own templates. A hidden case, not a test by itself: test_engine "[chat-driver]" with two
// file names in ENGRAMD_CHAT_CASES and ENGRAMD_CHAT_PROMPTS.
//
// In: [{"template": text, "dialect": name or null, "request": {...}}]. Out: [{"dialect", "certain",
// "how", "prompt" or "error"}].
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/environment.h"
#include "base/file.h"
#include "engine/api/chat.h"

using namespace engramd;
using nlohmann::ordered_json;
namespace chat = engine::chat;

namespace {

chat::Role role_of(const std::string& name) {
  if (name == "system") return chat::Role::system;
  if (name == "assistant") return chat::Role::assistant;
  return name == "tool" ? chat::Role::tool : chat::Role::user;
}

chat::Request request_of(const ordered_json& json) {
  chat::Request request;
  for (const ordered_json& one : json.at("messages")) {
    chat::Message message;
    message.role = role_of(one.at("role"));
    message.text = one.value("content", "");
    message.reasoning = one.value("reasoning_content", "");
    message.tool_call_id = one.value("tool_call_id", "");
    for (const ordered_json& call : one.value("tool_calls", ordered_json::array()))
      message.tool_calls.push_back({call.value("id", ""), call.at("function").at("name"),
                                    call.at("function").at("arguments").dump()});
    request.messages.push_back(std::move(message));
  }
  for (const ordered_json& one : json.value("tools", ordered_json::array())) {
    const ordered_json& function = one.at("function");
    request.tools.push_back(
        {function.at("name"), function.value("description", ""),
         function.contains("parameters") ? function.at("parameters").dump() : ""});
  }
  if (json.contains("thinking"))
    request.thinking = json.at("thinking") ? chat::Thinking::on : chat::Thinking::off;
  request.effort = json.value("effort", "");
  request.date = json.value("date", "");
  request.add_generation_prompt = json.value("add_generation_prompt", true);
  return request;
}

}  // namespace

TEST_CASE("chat driver", "[.][chat-driver]") {
  const auto file = read_file(environment("ENGRAMD_CHAT_CASES").value_or(""));
  if (!file) FAIL("ENGRAMD_CHAT_CASES: " << file.error().message);
  ordered_json answers = ordered_json::array();
  for (const ordered_json& one : ordered_json::parse(*file)) {
    const std::string text = one.at("template");
    const chat::Recognised found = chat::recognise_dialect(text);
    const chat::Dialect* dialect = one.at("dialect").is_null()
                                       ? found.dialect
                                       : chat::find_dialect(one.at("dialect").get<std::string>());
    REQUIRE(dialect != nullptr);
    const auto prompt = dialect->render(request_of(one.at("request")));
    ordered_json answer = {
        {"dialect", found.dialect->name()}, {"certain", found.certain}, {"how", found.how}};
    if (prompt)
      answer["prompt"] = prompt->text();
    else
      answer["error"] = prompt.error().message;
    answers.push_back(std::move(answer));
  }
  CHECK(write_file_atomic(environment("ENGRAMD_CHAT_PROMPTS").value_or(""), answers.dump())
            .has_value());
}
