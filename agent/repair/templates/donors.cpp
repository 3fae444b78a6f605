// What other code has in such a place: lines the history removed here, statements of like
// functions.
#include <algorithm>

#include "agent/repair/templates/template.h"
#include "base/text.h"

namespace engramd::agent {
namespace {

using repoindex::contains_kind;

constexpr size_t kMaxDonors = 10;

// The names of a short text, without what follows a dot.
std::vector<std::string> names_in(const std::string& text) {
  std::vector<std::string> names;
  std::string word;
  char before = ' ';
  const auto end = [&] {
    const bool digit = !word.empty() && word[0] >= '0' && word[0] <= '9';
    if (!word.empty() && !digit && before != '.' && before != '>') names.push_back(word);
    word.clear();
  };
  for (size_t i = 0; i <= text.size(); ++i) {
    const char c = i < text.size() ? text[i] : ' ';
    const bool letter =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    if (letter) {
      if (word.empty()) before = i > 0 ? text[i - 1] : ' ';
      word += c;
    } else {
      end();
    }
  }
  return names;
}

// Written in capitals: it means the same everywhere.
bool is_constant(const std::string& name) {
  return name.find('_') != std::string::npos &&
         std::none_of(name.begin(), name.end(), [](char c) { return c >= 'a' && c <= 'z'; });
}

// Whether a statement from elsewhere could mean something here, and how well it fits.
double fit(const Site& site, const std::string& statement) {
  size_t known = 0, all = 0;
  for (const std::string& name : names_in(statement)) {
    if (name.size() < 2) continue;
    ++all;
    known += one_of(name, site.scope.variables) || one_of(name, site.scope.callees) ||
             one_of(name, site.offer.callees) || site.donors.arguments_of.count(name) != 0 ||
             is_constant(name) || name == "return" || name == "if" || name == "not" ||
             name == "None" || name == "self" || name == "this" || name == "len" || name == "str" ||
             name == "raise";
  }
  return all < 2 ? 0 : static_cast<double>(known) / static_cast<double>(all);
}

void from_history(const Site& site) {
  const CodeView& code = site.code;
  const size_t i = site.node;
  const auto lines = site.donors.old_lines.find(site.path);
  if (lines == site.donors.old_lines.end()) return;
  const std::string now = code.text_of(i);
  if (now.find('\n') != std::string::npos) return;
  for (const std::string& old : lines->second) {
    const size_t longest = std::max(old.size(), now.size());
    if (edit_distance(old, now, longest) * 2 <= longest)
      site.out.replace(i, old, 1.9, "as it was before");
  }
}

}  // namespace

void propose_donors(const Site& site) {
  const CodeView& code = site.code;
  const size_t i = site.node;
  if (!code.is_statement(i) || !code.starts_its_line(i) || code.is_docstring(i)) return;
  from_history(site);
  if (code.function_of(i) == kNoNode) return;
  const std::string now = code.text_of(i);
  const std::string indent = code.indentation_at(i);
  size_t replaced = 0, inserted = 0;
  for (const std::string& statement : site.donors.statements) {
    const double fits = fit(site, statement);
    if (fits < 0.99 || statement == now) continue;
    const size_t longest = std::max(statement.size(), now.size());
    if (replaced < kMaxDonors && edit_distance(statement, now, longest) * 2 <= longest) {
      site.out.replace(i, statement, 2.5, "statement of the repository");
      ++replaced;
    } else if (inserted < kMaxDonors) {
      site.out.replace_range({code.node(i).begin, code.node(i).begin}, statement + "\n" + indent,
                             3.1, "statement of the repository");
      ++inserted;
    }
  }
}

}  // namespace engramd::agent
