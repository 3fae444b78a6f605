#include "agent/repair/mutate.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <tuple>

#include "agent/repair/siblings.h"
#include "agent/repair/templates/template.h"
#include "base/text.h"

namespace engramd::agent {
namespace {

// The outermost function, so that closures see the names around them; 0 is the whole file.
size_t scope_node(const CodeView& code, size_t i) {
  size_t function = 0;
  for (size_t at = i; at != kNoNode; at = code.parent(at))
    if (repoindex::contains_kind(code.kinds.function, code.node(at).kind)) function = at;
  return function;
}

// A kind of mistake is about as frequent on a line whether there is one way to undo it there or
// sixty: they share it. In units of the order per factor of four; on 38 real fixes and 37 programs
// of QuixBugs anything from 0.2 to 0.5 helps. Fewer than four ways count as four: a rare template
// with a single candidate shall not go ahead of usual ones on all other lines.
constexpr double kShared = 0.3, kFewest = 1;
constexpr double kUsual = 1.5;  // eight ways: so many change nothing

void share(std::vector<Candidate>& candidates) {
  std::map<std::pair<uint32_t, std::string_view>, size_t> n_alike;
  for (const Candidate& candidate : candidates) ++n_alike[{candidate.line, candidate.kind}];
  for (Candidate& candidate : candidates) {
    const auto n = static_cast<double>(n_alike[{candidate.line, candidate.kind}]);
    candidate.order += kShared * (std::max(kFewest, std::log2(n) / 2) - kUsual);
  }
}

// Equal lines close by are often wrong together, and then no test turns green before all of them
// are changed. For likely edits only, and so many of them: each copies the whole file.
constexpr double kSiblingCost = 0.4, kMaxSiblingCost = 2.0;
constexpr size_t kMaxSiblings = 300, kMaxAsked = 1000;

void add_siblings(const std::string& text, std::vector<Candidate>& candidates) {
  const LineIndex lines(text);
  const auto line_of = [&](uint32_t line) {
    const ByteRange range = lines.line_range(line, text);
    return trim(std::string_view(text).substr(range.begin, range.size()));
  };
  std::map<std::string_view, size_t> n_equal;
  for (uint32_t line = 0; line < lines.line_count(); ++line) ++n_equal[line_of(line)];
  std::set<std::tuple<size_t, size_t, std::string>> seen;
  const size_t n = candidates.size();
  size_t n_asked = 0;
  for (size_t i = 0; i < n && seen.size() < kMaxSiblings && n_asked < kMaxAsked; ++i) {
    if (candidates[i].cost > kMaxSiblingCost || n_equal[line_of(candidates[i].line)] < 2) continue;
    ++n_asked;
    const auto whole = at_siblings(text, candidates[i]);
    if (!whole) continue;
    const size_t shorter = std::min(text.size(), whole->size());
    size_t head = 0, tail = 0;
    while (head < shorter && text[head] == (*whole)[head]) ++head;
    while (tail < shorter - head &&
           text[text.size() - 1 - tail] == (*whole)[whole->size() - 1 - tail])
      ++tail;
    Candidate all = candidates[i];
    all.edit = {{head, text.size() - tail}, whole->substr(head, whole->size() - head - tail)};
    all.kind = "the same edit of equal lines";
    all.cost += kSiblingCost;
    all.order += kSiblingCost;
    if (seen.emplace(all.edit.range.begin, all.edit.range.end, all.edit.replacement).second)
      candidates.push_back(std::move(all));
  }
}

struct Row {
  const repoindex::Language* language = nullptr;
  const Spelling* spelling = nullptr;
};
Result<Row> row_for(const std::string& path, const std::string& text) {
  Row row;
  row.language = repoindex::language_for_path(path, text);
  if (row.language == nullptr)
    return fail(ErrorCode::unsupported, path + ": no language of the table");
  row.spelling = find_spelling(row.language->name);
  if (row.spelling == nullptr || row.language->edit.statement.empty())
    return fail(ErrorCode::unsupported,
                path + ": edits of " + row.language->name + " are not proposed");
  return row;
}

}  // namespace

Result<std::vector<Candidate>> mutate(const std::string& path, const std::string& text,
                                      const std::function<double(uint32_t line)>& suspicion,
                                      const MutateOptions& options) {
  ENGRAMD_TRY(const Row row, row_for(path, text));
  ENGRAMD_TRY(FlatTree tree, FlatTree::parse(text, row.language->name));
  const CodeView code(text, std::move(tree), *row.language, *row.spelling);
  const Offer offer = collect_offer(code, options.donors);
  Proposals out(path, code, 2 * std::max<size_t>(options.max_candidates, 50));
  std::map<size_t, Scope> scopes;  // by function node
  for (size_t i = 0; i < code.tree.size(); ++i) {
    if (!code.node(i).named) continue;
    const double here = suspicion(code.line_of(i));
    if (here <= 0) continue;
    out.set_suspicion(here);
    const size_t function = scope_node(code, i);
    auto scope = scopes.find(function);
    if (scope == scopes.end())
      scope = scopes.emplace(function, collect_scope(code, function, options.max_donors)).first;
    const Site site{code, scope->second, offer, options.hints,     options.donors,
                    path, out,           i,     options.max_donors};
    for (const TemplateFamily& family : template_families()) family.propose(site);
  }
  std::vector<Candidate> candidates = out.take();
  share(candidates);
  const auto sort = [&] {
    std::stable_sort(candidates.begin(), candidates.end(),
                     [](const Candidate& a, const Candidate& b) { return a.order < b.order; });
  };
  sort();
  add_siblings(text, candidates);
  sort();
  if (candidates.size() > options.max_candidates) candidates.resize(options.max_candidates);
  return candidates;
}

void add_donors(const std::string& path, const std::string& text, Donors& donors) {
  const auto row = row_for(path, text);
  if (!row) return;
  auto tree = FlatTree::parse(text, row->language->name);
  if (!tree) return;
  collect_donors(CodeView(text, std::move(*tree), *row->language, *row->spelling), donors);
}

}  // namespace engramd::agent
