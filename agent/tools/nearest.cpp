#include "agent/tools/nearest.h"

#include <algorithm>
#include <cctype>

namespace engramd::agent {
namespace {

std::string lower(std::string_view text) {
  std::string out(text.substr(0, 200));
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

// Letters to insert, remove, replace or swap with their neighbour; more than limit is limit + 1.
size_t distance(const std::string& a, const std::string& b, size_t limit) {
  if (a.size() > b.size() + limit || b.size() > a.size() + limit) return limit + 1;
  std::vector<size_t> two(b.size() + 1), one(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) one[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    size_t least = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] =
          std::min({row[j - 1] + 1, one[j] + 1, one[j - 1] + (a[i - 1] == b[j - 1] ? 0u : 1u)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], two[j - 2] + 1);
      least = std::min(least, row[j]);
    }
    if (least > limit) return limit + 1;
    std::swap(two, one);
    std::swap(one, row);
  }
  return one[b.size()];
}

std::string_view base_name(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

}  // namespace

std::vector<std::string> nearest_names(std::string_view wanted,
                                       const std::vector<std::string>& names, size_t limit) {
  const std::string want = lower(wanted);
  const size_t most = std::max<size_t>(want.size() / 3, 1);
  std::vector<std::pair<size_t, const std::string*>> near;
  for (const std::string& name : names) {
    const std::string known = lower(name);
    size_t d = distance(want, known, most);
    // "area" for "total_area": part of it counts as near.
    if (d > most && want.size() >= 4 && known.find(want) != std::string::npos) d = most;
    if (d <= most) near.emplace_back(d, &name);
  }
  std::sort(near.begin(), near.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first < b.first : *a.second < *b.second;
  });
  std::vector<std::string> out;
  for (size_t i = 0; i < near.size() && out.size() < limit; ++i)
    if (out.empty() || out.back() != *near[i].second) out.push_back(*near[i].second);
  return out;
}

std::vector<std::string> nearest_paths(std::string_view wanted,
                                       const std::vector<std::string>& paths, size_t limit) {
  const std::string want = lower(base_name(wanted)), whole = lower(wanted);
  const size_t most = std::max<size_t>(want.size() / 4, 1);
  struct Near {
    size_t rank = 0, folders = 0;
    const std::string* path = nullptr;
  };
  std::vector<Near> near;
  for (const std::string& path : paths) {
    const std::string name = lower(base_name(path));
    const size_t d = name == want ? 0 : distance(want, name, most);
    if (d > most) continue;
    // Of equal names the one whose folders are most alike.
    const std::string known = lower(path);
    size_t common = 0;
    while (common < std::min(known.size(), whole.size()) &&
           known[known.size() - 1 - common] == whole[whole.size() - 1 - common])
      ++common;
    size_t head = 0;
    while (head < std::min(known.size(), whole.size()) && known[head] == whole[head]) ++head;
    near.push_back({d, 1000 - std::min<size_t>(common + head, 1000), &path});
  }
  std::sort(near.begin(), near.end(), [](const Near& a, const Near& b) {
    if (a.rank != b.rank) return a.rank < b.rank;
    return a.folders != b.folders ? a.folders < b.folders : *a.path < *b.path;
  });
  std::vector<std::string> out;
  for (size_t i = 0; i < near.size() && out.size() < limit; ++i) out.push_back(*near[i].path);
  return out;
}

}  // namespace engramd::agent
