#include "tests/repoindex/query_stories.h"

#include <algorithm>
#include <catch2/catch.hpp>

namespace engramd::repoindex::test {

using engramd::test::Workspace;

std::unique_ptr<RepoIndex> index_of(const Workspace& ws) {
  IndexOptions options;
  options.use_cache = false;
  auto index = RepoIndex::open(ws.root(), options);
  REQUIRE(index);
  auto stats = (*index)->refresh();
  REQUIRE(stats);
  return std::move(*index);
}

View view_of(const Workspace& ws) {
  return {index_of(ws)->snapshot(), nullptr};
}

std::vector<Marked> marks_in(const Workspace& ws, std::string_view word) {
  std::vector<Marked> out;
  namespace fs = std::filesystem;
  for (const auto& entry : fs::recursive_directory_iterator(ws.root())) {
    if (!entry.is_regular_file()) continue;
    std::string path = fs::relative(entry.path(), ws.root()).generic_string();
    std::string text = ws.read(path);
    std::vector<std::string_view> lines = split_lines(text);
    for (size_t i = 1; i < lines.size(); ++i) {
      size_t first = lines[i].find('^');
      if (first == std::string_view::npos || lines[i].find(word) == std::string_view::npos)
        continue;
      size_t last = lines[i].find_first_not_of('^', first);
      if (last == std::string_view::npos) last = lines[i].size();
      size_t above = i - 1;
      while (above > 0 && lines[above].find('^') != std::string_view::npos) --above;
      out.push_back({path,
                     {static_cast<uint32_t>(above), static_cast<uint32_t>(first)},
                     std::string(lines[above].substr(first, last - first))});
    }
  }
  std::sort(out.begin(), out.end(), [](const Marked& a, const Marked& b) {
    return a.path != b.path ? a.path < b.path : a.start < b.start;
  });
  return out;
}

namespace {
Marked as_mark(const Workspace& ws, const Place& place) {
  std::string text = ws.read(place.path);
  return {place.path, place.start, text.substr(place.range.begin, place.range.size())};
}
std::string shown(const Marked& m) {
  return m.path + ":" + std::to_string(m.start.line + 1) + ":" +
         std::to_string(m.start.column + 1) + " " + m.text;
}
}  // namespace

Confidence check_definition(std::string_view text) {
  Workspace ws(text);
  View view = view_of(ws);
  std::vector<Marked> wanted = marks_in(ws, "definition");
  REQUIRE_FALSE(wanted.empty());
  auto hits = find_definitions(view, ws.cursor().path, ws.cursor().offset);
  std::vector<std::string> found;
  for (const SymbolHit& hit : hits) found.push_back(shown(as_mark(ws, hit.place)));
  std::string all;
  for (const std::string& f : found) all += f + "\n";
  INFO(std::string(text) << "\nfound:\n" << all);
  REQUIRE_FALSE(found.empty());
  for (const Marked& mark : wanted) {
    CHECK(std::find(found.begin(), found.end(), shown(mark)) != found.end());
  }
  if (wanted.size() == 1) CHECK(found[0] == shown(wanted[0]));
  return hits[0].confidence;
}

void check_definition_file(std::string_view text, std::string_view path) {
  Workspace ws(text);
  auto hits = find_definitions(view_of(ws), ws.cursor().path, ws.cursor().offset);
  INFO(std::string(text));
  REQUIRE(hits.size() == 1);
  CHECK(hits[0].place.path == path);
  CHECK(hits[0].symbol.kind == SymbolKind::file);
}

void check_references(std::string_view text) {
  Workspace ws(text);
  std::vector<std::string> wanted, found;
  for (const Marked& m : marks_in(ws, "reference")) wanted.push_back(shown(m));
  for (const ReferenceHit& hit :
       find_references(view_of(ws), ws.cursor().path, ws.cursor().offset, false)) {
    found.push_back(shown(as_mark(ws, hit.place)));
  }
  INFO(std::string(text));
  CHECK(found == wanted);
}

}  // namespace engramd::repoindex::test
