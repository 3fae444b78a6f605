// daemon/config/settings.h - every setting, and where its value comes from.
//
// Order, weakest first: built-in default < ~/.config/engramd/config.toml < .engramd.toml in the
// repository < environment < command-line flag. A repository's file may set only what cannot harm
// the person who opened it (see SettingRow::from_repository); anything else in it is ignored and
// said in notes. Immutable after loading: any thread.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace engramd::daemon {

enum class SettingType { text, number, list };

// One setting: adding one is adding a row to kSettings (settings.cpp).
struct SettingRow {
  const char* name;  // "index.exclude": the TOML path
  SettingType type;
  const char* environment;  // "ENGRAMD_..."; null: none
  bool from_repository;     // may .engramd.toml set it?
  const char* fallback;     // default, as text ("" or a comma-separated list)
  const char* help;
};
const std::vector<SettingRow>& setting_rows();

struct SettingValue {
  std::vector<std::string> items;  // one for text and number
  std::string origin;  // "default", a file's path, "environment ENGRAMD_MODEL", "flag --model"
};

class Settings {
 public:
  const std::string& text(const std::string& name) const;
  long number(const std::string& name) const;
  const std::vector<std::string>& list(const std::string& name) const;
  const SettingValue& value(const std::string& name) const;
  const std::vector<std::string>& notes() const { return notes_; }

 private:
  friend Result<Settings> load_settings(const std::filesystem::path&,
                                        const std::map<std::string, std::string>&);
  std::map<std::string, SettingValue> values_;
  std::vector<std::string> notes_;
};

// repository: the folder whose .engramd.toml counts (empty: none). flags: setting name -> value
// as given on the command line. An unreadable or malformed user file is an error that names the
// line; a malformed repository file is only a note.
Result<Settings> load_settings(const std::filesystem::path& repository,
                               const std::map<std::string, std::string>& flags = {});

// What `--model` means: FILE.gguf, a folder with one, or http(s)://host/v1#name.
struct ModelReference {
  std::filesystem::path file;  // local weights; empty for an endpoint
  std::string endpoint, name;  // base URL without '#', and the model's name there
  bool is_endpoint() const { return !endpoint.empty(); }
};
// role: "complete" or "agent"; its own setting wins over the common one, "shipped" is the model
// that comes with engramd (unavailable when this installation has none).
Result<ModelReference> shipped_model();
Result<ModelReference> model_for(const Settings&, const std::string& role);
Result<ModelReference> parse_model_reference(const std::string& text);

}  // namespace engramd::daemon
