#include "agent/model/resident.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <thread>

#include "agent/tools/tool.h"
#include "engine/api/chat.h"
#include "repoindex/index.h"
#include "repoindex/snapshot.h"
#include "tests/engine/model_writer.h"
#include "tests/support/workspace.h"

using namespace engramd;
using namespace engramd::agent;
using nlohmann::json;

namespace {

// Random weights: what they say means nothing, so only the grammar can make it well formed.
std::shared_ptr<const engine::Model> random_model(size_t context,
                                                  const std::string& chat_template = "") {
  engine::test::RandomModel shape;
  shape.n_layers = 1;
  shape.d_model = 32;
  shape.n_heads = 2;
  shape.n_kv_heads = 1;
  shape.head_dim = 16;
  shape.n_experts = 4;
  shape.width = shape.shared_width = 32;
  shape.context_length = context;
  auto writer = engine::test::random_model(shape);
  if (!chat_template.empty()) writer.key_string("tokenizer.chat_template", chat_template);
  const engine::test::TemporaryModel file(writer.bytes());
  engine::LoadOptions load;
  load.n_threads = 1;
  auto model = engine::Model::load(file.path(), load);
  if (!model) FAIL(model.error().message);
  return *model;
}

std::vector<ToolDescription> tools() {
  std::vector<ToolDescription> out;
  for (const Tool& tool : all_tools()) out.push_back(tool.description);
  return out;
}

std::vector<Message> question(const std::string& task = "The basket counts twice.") {
  return {{Message::Role::system, "You mend programs.", {}, {}},
          {Message::Role::user, task, {}, {}}};
}

ChatReply ask(ChatModel& model, const std::vector<Message>& history,
              const std::vector<ToolDescription>& offered) {
  auto reply = model.reply(history, offered, {}, {});
  if (!reply) FAIL(reply.error().message);
  return *reply;
}

// Why a call is not one that the tools allow; empty when it is.
std::string problem_of(const ToolCall& call, const std::vector<ToolDescription>& offered) {
  const auto arguments = json::parse(call.arguments_json, nullptr, false);
  if (!arguments.is_object()) return "no object: " + call.arguments_json;
  for (const ToolDescription& tool : offered) {
    if (tool.name != call.name) continue;
    const json schema = json::parse(tool.parameters_json);
    for (const json& name : schema.at("required"))
      if (!arguments.contains(name.get<std::string>())) return name.dump() + " is missing";
    for (const auto& [name, value] : arguments.items()) {
      if (!schema.at("properties").contains(name)) return name + " is unknown";
      const std::string type = schema.at("properties").at(name).at("type");
      const bool fits = type == "string"    ? value.is_string()
                        : type == "boolean" ? value.is_boolean()
                                            : value.is_number_integer();
      if (!fits) return name + " is no " + type;
    }
    return {};
  }
  return "there is no tool " + call.name;
}

// A run of steps with the results that real tools might give. Returns the replies' usage.
std::vector<Usage> run_steps(ChatModel& model, std::vector<Message> history, int n_steps,
                             size_t result_bytes) {
  const auto offered = tools();
  std::vector<Usage> usage;
  for (int step = 0; step < n_steps; ++step) {
    const ChatReply reply = ask(model, history, offered);
    usage.push_back(reply.usage);
    REQUIRE_FALSE(reply.message.calls.empty());
    history.push_back(reply.message);
    for (const ToolCall& call : reply.message.calls) {
      INFO(call.name << ' ' << call.arguments_json);
      REQUIRE(problem_of(call, offered).empty());
      std::string text = "result " + std::to_string(step) + '\n';
      while (text.size() < result_bytes) text += "    return self._counts.get(article, 0)\n";
      history.push_back({Message::Role::tool, text, {}, call.id});
    }
  }
  return usage;
}

constexpr const char* kQwenTemplate = "<|im_start|> <tool_call> <think>";

}  // namespace

TEST_CASE("every reply is a well-formed call, in every dialect, whatever the weights say") {
  const auto model = random_model(32768);
  for (const std::string_view name : engine::chat::dialect_names()) {
    INFO(name);
    ResidentOptions options;
    options.dialect = engine::chat::find_dialect(name);
    options.max_completion_tokens = 96;
    options.sample.temperature = 1.5f;
    options.sample.seed = 7;
    const auto resident = make_resident_model(model, options);
    for (const Usage& usage : run_steps(*resident, question(), 4, 200)) {
      CHECK(usage.completion_tokens > 0);
      // One try of the limit to talk, one to call, and the last, which has an end of its own.
      CHECK(usage.completion_tokens < 2 * 96 + 600);
    }
  }
}

TEST_CASE("a model that knows the repository writes what it would have written without") {
  const test::Workspace ws("//- /a.py\ndef get(self, article):\n    return self._counts\n");
  auto index = repoindex::RepoIndex::open(ws.root(), {.cache_folder = {}, .use_cache = false});
  REQUIRE(index);
  REQUIRE((*index)->refresh());
  const auto model = random_model(32768);
  const auto written = [&](bool guesses) {
    ResidentOptions options;
    options.max_completion_tokens = 64;
    options.sample.seed = 11;
    options.speculation = options.always_learn = guesses;
    const auto resident = make_resident_model(model, options);
    int n_asked = 0;
    resident->know_repository([&]() -> Result<repoindex::View> {
      ++n_asked;
      return repoindex::View{(*index)->snapshot(), nullptr, nullptr};
    });
    CHECK(n_asked == (guesses ? 1 : 0));
    // A repository that cannot be opened is no reason not to answer.
    if (guesses)
      resident->know_repository(
          []() -> Result<repoindex::View> { return fail(ErrorCode::not_found, "gone"); });
    std::vector<Message> history = question();
    std::string all;
    for (int step = 0; step < 3; ++step) {
      const ChatReply reply = ask(*resident, history, tools());
      all += reply.message.text + '\n';
      history.push_back(reply.message);
      for (const ToolCall& call : reply.message.calls) {
        all += call.name + call.arguments_json + '\n';
        history.push_back({Message::Role::tool, "def get(self, article):\n", {}, call.id});
      }
    }
    return all;
  };
  CHECK(written(true) == written(false));
}

TEST_CASE("a step computes only what is new") {
  ResidentOptions options;
  options.max_completion_tokens = 64;
  const auto resident = make_resident_model(random_model(65536), options);
  const auto usage = run_steps(*resident, question(std::string(3000, 'x')), 8, 300);
  CHECK(usage[0].cached_tokens == 0);
  for (size_t i = 1; i < usage.size(); ++i) {
    INFO(i);
    // The last resort asks with a message more, behind which the tail is read again.
    CHECK(usage[i].cached_tokens >= usage[i - 1].prompt_tokens - 16);
    CHECK(usage[i].cached_tokens * 10 >= usage[i].prompt_tokens * 8);
  }
}

TEST_CASE("the same seed gives the same run, also from the middle of it") {
  const auto model = random_model(32768, kQwenTemplate);
  ResidentOptions options;
  options.max_completion_tokens = 48;
  options.sample.temperature = 1;
  auto history = question();
  const auto first = make_resident_model(model, options);
  const ChatReply one = ask(*first, history, tools());
  history.push_back(one.message);
  for (const ToolCall& call : one.message.calls)
    history.push_back({Message::Role::tool, "nothing", {}, call.id});
  const ChatReply two = ask(*first, history, tools());
  const auto resumed = make_resident_model(model, options);
  const ChatReply again = ask(*resumed, history, tools());
  REQUIRE(again.message.calls.size() == two.message.calls.size());
  CHECK(again.message.calls[0].arguments_json == two.message.calls[0].arguments_json);
  options.sample.seed = 99;
  const ChatReply other = ask(*make_resident_model(model, options), question(), tools());
  CHECK(other.message.calls[0].name + other.message.calls[0].arguments_json !=
        one.message.calls[0].name + one.message.calls[0].arguments_json);
}

TEST_CASE("a conversation that outgrows the context is shortened, and goes on") {
  ResidentOptions options;
  options.max_completion_tokens = 256;
  const auto resident = make_resident_model(random_model(8192), options);
  const auto usage = run_steps(*resident, question(), 12, 1500);
  for (const Usage& one : usage) CHECK(one.prompt_tokens <= 8192 - 256);
  size_t n_reused_mostly = 0;
  for (size_t i = 1; i < usage.size(); ++i)
    n_reused_mostly += usage[i].cached_tokens * 2 > usage[i].prompt_tokens ? 1 : 0;
  CHECK(n_reused_mostly >= 7);  // shortening is done by much at a time
}

TEST_CASE("where the tools do not fit their signatures are shown, and a short call ends") {
  ResidentOptions options;
  options.context = 1600;  // of a vocabulary whose every byte is a token
  const auto model = make_resident_model(random_model(2048), options);
  const auto usage = run_steps(*model, question(std::string(5000, 'x')), 5, 3000);
  for (const Usage& one : usage) CHECK(one.prompt_tokens <= 1600 - 533);
}

TEST_CASE("what cannot fit is said before anything is computed") {
  ResidentOptions options;
  options.context = 64;
  const auto model = make_resident_model(random_model(2048), options);
  const auto reply = model->reply(question(), tools(), {}, {});
  REQUIRE_FALSE(reply);
  CHECK(reply.error().code == ErrorCode::exhausted);
  CHECK(reply.error().message.find("the model's context has 64") != std::string::npos);
}

TEST_CASE("without tools the answer is text, in pieces that make up the whole") {
  ResidentOptions options;
  options.max_completion_tokens = 32;
  const auto model = make_resident_model(random_model(4096), options);
  std::string pieces;
  const auto reply =
      model->reply(question(), {}, [&](std::string_view piece) { pieces += piece; }, {});
  REQUIRE(reply);
  CHECK(reply->message.calls.empty());
  CHECK(reply->message.text == pieces);
  CHECK(reply->usage.completion_tokens <= 32);
}

TEST_CASE("a cancel ends a reply within a second") {
  ResidentOptions options;
  options.max_completion_tokens = 200'000;
  options.sample.temperature = 1;
  const auto model = make_resident_model(random_model(1 << 20), options);
  CancelSource source;
  std::thread later([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    source.cancel();
  });
  const Clock::time_point start = Clock::now();
  const auto reply = model->reply(question(), {}, {}, source.token());
  later.join();
  const auto took = Clock::now() - start;
  // Random weights may end a text early; then there is nothing to cancel.
  if (!reply) CHECK(reply.error().code == ErrorCode::cancelled);
  CHECK(took < std::chrono::milliseconds(1100));
}

TEST_CASE("a schema that no grammar can hold is said by name, not guessed") {
  const std::vector<ToolDescription> odd = {
      {"odd", "",
       R"({"type":"object","properties":{"x":{"not":{"type":"null"}}},"required":["x"]})"}};
  const auto model = make_resident_model(random_model(4096));
  const auto reply = model->reply(question(), odd, {}, {});
  REQUIRE_FALSE(reply);
  CHECK(reply.error().message.find("not") != std::string::npos);
}

TEST_CASE("a file says what it can: completing, chatting, calling tools") {
  const ChatAbility base = chat_ability(random_model(512)->tokenizer());
  CHECK_FALSE(base.chats);
  CHECK_FALSE(base.calls_tools);
  CHECK(base.why.find("no template") != std::string::npos);
  const ChatAbility instruct = chat_ability(random_model(512, kQwenTemplate)->tokenizer());
  CHECK(instruct.calls_tools);
  CHECK(instruct.dialect == "qwen3");
}
