#include "daemon/cli/model_list.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "base/environment.h"
#include "base/file.h"
#include "daemon/config/settings.h"

namespace engramd::daemon::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr size_t kMaxModels = 500, kMaxEntries = 50'000;
constexpr int kMaxDepth = 6;

fs::path from_environment(const char* variable, const fs::path& otherwise) {
  const auto value = environment(variable);
  return value && !value->empty() ? fs::path(*value) : otherwise;
}

bool is_model_name(const std::string& name) {
  if (!name.ends_with(".gguf") || name.starts_with("mmproj") || name.starts_with("ggml-vocab"))
    return false;
  return name.find("-of-") == std::string::npos || name.find("-00001-of-") != std::string::npos;
}

// Every .gguf below a folder.
void add_folder(const fs::path& folder, const char* owner, std::vector<FoundModel>& found) {
  std::error_code error;
  size_t n = 0;
  for (fs::recursive_directory_iterator at(folder, fs::directory_options::skip_permission_denied,
                                           error);
       !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
    if (++n > kMaxEntries || found.size() >= kMaxModels) return;
    if (at.depth() >= kMaxDepth) at.disable_recursion_pending();
    std::error_code ignored;
    const std::string name = at->path().filename().string();
    if (is_model_name(name) && fs::is_regular_file(at->path(), ignored))
      found.push_back({at->path().stem().string(), owner, at->path()});
  }
}

// manifests/HOST/LIBRARY/NAME/TAG, a JSON file that names the blob with the weights.
void add_ollama(const fs::path& folder, std::vector<FoundModel>& found) {
  std::error_code error;
  size_t n = 0;
  for (fs::recursive_directory_iterator at(folder / "manifests",
                                           fs::directory_options::skip_permission_denied, error);
       !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
    if (++n > kMaxEntries || found.size() >= kMaxModels) return;
    if (at.depth() >= kMaxDepth) at.disable_recursion_pending();
    std::error_code ignored;
    if (!fs::is_regular_file(at->path(), ignored)) continue;
    const auto text = read_file(at->path(), 1u << 20);
    const json manifest = text ? json::parse(*text, nullptr, false) : json();
    if (!manifest.is_object() || !manifest.contains("layers") || !manifest["layers"].is_array())
      continue;
    for (const json& layer : manifest["layers"]) {
      if (!layer.is_object() || !layer.contains("digest") || !layer["digest"].is_string() ||
          layer.value("mediaType", json()) != "application/vnd.ollama.image.model")
        continue;
      std::string blob = layer["digest"].get<std::string>();
      std::replace(blob.begin(), blob.end(), ':', '-');
      if (blob.find('/') != std::string::npos) continue;
      if (const fs::path file = folder / "blobs" / blob; fs::exists(file, ignored))
        found.push_back(
            {at->path().parent_path().filename().string() + ":" + at->path().filename().string(),
             "Ollama", file});
    }
  }
}

}  // namespace

std::vector<FoundModel> find_models() {
  std::vector<FoundModel> found;
  if (const auto shipped = shipped_model())
    found.push_back({shipped->file.stem().string(), "shipped", shipped->file});
  const fs::path home = environment("HOME").value_or("/nonexistent");
  const fs::path cache = from_environment("XDG_CACHE_HOME", home / ".cache");
  add_ollama(from_environment("OLLAMA_MODELS", home / ".ollama/models"), found);
  for (const char* folder : {"/usr/share/ollama/.ollama/models", "/var/lib/ollama/models"})
    add_ollama(folder, found);
  add_folder(home / ".lmstudio/models", "LM Studio", found);
  add_folder(cache / "lm-studio/models", "LM Studio", found);
  add_folder(from_environment("LLAMA_CACHE", cache / "llama.cpp"), "llama.cpp", found);
  add_folder(
      from_environment("HF_HUB_CACHE", from_environment("HF_HOME", cache / "huggingface") / "hub"),
      "Hugging Face", found);
  // Links lead several times to one file.
  std::set<fs::path> seen;
  std::erase_if(found, [&](const FoundModel& model) {
    std::error_code error;
    const fs::path real = fs::canonical(model.file, error);
    return !seen.insert(error ? model.file : real).second;
  });
  return found;
}

}  // namespace engramd::daemon::cli
