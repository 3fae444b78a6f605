// agent/repair/templates/template.h - what one template family is.
//
// A family looks at one node and adds the edits that it knows for it. It decides by itself whether
// the node concerns it and says nothing otherwise. To add one: a file in this folder, a row in
// table.cpp, a row in tests/agent/templates_test.cpp. Costs: 1.0 is the commonest kind of real
// mistake, 3.5 the rarest worth a trial; a unit is about a factor of four in frequency.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "agent/repair/code_view.h"
#include "agent/repair/offer.h"
#include "agent/repair/proposals.h"

namespace engramd::agent {

struct Site {
  const CodeView& code;
  const Scope& scope;
  const Offer& offer;
  const Hints& hints;
  const Donors& donors;
  const std::string& path;
  Proposals& out;
  size_t node = 0;
  size_t max_donors = 24;
};

struct TemplateFamily {
  std::string_view name;
  void (*propose)(const Site& site);
};
std::span<const TemplateFamily> template_families();

void propose_operators(const Site& site);
void propose_constants(const Site& site);
void propose_conditions(const Site& site);
void propose_names(const Site& site);
void propose_calls(const Site& site);
void propose_arguments(const Site& site);
void propose_collections(const Site& site);
void propose_expressions(const Site& site);
void propose_assignments(const Site& site);
void propose_statements(const Site& site);
void propose_guards(const Site& site);
void propose_strings(const Site& site);
void propose_regexes(const Site& site);
void propose_exceptions(const Site& site);
void propose_missing_words(const Site& site);
void propose_library(const Site& site);
void propose_definitions(const Site& site);
void propose_donors(const Site& site);
void propose_branches(const Site& site);
void propose_presence(const Site& site);
void propose_rows(const Site& site);

}  // namespace engramd::agent
