#include "agent/swebench/task_folder.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/file.h"

namespace engramd::agent::swebench {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr uint64_t kMaxYamlBytes = 1u << 20, kMaxTextBytes = 64u << 20;
constexpr size_t kMaxTasks = 100'000;

Result<YAML::Node> load_yaml(const fs::path& file, const std::string& name) {
  ENGRAMD_TRY(const std::string text, read_file(file, kMaxYamlBytes));
  try {
    YAML::Node node = YAML::Load(text);
    if (!node.IsMap()) return fail(ErrorCode::invalid_input, name + ": expected a map of fields");
    return node;
  } catch (const YAML::Exception& error) {
    return fail(ErrorCode::invalid_input,
                name + ":" + std::to_string(error.mark.line + 1) + ": is no YAML: " + error.msg);
  }
}

// Texts and lists of texts; other things are for the harness's images.
void copy_fields(const YAML::Node& from, json& to) {
  for (const auto& entry : from) {
    if (!entry.first.IsScalar()) continue;
    const std::string& name = entry.first.Scalar();
    if (entry.second.IsScalar()) {
      to[name] = entry.second.Scalar();
    } else if (entry.second.IsSequence()) {
      json list = json::array();
      for (const YAML::Node& item : entry.second)
        if (item.IsScalar()) list.push_back(item.Scalar());
      to[name] = std::move(list);
    }
  }
}

Result<Instance> read_task(const fs::path& folder, const std::string& name) {
  ENGRAMD_TRY(const YAML::Node task, load_yaml(folder / "task.yaml", name + "/task.yaml"));
  json object = json::object();
  copy_fields(task, object);
  const auto add_file = [&](const char* field, const char* file, bool needed) -> Status {
    std::error_code error;
    if (!fs::exists(folder / file, error)) {
      if (needed)
        return fail(ErrorCode::invalid_input,
                    name + ": expected the file " + file + ", found none");
      return {};
    }
    ENGRAMD_TRY(std::string text, read_file(folder / file, kMaxTextBytes));
    object[field] = std::move(text);
    return {};
  };
  ENGRAMD_CHECK(add_file("problem_statement", "problem_statement.md", true));
  ENGRAMD_CHECK(add_file("hints_text", "hints.md", false));
  ENGRAMD_CHECK(add_file("patch", "gold.patch", true));
  ENGRAMD_CHECK(add_file("test_patch", "test.patch", true));
  ENGRAMD_CHECK(add_file("eval_script", "eval.sh", false));
  ENGRAMD_TRY(const std::string tests, read_file(folder / "tests.json", kMaxTextBytes));
  const json lists = json::parse(tests, nullptr, false);
  if (!lists.is_object())
    return fail(ErrorCode::invalid_input,
                name + "/tests.json: expected an object with FAIL_TO_PASS and PASS_TO_PASS");
  object.update(lists);
  const std::string text = object.dump(-1, ' ', false, json::error_handler_t::replace);
  ENGRAMD_TRY(Instance instance, instance_from_json(text, name));
  if (instance.id != folder.filename())
    return fail(ErrorCode::invalid_input, name + ": task.yaml says instance_id " + instance.id +
                                              ", expected the folder's name");
  return instance;
}

bool has(const std::vector<std::string>& list, const std::string& text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

Result<std::vector<std::string>> strings_in(const YAML::Node& map, const char* field,
                                            const std::string& name) {
  std::vector<std::string> items;
  const YAML::Node list = map[field];
  if (!list) return items;
  if (!list.IsSequence())
    return fail(ErrorCode::invalid_input, name + ": " + field + " is no list");
  for (const YAML::Node& item : list)
    if (item.IsScalar()) items.push_back(item.Scalar());
  return items;
}

}  // namespace

Result<std::vector<Instance>> read_task_folder(const fs::path& folder) {
  std::error_code error;
  if (!fs::is_directory(folder / "tasks", error))
    return fail(ErrorCode::invalid_input,
                folder.string() + " is no task repository: expected a folder tasks/ in it");
  std::vector<std::string> splits = {"test"};
  if (fs::exists(folder / "sweb.yaml", error)) {
    ENGRAMD_TRY(const YAML::Node config, load_yaml(folder / "sweb.yaml", "sweb.yaml"));
    ENGRAMD_TRY(auto named, strings_in(config, "splits", "sweb.yaml"));
    if (!named.empty()) splits = std::move(named);
  }
  std::vector<fs::path> folders;
  for (const auto& entry : fs::directory_iterator(folder / "tasks", error))
    if (fs::exists(entry.path() / "task.yaml", error)) folders.push_back(entry.path());
  if (folders.size() > kMaxTasks)
    return fail(ErrorCode::exhausted,
                "more than " + std::to_string(kMaxTasks) + " tasks in " + folder.string());
  std::sort(folders.begin(), folders.end());
  std::vector<Instance> instances;
  for (const fs::path& task : folders) {
    ENGRAMD_TRY(Instance instance, read_task(task, "tasks/" + task.filename().string()));
    if (instance.split.empty() || has(splits, instance.split))
      instances.push_back(std::move(instance));
  }
  return instances;
}

}  // namespace engramd::agent::swebench
