// Rows of a table: an element that should be what other rows have there, a row in the wrong order.
#include <algorithm>

#include "agent/repair/templates/template.h"

namespace engramd::agent {
namespace {

using repoindex::contains_kind;

constexpr std::string_view kLists[] = {"list", "array", "tuple", "initializer_list",
                                       "literal_value"};
constexpr size_t kMaxRows = 200, kMaxMoved = 60, kMaxOthers = 12;

bool is_row(const CodeView& code, size_t i) {
  return one_of(code.kind_of(i), kLists) || contains_kind(code.kinds.call, code.kind_of(i));
}
std::vector<size_t> elements_of(const CodeView& code, size_t row) {
  return contains_kind(code.kinds.call, code.kind_of(row)) ? code.arguments_of(row)
                                                           : code.named_children(row);
}

// What other rows have in this column.
void column(const Site& site) {
  const CodeView& code = site.code;
  const size_t row = site.node, table = code.parent(row);
  if (table == kNoNode || !one_of(code.kind_of(table), kLists)) return;
  const std::vector<size_t> rows = code.named_children(table), own = elements_of(code, row);
  if (rows.size() < 3 || rows.size() > kMaxRows || own.size() < 2 || own.size() > 8) return;
  for (size_t k = 0; k < own.size(); ++k) {
    const std::string now = code.text_of(own[k]);
    std::vector<std::string> others;
    for (const size_t other : rows) {
      if (other == row || code.kind_of(other) != code.kind_of(row)) continue;
      const std::vector<size_t> theirs = elements_of(code, other);
      if (theirs.size() != own.size() || others.size() >= kMaxOthers) continue;
      const std::string text = code.text_of(theirs[k]);
      if (text.size() > 40 || text.find('\n') != std::string::npos || text == now) continue;
      if (std::find(others.begin(), others.end(), text) != others.end()) continue;
      others.push_back(text);
    }
    // A column in which every row has something of its own has nothing to copy.
    if (others.size() * 2 > rows.size()) continue;
    for (const std::string& other : others)
      site.out.replace(own[k], other, 2.0, "as other rows have it");
  }
}

// Where the first row that fits is taken, their order matters.
void moved(const Site& site) {
  const CodeView& code = site.code;
  const size_t row = site.node, table = code.parent(row);
  if (table == kNoNode || !one_of(code.kind_of(table), kLists)) return;
  if (!is_row(code, row) || !code.starts_its_line(row)) return;
  const std::vector<size_t> rows = code.named_children(table);
  const auto here = std::find(rows.begin(), rows.end(), row);
  if (rows.size() < 3 || rows.size() > kMaxMoved || here == rows.end()) return;
  const size_t at = static_cast<size_t>(here - rows.begin());
  const std::string now = code.text_of(row);
  if (now.size() > 300) return;
  for (size_t to = 0; to < rows.size(); ++to) {
    if (to == at) continue;
    const size_t first = std::min(at, to), last = std::max(at, to);
    const size_t begin = code.node(rows[first]).begin, end = code.node(rows[last]).end;
    if (end - begin > 3000 || !code.starts_its_line(rows[to])) continue;
    // The separators stay where they are, and the rows go one place on.
    std::vector<size_t> order;
    for (size_t k = first; k <= last; ++k)
      if (k != at) order.push_back(rows[k]);
    order.insert(to < at ? order.begin() : order.end(), row);
    std::string text;
    for (size_t k = first; k <= last; ++k) {
      text += code.text_of(order[k - first]);
      if (k < last)
        text += code.text.substr(code.node(rows[k]).end,
                                 code.node(rows[k + 1]).begin - code.node(rows[k]).end);
    }
    const double distance = static_cast<double>(last - first);
    site.out.replace_range({begin, end}, text, 2.5 + std::min(0.5, 0.05 * distance), "move a row");
  }
}

}  // namespace

void propose_rows(const Site& site) {
  if (!is_row(site.code, site.node)) return;
  column(site);
  moved(site);
}

}  // namespace engramd::agent
