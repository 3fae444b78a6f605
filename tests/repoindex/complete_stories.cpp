#include "tests/repoindex/complete_stories.h"

#include <algorithm>
#include <catch2/catch.hpp>

namespace engramd::repoindex::test {

namespace {

std::string shown(std::string_view text, const std::vector<std::string>& names) {
  std::string out = std::string(text) + "\nfound:";
  for (size_t i = 0; i < std::min<size_t>(names.size(), 30); ++i) out += " " + names[i];
  return out;
}

bool holds(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

CandidateList completed(std::string_view text) {
  engramd::test::Workspace ws(text);
  const auto index = index_of(ws);
  // As an editor has it: the file is open, what is typed is not saved.
  auto document = Document::open(ws.cursor().path, ws.read(ws.cursor().path), 1);
  Overlay overlay;
  overlay[ws.cursor().path] = document->publish();
  const View view{index->snapshot(), std::make_shared<const Overlay>(std::move(overlay))};
  return complete_at(view, ws.cursor().path, ws.cursor().offset);
}

std::vector<std::string> names_of(const CandidateList& list) {
  std::vector<std::string> names;
  for (const Candidate& item : list.items) names.push_back(item.name);
  return names;
}

void check_first(std::string_view text, const std::vector<std::string>& wanted) {
  std::vector<std::string> names = names_of(completed(text));
  INFO(shown(text, names));
  names.resize(std::min(names.size(), wanted.size()));
  CHECK(names == wanted);
}

void check_has(std::string_view text, const std::vector<std::string>& wanted) {
  const std::vector<std::string> names = names_of(completed(text));
  INFO(shown(text, names));
  for (const std::string& name : wanted) {
    INFO(name);
    CHECK(holds(names, name));
  }
}

void check_lacks(std::string_view text, const std::vector<std::string>& unwanted) {
  const std::vector<std::string> names = names_of(completed(text));
  INFO(shown(text, names));
  CHECK_FALSE(names.empty());
  for (const std::string& name : unwanted) {
    INFO(name);
    CHECK_FALSE(holds(names, name));
  }
}

void check_only(std::string_view text, std::vector<std::string> wanted) {
  std::vector<std::string> names = names_of(completed(text));
  INFO(shown(text, names));
  std::sort(names.begin(), names.end());
  std::sort(wanted.begin(), wanted.end());
  CHECK(names == wanted);
}

void check_nothing(std::string_view text) {
  const std::vector<std::string> names = names_of(completed(text));
  INFO(shown(text, names));
  CHECK(names.empty());
}

}  // namespace engramd::repoindex::test
