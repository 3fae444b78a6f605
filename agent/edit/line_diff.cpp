#include "agent/edit/line_diff.h"

#include <algorithm>
#include <cstdint>
#include <unordered_map>

#include "agent/edit/lines.h"

namespace engramd::agent {
namespace {

constexpr size_t kMaxTable = 4u << 20;  // cells of a comparison table; beyond it, one big change

using Pairs = std::vector<std::pair<size_t, size_t>>;

struct Gap {
  size_t a_begin, a_end, b_begin, b_end;
};

class Comparison {
 public:
  Comparison(const std::vector<std::string_view>& a, const std::vector<std::string_view>& b) {
    std::unordered_map<std::string_view, uint32_t> ids;
    const auto numbered = [&](const std::vector<std::string_view>& lines) {
      std::vector<uint32_t> out;
      out.reserve(lines.size());
      for (const std::string_view line : lines)
        out.push_back(ids.try_emplace(line, static_cast<uint32_t>(ids.size())).first->second);
      return out;
    };
    a_ = numbered(a);
    b_ = numbered(b);
    n_ids_ = ids.size();
  }

  Pairs run() {
    seen_.assign(n_ids_, {});
    // An explicit stack: a hostile text must not become deep recursion.
    std::vector<Gap> pending{{0, a_.size(), 0, b_.size()}};
    while (!pending.empty()) {
      Gap gap = pending.back();
      pending.pop_back();
      while (gap.a_begin < gap.a_end && gap.b_begin < gap.b_end &&
             a_[gap.a_begin] == b_[gap.b_begin])
        pairs_.emplace_back(gap.a_begin++, gap.b_begin++);
      while (gap.a_begin < gap.a_end && gap.b_begin < gap.b_end &&
             a_[gap.a_end - 1] == b_[gap.b_end - 1])
        pairs_.emplace_back(--gap.a_end, --gap.b_end);
      const size_t n = gap.a_end - gap.a_begin, m = gap.b_end - gap.b_begin;
      if (n == 0 || m == 0) continue;
      if (n * m <= 4096) {
        by_table(gap);
        continue;
      }
      const Pairs anchors = unique_in_both(gap);
      if (anchors.empty()) {
        if (n * m <= kMaxTable) by_table(gap);
        continue;
      }
      size_t from_a = gap.a_begin, from_b = gap.b_begin;
      for (const auto& [i, j] : anchors) {
        pending.push_back({from_a, i, from_b, j});
        pairs_.emplace_back(i, j);
        from_a = i + 1;
        from_b = j + 1;
      }
      pending.push_back({from_a, gap.a_end, from_b, gap.b_end});
    }
    std::sort(pairs_.begin(), pairs_.end());
    return std::move(pairs_);
  }

 private:
  struct Seen {
    uint32_t n_a = 0, n_b = 0, at_a = 0, at_b = 0;
  };

  // Lines that stand once on each side of the gap, and of them the longest chain that rises in
  // both.
  Pairs unique_in_both(const Gap& gap) {
    for (size_t i = gap.a_begin; i < gap.a_end; ++i) {
      Seen& seen = seen_[a_[i]];
      ++seen.n_a;
      seen.at_a = static_cast<uint32_t>(i);
    }
    for (size_t j = gap.b_begin; j < gap.b_end; ++j) {
      Seen& seen = seen_[b_[j]];
      ++seen.n_b;
      seen.at_b = static_cast<uint32_t>(j);
    }
    Pairs candidates;
    for (size_t i = gap.a_begin; i < gap.a_end; ++i) {
      const Seen& seen = seen_[a_[i]];
      if (seen.n_a == 1 && seen.n_b == 1) candidates.emplace_back(i, seen.at_b);
    }
    for (size_t i = gap.a_begin; i < gap.a_end; ++i) seen_[a_[i]] = {};
    for (size_t j = gap.b_begin; j < gap.b_end; ++j) seen_[b_[j]] = {};

    std::vector<size_t> tops;  // of piles: index into candidates
    std::vector<size_t> before(candidates.size(), SIZE_MAX);
    for (size_t k = 0; k < candidates.size(); ++k) {
      const auto pile =
          std::lower_bound(tops.begin(), tops.end(), candidates[k].second,
                           [&](size_t top, size_t j) { return candidates[top].second < j; });
      if (pile != tops.begin()) before[k] = *(pile - 1);
      if (pile == tops.end())
        tops.push_back(k);
      else
        *pile = k;
    }
    Pairs chain;
    for (size_t k = tops.empty() ? SIZE_MAX : tops.back(); k != SIZE_MAX; k = before[k])
      chain.push_back(candidates[k]);
    std::reverse(chain.begin(), chain.end());
    return chain;
  }

  void by_table(const Gap& gap) {
    const size_t n = gap.a_end - gap.a_begin, m = gap.b_end - gap.b_begin;
    // Longest common subsequence, from the end so that the walk below goes forward.
    table_.assign((n + 1) * (m + 1), 0);
    const auto at = [&](size_t i, size_t j) -> uint32_t& { return table_[i * (m + 1) + j]; };
    for (size_t i = n; i-- > 0;)
      for (size_t j = m; j-- > 0;)
        at(i, j) = a_[gap.a_begin + i] == b_[gap.b_begin + j]
                       ? at(i + 1, j + 1) + 1
                       : std::max(at(i + 1, j), at(i, j + 1));
    for (size_t i = 0, j = 0; i < n && j < m;) {
      if (a_[gap.a_begin + i] == b_[gap.b_begin + j])
        pairs_.emplace_back(gap.a_begin + i++, gap.b_begin + j++);
      else if (at(i + 1, j) >= at(i, j + 1))
        ++i;
      else
        ++j;
    }
  }

  std::vector<uint32_t> a_, b_;
  size_t n_ids_ = 0;
  std::vector<Seen> seen_;
  std::vector<uint32_t> table_;
  Pairs pairs_;
};

}  // namespace

std::vector<std::string_view> whole_lines(std::string_view text) {
  std::vector<std::string_view> lines;
  for (size_t begin = 0; begin < text.size();) {
    size_t end = text.find('\n', begin);
    end = end == std::string_view::npos ? text.size() : end + 1;
    lines.push_back(text.substr(begin, end - begin));
    begin = end;
  }
  return lines;
}

std::vector<std::pair<size_t, size_t>> common_lines(const std::vector<std::string_view>& a,
                                                    const std::vector<std::string_view>& b) {
  return Comparison(a, b).run();
}

std::string quoted_changes(std::string_view before, std::string_view after, size_t max_lines) {
  const std::vector<Line> lines = lines_of(after);
  std::vector<bool> shown(lines.size(), false);
  size_t old_line = 0, new_line = 0;
  const auto change_until = [&](size_t a, size_t b) {
    if (a > old_line || b > new_line)
      for (size_t i = new_line == 0 ? 0 : new_line - 1; i < std::min(b + 1, lines.size()); ++i)
        shown[i] = true;
    old_line = a + 1;
    new_line = b + 1;
  };
  const std::vector<std::string_view> a = whole_lines(before), b = whole_lines(after);
  for (const auto& [i, j] : common_lines(a, b)) change_until(i, j);
  change_until(a.size(), b.size());
  std::string out;
  size_t n = 0, last = 0;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (!shown[i]) continue;
    if (n == max_lines) return out + "\n... more lines changed";
    if (n > 0 && i != last + 1) out += "\n...";
    out += quoted_lines(lines, i, 1);
    last = i;
    ++n;
  }
  return out;
}

}  // namespace engramd::agent
