// Lines and columns come from the facts: they are what the text says, whatever the text is, and no
// question reads a file for them.
#include <algorithm>
#include <catch2/catch.hpp>
#include <random>

#include "base/file.h"
#include "repoindex/index.h"
#include "repoindex/parse/extract.h"
#include "repoindex/query.h"
#include "repoindex/snapshot.h"
#include "repoindex/store/record.h"
#include "tests/support/workspace.h"

using namespace engramd;
using namespace engramd::repoindex;
using engramd::test::Workspace;

namespace {

// Every place that the facts tell of is where the text has it.
void check_lines(const FileFacts& facts, std::string_view text) {
  LineIndex lines(text);
  REQUIRE(facts.lines.known());
  size_t n_wrong = 0;
  auto look = [&](uint32_t offset) {
    n_wrong += facts.lines.position(offset) != lines.position(offset) ? 1 : 0;
  };
  for (const Occurrence& o : facts.occurrences) {
    look(o.begin);
    look(o.end);
  }
  for (const Symbol& s : facts.symbols) {
    for (uint32_t offset : {s.begin, s.end, s.name_begin, s.name_end}) look(offset);
  }
  CHECK(n_wrong == 0);
}

void check_stored(const FileFacts& facts, std::string_view text) {
  check_lines(facts, text);
  std::string record = encode_facts(facts);
  auto back = decode_facts(record);
  REQUIRE(back);
  check_lines(**back, text);
  CHECK(encode_facts(**back) == record);
  REQUIRE((*back)->occurrences.size() == facts.occurrences.size());
  // Names are numbered anew.
  bool same = true;
  auto name = [](const FileFacts& f, uint32_t i) { return i == kNone ? "" : f.names[i]; };
  for (size_t i = 0; i < facts.occurrences.size(); ++i) {
    const Occurrence &a = facts.occurrences[i], &b = (*back)->occurrences[i];
    same = same && a.begin == b.begin && a.end == b.end && a.role == b.role && a.scope == b.scope &&
           name(facts, a.name) == name(**back, b.name) &&
           (a.receiver == kNone) == (b.receiver == kNone) &&
           name(facts, a.receiver) == name(**back, b.receiver);
  }
  CHECK(same);
}

}  // namespace

TEST_CASE("lines: every language's sample comes back from the store with its lines") {
  size_t n = 0;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(engramd::test::fixtures() / "languages")) {
    if (!entry.is_regular_file()) continue;
    auto text = read_file(entry.path());
    REQUIRE(text);
    auto facts = extract_facts(entry.path().filename().string(), *text);
    if (facts->language.empty()) continue;
    INFO(entry.path().string());
    check_stored(*facts, *text);
    // The same with other line ends.
    std::string dos;
    for (char c : *text) dos += c == '\n' ? "\r\n" : std::string(1, c);
    check_stored(*extract_facts(entry.path().filename().string(), dos), dos);
    ++n;
  }
  CHECK(n > 20);
}

TEST_CASE("lines: names that overlap, repeat or run over lines come back") {
  std::mt19937 random(41);
  for (int round = 0; round < 300; ++round) {
    std::string text;
    for (unsigned i = 0, n = random() % 400; i < n; ++i) {
      text += random() % 9 == 0 ? '\n' : random() % 40 == 0 ? '\r' : 'a';
    }
    FileFacts facts;
    facts.language = "python";
    facts.n_bytes = static_cast<uint32_t>(text.size());
    facts.lines = LineMap(text);
    for (unsigned i = 0; i < 5; ++i) facts.names.push_back(std::string(i, 'a'));
    auto range = [&](unsigned most, uint32_t* begin, uint32_t* end) {
      *begin = static_cast<uint32_t>(random() % (text.size() + 1));
      *end = std::min<uint32_t>(*begin + random() % most, facts.n_bytes);
    };
    for (unsigned i = 0, n = random() % 40; i < n; ++i) {
      Symbol s;
      range(200, &s.begin, &s.end);
      s.name_begin = s.begin + (s.end - s.begin) / 3;
      s.name_end = s.begin + (s.end - s.begin) / 2;
      s.name = facts.names[random() % 5];
      if (i > 0 && random() % 3 == 0) s.parent = random() % i;
      facts.symbols.push_back(s);
    }
    for (unsigned i = 0, n = random() % 60; i < n; ++i) {
      Occurrence o;
      range(random() % 4 == 0 ? 100 : 6, &o.begin, &o.end);
      o.name = random() % 5;
      o.role = static_cast<Role>(random() % 6);
      if (random() % 2 == 0) o.receiver = random() % 5;
      if (!facts.symbols.empty() && random() % 3 != 0) o.scope = random() % facts.symbols.size();
      facts.occurrences.push_back(o);
    }
    std::stable_sort(facts.occurrences.begin(), facts.occurrences.end(),
                     [](const auto& a, const auto& b) { return a.begin < b.begin; });
    check_stored(facts, text);
  }
}

TEST_CASE("lines: facts without lines come back without") {
  auto known = extract_facts("a.py", "x = 1\ny = x\n");
  FileFacts facts = *known;
  facts.lines = LineMap();
  auto back = decode_facts(encode_facts(facts));
  REQUIRE(back);
  CHECK_FALSE((*back)->lines.known());
  CHECK((*back)->occurrences.size() == known->occurrences.size());
}

TEST_CASE("lines: no question reads a file to say where something is") {
  Workspace ws(R"(
//- /core.py


class Core:
    def run(self):
        pass
//- /app.py
from core import Core

  # indented
core = Core(); core.run()
)");
  auto cache = TemporaryFolder::make("lines");
  IndexOptions options;
  options.cache_folder = cache->path();
  {
    auto index = RepoIndex::open(ws.root(), options);
    REQUIRE((*index)->refresh());
  }
  auto index = RepoIndex::open(ws.root(), options);
  REQUIRE(index);
  REQUIRE((*index)->refresh());
  View view{(*index)->snapshot(), nullptr};
  std::string app = ws.read("app.py");
  std::filesystem::remove(ws.path("core.py"));
  std::filesystem::remove(ws.path("app.py"));

  auto found = find_definitions(view, "app.py", app.rfind("run"));
  REQUIRE(found.size() == 1);
  CHECK(found[0].place.start == LineColumn{3, 8});
  CHECK(found[0].full_start == LineColumn{3, 4});
  CHECK(found[0].full_end.line == 4);
  auto symbols = workspace_symbols(view, "Core", 10);
  REQUIRE(!symbols.empty());
  CHECK(symbols[0].place.start == LineColumn{2, 6});
  auto uses = references_of(view, "Core");
  REQUIRE(uses.size() == 3);
  CHECK(uses[1].place.start == LineColumn{3, 7});
  CHECK(uses[1].place.end == LineColumn{3, 11});
}
