#include "agent/swebench/predictions.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "agent/swebench/shell.h"
#include "base/file.h"
#include "base/text.h"

namespace engramd::agent::swebench {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr uint64_t kMaxFileBytes = 1ull << 30;

Result<Prediction> prediction_of(const json& object, const std::string& origin) {
  const auto wrong = [&](const std::string& what) {
    return fail(ErrorCode::invalid_input, origin + ": " + what);
  };
  if (!object.is_object())
    return wrong(std::string("expected an object for each prediction, found ") +
                 object.type_name());
  const auto text = [&](const char* name) -> std::string {
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->get<std::string>() : "";
  };
  Prediction prediction{text("instance_id"), text("model_name_or_path"), text("model_patch")};
  if (prediction.id.empty()) return wrong("expected instance_id, found none");
  if (prediction.model.empty()) prediction.model = "None";  // as the harness calls it
  if (const auto patch = object.find("model_patch");
      patch != object.end() && !patch->is_string() && !patch->is_null())
    return wrong(std::string("model_patch is no text, found ") + patch->type_name());
  return prediction;
}

}  // namespace

Result<std::vector<Prediction>> read_predictions(const fs::path& file) {
  ENGRAMD_TRY(const std::string text, read_file(file, kMaxFileBytes));
  const std::string name = file.filename().string();
  std::vector<Prediction> predictions;
  const json whole = json::parse(text, nullptr, false);
  if (whole.is_array() || (whole.is_object() && !whole.contains("instance_id"))) {
    for (const auto& [key, object] : whole.items()) {
      json with_id = object;
      if (whole.is_object() && with_id.is_object() && !with_id.contains("instance_id"))
        with_id["instance_id"] = key;
      ENGRAMD_TRY(Prediction prediction, prediction_of(with_id, name + ": entry " + key));
      predictions.push_back(std::move(prediction));
    }
  } else {
    size_t number = 0;
    for (size_t begin = 0; begin < text.size();) {
      const size_t end = std::min(text.find('\n', begin), text.size());
      const std::string_view line = trim(std::string_view(text).substr(begin, end - begin));
      begin = end + 1;
      ++number;
      if (line.empty()) continue;
      const std::string origin = name + ":" + std::to_string(number);
      const json object = json::parse(line, nullptr, false);
      if (object.is_discarded()) return fail(ErrorCode::invalid_input, origin + ": is no JSON");
      ENGRAMD_TRY(Prediction prediction, prediction_of(object, origin));
      predictions.push_back(std::move(prediction));
    }
  }
  std::map<std::string, size_t> seen;
  for (size_t i = 0; i < predictions.size(); ++i)
    if (!seen.try_emplace(predictions[i].id, i).second)
      return fail(ErrorCode::invalid_input, name + ": instance_id " + predictions[i].id +
                                                " occurs twice, expected each once");
  return predictions;
}

Status write_predictions(const std::vector<Prediction>& predictions, const fs::path& file) {
  std::string text;
  for (const Prediction& prediction : predictions)
    text += json{{"instance_id", prediction.id},
                 {"model_name_or_path", prediction.model},
                 {"model_patch", prediction.patch}}
                .dump(-1, ' ', false, json::error_handler_t::replace) +
            "\n";
  return write_file_atomic(file, text);
}

std::string file_name_of_model(const std::string& model) {
  std::string name = replace_all(model, "/", "__");
  std::replace(name.begin(), name.end(), '\0', '_');
  if (name.empty() || name == "." || name == "..") name = "_" + name;
  return name.substr(0, 200);
}

}  // namespace engramd::agent::swebench
