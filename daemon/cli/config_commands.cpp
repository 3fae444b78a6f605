// config show: every setting and its origin.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>

#include "daemon/cli/command.h"

namespace engramd::daemon::cli {
namespace {

using nlohmann::json;

std::string joined(const std::vector<std::string>& items) {
  std::string text;
  for (const std::string& item : items) text += (text.empty() ? "" : ", ") + item;
  return text;
}

Result<int> show(const CommonOptions& common, bool with_origin) {
  ENGRAMD_TRY(const Settings settings, settings_for(common));
  if (common.json) {
    json out = json::object();
    for (const SettingRow& row : setting_rows()) {
      const SettingValue& value = settings.value(row.name);
      out[row.name] = {
          {"value", row.type == SettingType::list ? json(value.items) : json(joined(value.items))},
          {"origin", value.origin}};
    }
    out["notes"] = settings.notes();
    std::cout << out.dump(2, ' ', false, json::error_handler_t::replace) << '\n';
    return 0;
  }
  for (const SettingRow& row : setting_rows()) {
    const SettingValue& value = settings.value(row.name);
    std::printf("%-22s %-28s", row.name, joined(value.items).c_str());
    if (with_origin) std::printf(" %s", value.origin.c_str());
    std::printf("\n");
  }
  for (const std::string& note : settings.notes()) std::printf("note: %s\n", note.c_str());
  return 0;
}

}  // namespace

Action define_config(CLI::App& app) {
  struct Options : CommonOptions {
    std::string verb;
    bool origin = false;
  };
  auto options = std::make_shared<Options>();
  app.add_option("verb", options->verb, "show")->required()->check(CLI::IsMember({"show"}));
  app.add_flag("--origin", options->origin, "say where each value comes from");
  add_repo_option(app, *options);
  add_model_option(app, *options);
  add_json_option(app, *options);
  return [options] { return show(*options, options->origin); };
}

}  // namespace engramd::daemon::cli
