// tests/bench/agent_chat_bench.cpp - what the resident chat model does for the tool loop: how many
// replies are well-formed calls, and how much of a step's prompt was there already.
//
//   agent_chat_bench MODEL.gguf replies N [CONTEXT]         N replies, each call checked
//   agent_chat_bench MODEL.gguf reuse FOLDER [DIALECT...]   30 steps over FOLDER's files, in tokens
//                                                           of MODEL's vocabulary
//
// The weights may be random: neither figure depends on what they say.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "agent/model/resident.h"
#include "agent/tools/tool.h"
#include "base/file.h"
#include "engine/api/chat.h"

using namespace engramd;
using namespace engramd::agent;
using nlohmann::json;
namespace chat = engramd::engine::chat;

namespace {

constexpr int kSteps = 30;

std::vector<ToolDescription> all_descriptions() {
  std::vector<ToolDescription> out;
  for (const Tool& tool : all_tools()) out.push_back(tool.description);
  return out;
}

bool is_well_formed(const ToolCall& call) {
  const json arguments = json::parse(call.arguments_json, nullptr, false);
  const Tool* tool = find_tool(call.name);
  if (!arguments.is_object() || tool == nullptr) return false;
  const json schema = json::parse(tool->description.parameters_json);
  for (const json& name : schema.at("required"))
    if (!arguments.contains(name.get<std::string>())) return false;
  for (const auto& [name, value] : arguments.items()) {
    if (!schema.at("properties").contains(name)) return false;
    const std::string type = schema.at("properties").at(name).at("type");
    if (type == "string" && !value.is_string()) return false;
    if (type == "integer" && !value.is_number_integer()) return false;
  }
  return true;
}

int count_replies(const std::shared_ptr<const engine::Model>& model, int n_replies,
                  size_t context) {
  ResidentOptions options;
  options.context = context;
  options.max_completion_tokens = 256;
  options.sample.temperature = 1;
  const auto talker = make_resident_model(model, options);
  const auto tools = all_descriptions();
  const std::vector<Message> begin = {
      {Message::Role::system, "You mend programs with tools.", {}, {}},
      {Message::Role::user, "Adding an article to the basket twice counts it once.", {}, {}}};
  std::vector<Message> history = begin;
  int n_malformed = 0, n_calls = 0;
  int64_t n_tokens = 0;
  const Clock::time_point start = Clock::now();
  for (int i = 0; i < n_replies; ++i) {
    if (i % 20 == 0) history = begin, history[1].text += " (" + std::to_string(i) + ")";
    const auto reply = talker->reply(history, tools, {}, {});
    if (!reply) {
      std::fprintf(stderr, "reply %d: %s\n", i, reply.error().message.c_str());
      return 1;
    }
    const auto& calls = reply->message.calls;
    n_calls += static_cast<int>(calls.size());
    n_tokens += reply->usage.completion_tokens;
    if (calls.empty() || !std::all_of(calls.begin(), calls.end(), is_well_formed)) ++n_malformed;
    history.push_back(reply->message);
    for (const ToolCall& call : calls)
      history.push_back({Message::Role::tool, "error: there is no such file", {}, call.id});
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  std::printf("%d replies, %d calls, %d malformed; %.0f tokens a reply, %.2f s a reply\n",
              n_replies, n_calls, n_malformed, double(n_tokens) / n_replies, seconds / n_replies);
  return n_malformed == 0 ? 0 : 1;
}

// Steps as a run over a repository has them: 60 lines of a file, a search, the end of a test run.
std::vector<std::pair<chat::ToolCall, std::string>> recorded_steps(
    const std::filesystem::path& folder) {
  std::vector<std::string> texts;
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    if (entry.is_regular_file()) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (const auto& file : files)
    if (auto text = read_file(file, 1u << 20); text && text->size() > 3000) texts.push_back(*text);
  std::vector<std::pair<chat::ToolCall, std::string>> steps;
  for (int i = 0; i < kSteps && !texts.empty(); ++i) {
    const std::string& text = texts[static_cast<size_t>(i) % texts.size()];
    chat::ToolCall call{"c" + std::to_string(i), "open", ""};
    call.arguments = json{{"path", "src/file_" + std::to_string(i) + ".py"}}.dump();
    size_t n_bytes = 2400;
    if (i % 4 == 1) {
      call.name = "search";
      call.arguments = json{{"text", "count"}}.dump();
      n_bytes = 1000;
    }
    if (i % 5 == 4) {
      call.name = "run_tests";
      call.arguments = "{}";
      n_bytes = 1500;
    }
    steps.emplace_back(std::move(call), text.substr(0, n_bytes));
  }
  return steps;
}

size_t common_prefix(const std::vector<engine::TokenId>& a, const std::vector<engine::TokenId>& b) {
  return static_cast<size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first -
                             a.begin());
}

// How much of each prompt is the start of the one before. The answers themselves, which a session
// has too, are not counted. That a session computes no more than this is a test
// (tests/agent/resident_test.cpp).
int reuse(const engine::Tokenizer& tokenizer, const std::filesystem::path& folder,
          const std::vector<std::string>& dialects) {
  const auto steps = recorded_steps(folder);
  std::printf(
      "| dialect | tokens of the last prompt | of all but the first | there already | "
      "share | the least of one step |\n|---|---|---|---|---|---|\n");
  for (const std::string& name : dialects) {
    const chat::Dialect* dialect = chat::find_dialect(name);
    if (dialect == nullptr) return 2;
    chat::Request request;
    for (const Tool& tool : all_tools())
      request.tools.push_back(
          {tool.description.name, tool.description.description, tool.description.parameters_json});
    request.messages.resize(2);
    request.messages[0].role = chat::Role::system;
    request.messages[0].text = "You mend programs with tools.";
    request.messages[1].text = "Adding an article to the basket twice counts it once.";
    std::vector<engine::TokenId> before;
    size_t sum = 0, reused = 0;
    double least = 1;
    for (const auto& [call, result] : steps) {
      const auto prompt = dialect->render(request);
      if (!prompt) {
        std::fprintf(stderr, "%s: %s\n", name.c_str(), prompt.error().message.c_str());
        return 1;
      }
      const auto tokens = chat::encode(tokenizer, *prompt);
      if (!before.empty()) {
        const size_t n = common_prefix(before, tokens);
        sum += tokens.size();
        reused += n;
        least = std::min(least, double(n) / double(tokens.size()));
      }
      before = tokens;
      chat::Message turn;
      turn.role = chat::Role::assistant;
      turn.text = "I look further.";
      turn.reasoning = "The count is lost somewhere; this file may say where.";
      turn.tool_calls = {call};
      request.messages.push_back(turn);
      chat::Message answer;
      answer.role = chat::Role::tool;
      answer.text = result;
      answer.tool_call_id = call.id;
      request.messages.push_back(answer);
    }
    std::printf("| %s | %zu | %zu | %zu | %.1f %% | %.1f %% |\n", name.c_str(), before.size(), sum,
                reused, 100.0 * double(reused) / double(sum), 100 * least);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr,
                 "usage: agent_chat_bench MODEL.gguf (replies N [CONTEXT] | reuse FOLDER "
                 "[DIALECT...])\n");
    return 2;
  }
  const auto model = engine::Model::load(argv[1]);
  if (!model) {
    std::fprintf(stderr, "%s\n", model.error().message.c_str());
    return 2;
  }
  if (std::string(argv[2]) == "replies")
    return count_replies(*model, std::atoi(argv[3]),
                         argc > 4 ? static_cast<size_t>(std::atol(argv[4])) : 0);
  std::vector<std::string> dialects(argv + 4, argv + argc);
  if (dialects.empty())
    for (const auto name : engine::chat::dialect_names()) dialects.emplace_back(name);
  return reuse((*model)->tokenizer(), argv[3], dialects);
}
