#include "repoindex/complete/habits.h"

#include <algorithm>
#include <vector>

#include "repoindex/query/project/paths.h"
#include "repoindex/query/resolve.h"

namespace engramd::repoindex {

namespace {

constexpr size_t kMaxFiles = 24;     // whose facts are read
constexpr size_t kMaxListed = 2000;  // files with the word that are looked at by their paths
constexpr double kThisFile = 3, kOtherFile = 1, kMostOfFile = 6;

uint32_t id_of(const FileFacts& facts, std::string_view name) {
  for (uint32_t i = 0; i < facts.names.size(); ++i) {
    if (facts.names[i] == name) return i;
  }
  return kNone;
}

void add_file(const FileFacts& facts, std::string_view word, size_t cursor, double weight,
              Habits& habits) {
  const uint32_t id = id_of(facts, word);
  if (id == kNone) return;
  std::unordered_map<uint32_t, double> n_of_name;
  for (const Occurrence& o : facts.occurrences) {
    if (o.receiver != id || (o.begin <= cursor && cursor <= o.end)) continue;
    double& n = n_of_name[o.name];
    if (weight < kThisFile && n >= kMostOfFile) continue;
    n += weight;
    if (o.role == Role::call) habits[facts.names[o.name]].is_call = true;
  }
  for (const auto& [name, n] : n_of_name) habits[facts.names[name]].weight += n;
}

}  // namespace

Habits habits_behind(const View& view, const std::string& path, const FileFacts& facts,
                     std::string_view word, size_t cursor, bool this_file_only) {
  Habits habits;
  if (word.empty()) return habits;
  add_file(facts, word, cursor, kThisFile, habits);
  if (this_file_only || view.snapshot == nullptr) return habits;
  std::string_view plain = word;
  while (!plain.empty() && (plain.back() == ')' || plain.back() == '(' || plain.back() == ']' ||
                            plain.back() == '[')) {
    plain.remove_suffix(1);
  }
  std::vector<std::pair<size_t, const FileEntry*>> near;
  size_t n = 0;
  view.snapshot->files_with_name(plain, [&](const FileEntry& file) {
    const bool other =
        file.path != path && same_family(view.snapshot->summary(file).language, facts.language);
    if (other) near.emplace_back(shared_folders(file.path, path), &file);
    return ++n < kMaxListed;
  });
  const size_t kept = std::min(near.size(), kMaxFiles);
  std::partial_sort(near.begin(), near.begin() + static_cast<ptrdiff_t>(kept), near.end(),
                    [](const auto& a, const auto& b) {
                      return a.first != b.first ? a.first > b.first : a.second < b.second;
                    });
  for (size_t i = 0; i < kept; ++i) {
    if (const FileFactsPtr there = view.facts(near[i].second->path)) {
      add_file(*there, word, SIZE_MAX, kOtherFile, habits);
    }
  }
  return habits;
}

Habits members_in_file(const FileFacts& facts, size_t cursor) {
  Habits habits;
  for (const Occurrence& o : facts.occurrences) {
    if (o.receiver == kNone || (o.begin <= cursor && cursor <= o.end)) continue;
    Habit& habit = habits[facts.names[o.name]];
    habit.weight += 1;
    habit.is_call = habit.is_call || o.role == Role::call;
  }
  return habits;
}

}  // namespace engramd::repoindex
