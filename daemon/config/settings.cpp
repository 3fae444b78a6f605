#include "daemon/config/settings.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <stdexcept>

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include "base/environment.h"
#include "base/file.h"
#include "base/text.h"

namespace engramd::daemon {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMaxConfigBytes = 1u << 20;

std::vector<std::string> split_list(const std::string& text) {
  std::vector<std::string> items;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    const std::string_view item = trim(std::string_view(text).substr(begin, end - begin));
    if (!item.empty()) items.emplace_back(item);
    begin = end + 1;
  }
  return items;
}

const SettingRow* find_row(const std::string& name) {
  for (const SettingRow& row : setting_rows())
    if (name == row.name) return &row;
  return nullptr;
}

bool is_number(const std::string& text) {
  long value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value >= 0;
}

Result<SettingValue> read_text_value(const SettingRow& row, const std::string& text,
                                     std::string origin) {
  if (row.type == SettingType::number && !is_number(text))
    return fail(ErrorCode::invalid_input,
                origin + ": " + row.name + " is \"" + text + "\", expected a number of 0 or more");
  SettingValue value{{}, std::move(origin)};
  if (row.type == SettingType::list)
    value.items = split_list(text);
  else
    value.items = {text};
  return value;
}

Result<SettingValue> read_toml_value(const SettingRow& row, const toml::node& node,
                                     const std::string& origin) {
  const auto wrong = [&](const char* expected) {
    return fail(ErrorCode::invalid_input, origin + ":" + std::to_string(node.source().begin.line) +
                                              ": " + row.name + " has another type, expected " +
                                              expected);
  };
  SettingValue value{{}, origin};
  switch (row.type) {
    case SettingType::text:
      if (!node.is_string()) return wrong("a string");
      value.items = {*node.value<std::string>()};
      return value;
    case SettingType::number:
      if (!node.is_integer() || *node.value<int64_t>() < 0) return wrong("a number of 0 or more");
      value.items = {std::to_string(*node.value<int64_t>())};
      return value;
    case SettingType::list:
      if (!node.is_array()) return wrong("a list of strings");
      for (const toml::node& item : *node.as_array()) {
        if (!item.is_string()) return wrong("a list of strings");
        value.items.push_back(*item.value<std::string>());
      }
      return value;
  }
  return wrong("something else");
}

// Visits every leaf of a TOML table as ("a.b.c", node).
void for_each_leaf(const toml::table& table, const std::string& prefix, int depth,
                   const std::function<void(const std::string&, const toml::node&)>& visit) {
  if (depth > 8) return;
  for (const auto& [key, node] : table) {
    const std::string name = prefix + std::string(key.str());
    if (const toml::table* inner = node.as_table())
      for_each_leaf(*inner, name + ".", depth + 1, visit);
    else
      visit(name, node);
  }
}

// Reads one file into values. Unknown names are notes, so that an older engramd reads a newer file.
Status read_file_into(const fs::path& path, bool is_repository,
                      std::map<std::string, SettingValue>& values,
                      std::vector<std::string>& notes) {
  std::error_code error;
  if (!fs::exists(path, error)) return {};
  ENGRAMD_TRY(const std::string text, read_file(path, kMaxConfigBytes));
  const toml::parse_result parsed = toml::parse(text, path.string());
  if (!parsed)
    return fail(ErrorCode::invalid_input, path.string() + ":" +
                                              std::to_string(parsed.error().source().begin.line) +
                                              ": " + std::string(parsed.error().description()));
  Status status;
  for_each_leaf(parsed.table(), "", 0, [&](const std::string& name, const toml::node& node) {
    const SettingRow* row = find_row(name);
    if (row == nullptr) {
      notes.push_back(path.string() + ": there is no setting \"" + name + "\"; ignored");
    } else if (is_repository && !row->from_repository) {
      notes.push_back(path.string() + ": \"" + name + "\" cannot be set by a repository; ignored");
    } else if (auto value = read_toml_value(*row, node, path.string()); value) {
      values[name] = std::move(*value);
    } else if (status) {
      status = fail(value.error());
    }
  });
  return status;
}

}  // namespace

const std::vector<SettingRow>& setting_rows() {
  using T = SettingType;
  static const std::vector<SettingRow> rows = {
      {"model", T::text, "ENGRAMD_MODEL", false, "shipped",
       "the model: FILE.gguf, a folder with one, http(s)://host/v1#name, or \"shipped\""},
      {"complete.model", T::text, "ENGRAMD_COMPLETE_MODEL", false, "",
       "the model for completions, when it differs"},
      {"complete.sources", T::text, "ENGRAMD_COMPLETE_SOURCES", false, "both",
       "who decides the text of completions: both, memory (of the repository) or network"},
      {"agent.model", T::text, "ENGRAMD_AGENT_MODEL", false, "",
       "the model for the agent, when it differs"},
      {"agent.test", T::text, "ENGRAMD_TEST", true, "", "the test command, run in the sandbox"},
      {"agent.test_report", T::text, "ENGRAMD_TEST_REPORT", true, "",
       "where it leaves JUnit XML or TAP, in the project: \"build/**/TEST-*.xml\""},
      {"agent.sandbox", T::text, "ENGRAMD_SANDBOX", false, "auto",
       "auto, bwrap or landlock; container or none only when you say so yourself"},
      {"agent.mode", T::text, "ENGRAMD_MODE", false, "auto",
       "what the agent may do unasked: read-only, ask, accept-edits, auto (sandbox only)"},
      {"agent.rules", T::list, nullptr, false, "",
       "rules about commands: \"allow git log\", \"ask git push\", \"deny rm -rf\""},
      {"agent.api_key_env", T::text, nullptr, false, "OPENAI_API_KEY",
       "name of the environment variable that holds the endpoint's key"},
      {"agent.temperature", T::text, "ENGRAMD_TEMPERATURE", false, "",
       "0 to 2; empty: the endpoint's default, 0.6 for a local file"},
      {"agent.max_completion_tokens", T::number, nullptr, false, "0",
       "of one reply; 0: the endpoint's default, 4096 for a local file"},
      {"agent.context", T::number, nullptr, false, "0",
       "a local file: tokens of a conversation; 0: the model's"},
      {"agent.timeout_seconds", T::number, nullptr, false, "300",
       "how long an endpoint may send nothing"},
      {"agent.prices", T::text, nullptr, false, "",
       "of a million tokens: INPUT,CACHED,OUTPUT, as in \"3,0.3,15\"; empty: unknown"},
      {"net.proxy", T::text, nullptr, false, "",
       "http://host:port; empty: HTTPS_PROXY and HTTP_PROXY; \"none\": no proxy"},
      {"net.no_proxy", T::list, nullptr, false, "", "hosts without a proxy, besides NO_PROXY"},
      {"net.ca_file", T::text, "ENGRAMD_CA_FILE", false, "",
       "PEM file of a private certificate authority, besides the system's"},
      {"engine.threads", T::number, "ENGRAMD_THREADS", false, "0",
       "compute threads; 0: all hardware threads"},
      {"engine.speculation", T::number, "ENGRAMD_SPECULATION", false, "1",
       "1: several tokens are guessed and computed together, the text is the same; 0: not"},
      {"index.include", T::list, nullptr, true, "", "gitignore-style patterns; empty: everything"},
      {"index.exclude", T::list, nullptr, true, "", "gitignore-style patterns"},
      {"daemon.idle_minutes", T::number, "ENGRAMD_IDLE_MINUTES", false, "30",
       "the daemon ends after this long without an attachment; 0: never"},
      {"log.level", T::text, "ENGRAMD_LOG", false, "warning", "debug, info, warning, error or off"},
  };
  return rows;
}

const SettingValue& Settings::value(const std::string& name) const {
  const auto found = values_.find(name);
  if (found == values_.end()) throw std::logic_error("no setting named " + name);
  return found->second;
}

const std::string& Settings::text(const std::string& name) const {
  static const std::string empty;
  const SettingValue& found = value(name);
  return found.items.empty() ? empty : found.items.front();
}

long Settings::number(const std::string& name) const {
  const std::string& digits = text(name);
  long result = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), result);
  return result;
}

const std::vector<std::string>& Settings::list(const std::string& name) const {
  return value(name).items;
}

Result<Settings> load_settings(const fs::path& repository,
                               const std::map<std::string, std::string>& flags) {
  Settings settings;
  for (const SettingRow& row : setting_rows()) {
    ENGRAMD_TRY(settings.values_[row.name], read_text_value(row, row.fallback, "default"));
  }
  ENGRAMD_CHECK(
      read_file_into(config_folder() / "config.toml", false, settings.values_, settings.notes_));
  if (!repository.empty()) {
    auto values = settings.values_;
    if (Status read = read_file_into(repository / ".engramd.toml", true, values, settings.notes_))
      settings.values_ = std::move(values);
    else
      settings.notes_.push_back(read.error().message + "; the whole file is ignored");
  }
  for (const SettingRow& row : setting_rows()) {
    if (row.environment == nullptr) continue;
    if (const auto text = environment(row.environment)) {
      ENGRAMD_TRY(settings.values_[row.name],
                  read_text_value(row, *text, std::string("environment ") + row.environment));
    }
  }
  for (const auto& [name, text] : flags) {
    const SettingRow* row = find_row(name);
    if (row == nullptr) return fail(ErrorCode::invalid_input, "there is no setting " + name);
    const std::string flag = name.substr(name.rfind('.') + 1);
    ENGRAMD_TRY(settings.values_[name], read_text_value(*row, text, "flag --" + flag));
  }
  return settings;
}

Result<ModelReference> parse_model_reference(const std::string& text) {
  ModelReference reference;
  if (text.starts_with("http://") || text.starts_with("https://")) {
    const size_t hash = text.find('#');
    reference.endpoint = text.substr(0, hash);
    while (reference.endpoint.ends_with('/')) reference.endpoint.pop_back();
    if (hash != std::string::npos) reference.name = text.substr(hash + 1);
    if (reference.name.empty())
      return fail(ErrorCode::invalid_input,
                  "model endpoint " + text + " names no model, expected https://host/v1#name");
    return reference;
  }
  fs::path path(text);
  if (text.starts_with("~/"))
    if (const auto home = environment("HOME")) path = fs::path(*home) / text.substr(2);
  std::error_code error;
  if (fs::is_directory(path, error)) {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(path, error))
      // Of a file in parts the first one names the others.
      if (const std::string name = entry.path().filename().string();
          name.ends_with(".gguf") &&
          (name.find("-of-") == std::string::npos || name.find("-00001-of-") != std::string::npos))
        found.push_back(entry.path());
    if (found.empty() && fs::exists(path / "config.json", error)) found.push_back(path);
    if (found.size() != 1)
      return fail(ErrorCode::not_found,
                  "model folder " + path.string() + " holds " + std::to_string(found.size()) +
                      " models (.gguf, or a config.json with safetensors), expected one");
    path = found.front();
  }
  if (!fs::exists(path, error))
    return fail(ErrorCode::not_found, "model file " + path.string() + " does not exist");
  reference.file = fs::absolute(path, error);
  return reference;
}

Result<ModelReference> model_for(const Settings& settings, const std::string& role) {
  // A flag on the command line means every role, whatever a file says of one of them.
  std::string text = settings.text(role + ".model");
  if (text.empty() || settings.value("model").origin.starts_with("flag"))
    text = settings.text("model");
  return text == "shipped" ? shipped_model() : parse_model_reference(text);
}

Result<ModelReference> shipped_model() {
  ModelReference reference;
  reference.file = shipped_file("models/engramd-small.gguf");
  if (reference.file.empty())
    return fail(ErrorCode::unavailable,
                "this installation has no shipped model (models/engramd-small.gguf); "
                "give one with --model FILE.gguf");
  return reference;
}

}  // namespace engramd::daemon
