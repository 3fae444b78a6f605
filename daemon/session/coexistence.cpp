#include "daemon/session/coexistence.h"

#include "repoindex/languages/language.h"

namespace engramd::daemon {
namespace {

// "shellscript" and "bash" are one language.
std::string row_of(const std::string& language) {
  const auto* row = repoindex::find_language(language);
  return row == nullptr ? language : row->name;
}

}  // namespace

void Coexistence::configure(const lsp::EditorSettings& settings) {
  if (!settings.navigation.empty()) {
    navigation_.clear();
    for (const auto& [language, navigation] : settings.navigation)
      navigation_[row_of(language)] = navigation;
  }
  if (settings.servers_for) {
    servers_for_.clear();
    for (const std::string& language : *settings.servers_for) servers_for_.insert(row_of(language));
  }
}

void Coexistence::report(const std::string& key, const std::string& language,
                         const std::vector<lsp::Sibling>& servers) {
  if (servers.empty()) return forget(key);
  Report report;
  report.language = language;
  for (const lsp::Sibling& server : servers) {
    if (server.methods.empty()) report.everything = true;
    report.methods.insert(server.methods.begin(), server.methods.end());
  }
  reports_[key] = std::move(report);
}

lsp::Navigation Coexistence::navigation_for(const std::string& language) const {
  auto at = navigation_.find(language);
  if (at == navigation_.end()) at = navigation_.find("*");
  return at == navigation_.end() ? lsp::Navigation::automatic : at->second;
}

bool Coexistence::leaves(const std::string& key, const std::string& language,
                         const std::string& method) const {
  const lsp::Navigation navigation = navigation_for(language);
  if (navigation != lsp::Navigation::automatic) return navigation == lsp::Navigation::off;
  if (servers_for_.count(language) > 0) return true;
  const auto at = reports_.find(key);
  return at != reports_.end() && at->second.answers(method);
}

bool Coexistence::leaves_language(const std::string& language, const std::string& method) const {
  const lsp::Navigation navigation = navigation_for(language);
  if (navigation != lsp::Navigation::automatic) return navigation == lsp::Navigation::off;
  if (servers_for_.count(language) > 0) return true;
  for (const auto& [key, report] : reports_)
    if (report.language == language && report.answers(method)) return true;
  return false;
}

}  // namespace engramd::daemon
