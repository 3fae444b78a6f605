// daemon/session/coexistence.h - which questions engramd leaves to other servers.
//
// A server cannot see its siblings. Editors with a plugin of ours report, for each document, the
// servers that are attached to it and what they answer; in other editors the user names the
// languages that have one. With navigation "auto" a question that a sibling answers is left to it
// (our answer is empty, so nothing appears twice), with "always" nothing is left, with "off"
// everything is. What only engramd answers is never left. A session changes a copy and publishes
// it: any thread may read a published one.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "lsp/protocol/editor_settings.h"

namespace engramd::daemon {

class Coexistence {
 public:
  // Takes what is given and keeps the rest.
  void configure(const lsp::EditorSettings& settings);
  // key: the document's normalised URI; language: a row of the language table, may be empty.
  void report(const std::string& key, const std::string& language,
              const std::vector<lsp::Sibling>& servers);
  void forget(const std::string& key) { reports_.erase(key); }

  bool leaves(const std::string& key, const std::string& language, const std::string& method) const;
  // For answers about no single document: whether a sibling of some open document of this language
  // gives them too.
  bool leaves_language(const std::string& language, const std::string& method) const;

 private:
  struct Report {
    std::string language;
    bool everything = false;  // of navigation
    std::set<std::string> methods;
    bool answers(const std::string& method) const {
      return everything || methods.count(method) > 0;
    }
  };
  lsp::Navigation navigation_for(const std::string& language) const;

  std::map<std::string, lsp::Navigation> navigation_;  // by row of the language table, "*"
  std::set<std::string> servers_for_;
  std::map<std::string, Report> reports_;  // as many as documents are open
};

}  // namespace engramd::daemon
