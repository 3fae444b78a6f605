#include "agent/loop/trajectory.h"

#include <nlohmann/json.hpp>

#include "agent/model/message_json.h"
#include "agent/tools/tool.h"
#include "base/file.h"

namespace engramd::agent {
namespace {

using nlohmann::json;

constexpr const char* kFormat = "engramd-trajectory-1";
constexpr uint64_t kMaxBytes = 256u << 20;

std::string indented(const std::string& text) {
  std::string out = "    ";
  for (const char c : text) {
    out += c;
    if (c == '\n') out += "    ";
  }
  while (out.ends_with(' ')) out.pop_back();
  if (!out.ends_with('\n')) out += '\n';
  return out;
}

}  // namespace

Status save_trajectory(const Trajectory& t, const std::filesystem::path& file) {
  json out = {{"format", kFormat},
              {"task", t.task},
              {"repo", t.repo},
              {"model", t.model},
              {"test_command", t.test_command},
              {"messages", json::array()},
              {"steps", json::array()},
              {"changed", t.changed},
              {"base_hashes", t.base_hashes},
              {"usage", to_json(t.usage)},
              {"exit", t.exit},
              {"patch", t.patch}};
  for (const Message& message : t.messages) out["messages"].push_back(to_json(message));
  for (const TrajectoryStep& step : t.steps)
    out["steps"].push_back({{"tool", step.tool},
                            {"arguments", step.arguments_json},
                            {"ok", step.ok},
                            {"seconds", step.seconds}});
  return write_file_atomic(file, out.dump(1, ' ', false, json::error_handler_t::replace) + "\n",
                           0600, true);
}

Result<Trajectory> load_trajectory(const std::filesystem::path& file) {
  ENGRAMD_TRY(const std::string text, read_file(file, kMaxBytes));
  const json value = json::parse(text, nullptr, false);
  const auto wrong = [&](const std::string& what) {
    return fail(ErrorCode::corrupt, file.string() + " is not a trajectory: " + what);
  };
  if (!value.is_object() || value.value("format", json()) != kFormat)
    return wrong(std::string("expected a JSON object with the format ") + kFormat);
  Trajectory t;
  // Types are checked by the library, which throws; the file is foreign input.
  try {
    t.task = value.at("task").get<std::string>();
    t.repo = value.at("repo").get<std::string>();
    t.model = value.at("model").get<std::string>();
    t.test_command = value.at("test_command").get<std::string>();
    for (const json& item : value.at("messages")) {
      ENGRAMD_TRY(Message message, message_from_json(item));
      t.messages.push_back(std::move(message));
    }
    for (const json& item : value.at("steps"))
      t.steps.push_back({item.at("tool").get<std::string>(),
                         item.at("arguments").get<std::string>(), item.at("ok").get<bool>(),
                         item.at("seconds").get<double>()});
    t.changed = value.at("changed").get<std::map<std::string, std::string>>();
    t.base_hashes = value.at("base_hashes").get<std::map<std::string, std::string>>();
    t.usage = usage_from_json(value.at("usage"));
    t.exit = value.at("exit").get<std::string>();
    t.patch = value.at("patch").get<std::string>();
  } catch (const json::exception& error) {
    return wrong(error.what());
  }
  return t;
}

std::string readable(const Trajectory& t, size_t max_bytes_per_step) {
  std::string out = "repository: " + t.repo + "\nmodel:      " + t.model + "\n";
  if (!t.test_command.empty()) out += "tests:      " + t.test_command + "\n";
  out += "\ntask\n" + indented(capped(t.task, max_bytes_per_step));
  size_t step = 0;
  for (const Message& message : t.messages) {
    switch (message.role) {
      case Message::Role::assistant:
        if (!message.text.empty())
          out += "\nmodel\n" + indented(capped(message.text, max_bytes_per_step));
        for (const ToolCall& call : message.calls)
          out += "\nstep " + std::to_string(++step) + ": " + call.name + " " +
                 capped(call.arguments_json, max_bytes_per_step) + "\n";
        break;
      case Message::Role::tool:
        out += indented(capped(message.text, max_bytes_per_step));
        break;
      default:
        break;
    }
  }
  out +=
      "\nexit: " + (t.exit.empty() ? std::string("(was cut off; --resume continues it)") : t.exit);
  out += ", " + std::to_string(t.usage.prompt_tokens) + " prompt and " +
         std::to_string(t.usage.completion_tokens) + " completion tokens\n";
  if (!t.patch.empty()) out += "\n" + t.patch;
  return out;
}

}  // namespace engramd::agent
