// A segment says what its blobs say, however it came to be: built, merged, written, mapped. And a
// damaged one is an error or says less, and never ends the process.
#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <random>

#include "base/file.h"
#include "base/hash.h"
#include "repoindex/index.h"
#include "repoindex/snapshot.h"
#include "repoindex/store/facts_lru.h"
#include "repoindex/store/file_table.h"
#include "repoindex/store/postings.h"
#include "repoindex/store/segment_writer.h"

using namespace engramd;
using namespace engramd::repoindex;

namespace {

std::string blob_id_of(size_t number) {
  std::string id = std::to_string(number);
  return std::string(40 - id.size(), '0') + id;
}

struct Source {
  const char* path;
  std::string text;
};

std::vector<Source> sources() {
  return {
      {"a.py", "import os\nclass A(B):\n  def f(self, x):\n    return os.g(x.y)\n\ndef g(): ...\n"},
      {"b.cpp",
       "namespace n { struct S { int f(int x); }; int S::f(int x) { return x + g(); } }\n"},
      {"c.ts", "export class C { f(a: A): B { return a.b().c } }\n"},
      {"d.json", "{\"k\": {\"k\": 1, \"f\": [true]}}\n"},
      {"e.txt", "no language at all\n"},
      {"f.py", ""},
      {"g.go",
       "package p\nfunc (s *S) F(x int) int { return g(x) }\nfunc g(x int) int { return x }\n"},
      {"h.py", "def \xC3\xA9t\xC3\xA9(): return f(f(f(1)))\n"},
  };
}

EncodedBlob blob(size_t number, const Source& source) {
  return encode_blob(blob_id_of(number), *extract_facts(source.path, source.text));
}

// Writes the checksums that the bytes now ought to have: see the header in segment.cpp.
void mend_checksums(std::string& bytes) {
  for (size_t s = 0; s < kNSections; ++s) {
    char* entry = bytes.data() + 64 + s * 24;
    auto begin = get_fixed<uint64_t>(entry), size = get_fixed<uint64_t>(entry + 8);
    if (begin > bytes.size() || size > bytes.size() - begin) continue;
    std::string sum;
    put_fixed(sum, hash64(std::string_view(bytes).substr(begin, size)));
    std::copy(sum.begin(), sum.end(), entry + 16);
  }
  std::fill(bytes.begin() + 48, bytes.begin() + 56, '\0');
  std::string sum;
  put_fixed(sum, hash64(std::string_view(bytes).substr(0, kSegmentHeader)));
  std::copy(sum.begin(), sum.end(), bytes.begin() + 48);
}

SegmentPtr segment_of(const std::vector<size_t>& numbers) {
  std::vector<EncodedBlob> blobs;
  auto all = sources();
  for (size_t n : numbers) blobs.push_back(blob(n, all[n]));
  auto bytes = build_segment(blobs);
  REQUIRE(bytes);
  auto segment = Segment::from_bytes(std::move(*bytes));
  REQUIRE(segment);
  return *segment;
}

SnapshotPtr snapshot_of(const std::vector<SegmentPtr>& segments) {
  std::vector<PlacedFile> files;
  auto all = sources();
  for (const SegmentPtr& segment : segments) {
    for (uint32_t d = 0; d < segment->n_docs(); ++d) {
      size_t number = std::strtoul(segment->blob_id(d).c_str(), nullptr, 10);
      if (number >= all.size()) continue;
      files.push_back({{all[number].path, segment->blob_id(d), 0, true}, segment, d});
    }
  }
  return Snapshot::build("/", std::move(files), std::make_shared<FactsLru>(1 << 16));
}

// All that the questions of a snapshot answer, as text.
std::string dump(const Snapshot& snapshot) {
  std::string out;
  std::map<std::string, int> names;
  snapshot.for_each_file([&](const FileEntry& file) {
    FileSummary s = snapshot.summary(file);
    out += file.path + " " + std::string(s.language) + " " + std::to_string(s.n_bytes) + " " +
           std::to_string(s.n_lines) + " " + std::to_string(s.n_symbols) + " " +
           std::to_string(s.n_occurrences) + "\n";
    FileFactsPtr facts = snapshot.facts(file);
    if (facts == nullptr) return;
    for (const std::string& name : facts->names) names[name];
    for (const Symbol& symbol : facts->symbols) names[symbol.name];
  });
  for (const auto& [name, unused] : names) {
    std::vector<std::string> lines;
    snapshot.definitions(name, [&](DefinitionRef d) {
      lines.push_back(" defined " + d.file->path + " " + std::to_string(d.symbol) + " " +
                      std::string(to_string(d.kind)) + " " + std::string(d.container) +
                      (d.is_top_level ? " top" : "") + (d.is_declaration ? " declared" : ""));
      return true;
    });
    snapshot.uses(name, [&](UseRef u) {
      lines.push_back(" used " + u.file->path + " " + std::to_string(u.begin) + "-" +
                      std::to_string(u.end) + " " + std::string(to_string(u.role)));
      return true;
    });
    snapshot.files_with_name(name, [&](const FileEntry& file) {
      lines.push_back(" in " + file.path);
      return true;
    });
    std::sort(lines.begin(), lines.end());
    out += name + "\n";
    for (const std::string& line : lines) out += line + "\n";
  }
  return out;
}

}  // namespace

TEST_CASE("segment: postings say what the facts say") {
  SegmentPtr segment = segment_of({0, 1, 2, 3, 4, 5, 6, 7});
  SnapshotPtr snapshot = snapshot_of({segment});
  size_t n_uses = 0, n_definitions = 0;
  snapshot->for_each_file([&](const FileEntry& file) {
    FileFactsPtr facts = snapshot->facts(file);
    REQUIRE(facts != nullptr);
    for (const Occurrence& o : facts->occurrences) {
      bool found = false;
      snapshot->uses(facts->names[o.name], [&](UseRef use) {
        found = found || (use.file == &file && use.begin == o.begin && use.end == o.end &&
                          use.role == o.role);
        return !found;
      });
      CHECK(found);
      ++n_uses;
    }
    for (uint32_t s = 0; s < facts->symbols.size(); ++s) {
      const Symbol& symbol = facts->symbols[s];
      bool found = false;
      snapshot->definitions(symbol.name, [&](DefinitionRef d) {
        found = found || (d.file == &file && d.symbol == s && d.kind == symbol.kind);
        return !found;
      });
      CHECK(found == !symbol.local);
      ++n_definitions;
    }
  });
  CHECK(n_uses > 40);
  CHECK(n_definitions > 15);
}

TEST_CASE("segment: merged in any grouping it says the same, without what was dropped") {
  std::string all = dump(*snapshot_of({segment_of({0, 1, 2, 3, 4, 5, 6, 7})}));
  std::mt19937 random(17);
  for (int round = 0; round < 30; ++round) {
    std::vector<size_t> order = {0, 1, 2, 3, 4, 5, 6, 7};
    std::shuffle(order.begin(), order.end(), random);
    std::vector<MergeSource> merging;
    std::vector<size_t> kept, part;
    for (size_t i = 0; i < order.size(); ++i) {
      part.push_back(order[i]);
      if (random() % 3 != 0 && i + 1 < order.size()) continue;
      MergeSource source{segment_of(part), {}, {}};
      for (size_t n : part) {
        source.keep.push_back(round % 2 == 0 || random() % 4 != 0);
        if (source.keep.back()) kept.push_back(n);
      }
      source.used_today.assign(part.size(), true);
      merging.push_back(std::move(source));
      part.clear();
    }
    auto bytes = merge_segments(merging);
    REQUIRE(bytes);
    auto merged = Segment::from_bytes(std::move(*bytes));
    REQUIRE(merged);
    CHECK((*merged)->n_docs() == kept.size());
    std::string said = dump(*snapshot_of({*merged}));
    CHECK(said == dump(*snapshot_of({segment_of(kept)})));
    if (round % 2 == 0) CHECK(said == all);
  }
}

TEST_CASE("segment: the same blob in two sources is kept once, an unknown one is not found") {
  std::vector<MergeSource> merging;
  for (const std::vector<size_t>& part : {std::vector<size_t>{0, 1}, std::vector<size_t>{1, 2}}) {
    merging.push_back({segment_of(part), {true, true}, {false, false}});
  }
  auto merged = Segment::from_bytes(*merge_segments(merging));
  REQUIRE(merged);
  CHECK((*merged)->n_docs() == 3);
  CHECK((*merged)->find_doc(blob_id_of(1), "cpp") == 1);
  CHECK((*merged)->find_doc(blob_id_of(1), "c") == kNone);  // as another language it is not known
  CHECK((*merged)->find_doc(blob_id_of(7), "python") == kNone);
  CHECK((*merged)->find_doc("not hex", "python") == kNone);
}

TEST_CASE("segment: copies of a file share a doc and both are told of") {
  SegmentPtr segment = segment_of({0});
  std::vector<PlacedFile> files = {{{"one.py", blob_id_of(0), 0, true}, segment, 0},
                                   {{"two.py", blob_id_of(0), 0, true}, segment, 0}};
  SnapshotPtr both = Snapshot::build("/", files, std::make_shared<FactsLru>());
  auto count = [](const Snapshot& snapshot) {
    std::vector<std::string> paths;
    snapshot.uses("x", [&](UseRef use) { return paths.push_back(use.file->path), true; });
    return paths;
  };
  CHECK(count(*both) == std::vector<std::string>{"one.py", "one.py", "two.py", "two.py"});
  SnapshotPtr one = both->with_changes({}, {"one.py"});
  CHECK(count(*one) == std::vector<std::string>{"two.py", "two.py"});
  CHECK(count(*one->with_changes({}, {"two.py"})).empty());
}

TEST_CASE("segment: cut or with a byte changed it is an error, or it says the same or less") {
  SegmentPtr sound = segment_of({0, 1, 2, 3, 4, 5, 6, 7});
  std::string bytes(sound->bytes());
  auto folder = TemporaryFolder::make("segment");
  std::mt19937 random(23);
  size_t n_refused = 0, n_opened = 0;
  for (int i = 0; i < 3000; ++i) {
    std::string bad = bytes;
    if (i % 8 == 0) {
      bad.resize(random() % bad.size());
    } else if (i % 8 == 1) {
      bad += std::string(1 + random() % 100, '\0');
    } else {
      bad[random() % bad.size()] ^= static_cast<char>(1 + random() % 255);
    }
    // Every few go through a file and a mapping.
    Result<SegmentPtr> opened = fail(ErrorCode::internal, "");
    if (i % 16 == 0) {
      REQUIRE(write_file_atomic(folder->path() / "x.seg", bad));
      opened = Segment::open(folder->path() / "x.seg");
    } else {
      opened = Segment::from_bytes(bad);
    }
    if (!opened) {
      ++n_refused;
      continue;
    }
    ++n_opened;
    SnapshotPtr snapshot = snapshot_of({*opened});
    size_t n_missing = 0;
    snapshot->for_each_file(
        [&](const FileEntry& file) { n_missing += snapshot->facts(file) == nullptr ? 1 : 0; });
    CHECK(n_missing == 1);
    CHECK((*opened)->damaged());
  }
  CHECK(n_refused > 1000);
  CHECK(n_opened > 100);
}

// Whoever can write the cache can also mend the checksums. Nothing may then be believed that leads
// outside the bytes.
TEST_CASE("segment: with a byte changed and its checksums made good it never ends the process") {
  SegmentPtr sound = segment_of({0, 1, 2, 3, 4, 5, 6, 7});
  std::string bytes(sound->bytes());
  std::mt19937 random(29);
  size_t n_opened = 0;
  for (int i = 0; i < 4000; ++i) {
    std::string bad = bytes;
    for (unsigned k = 0; k < 1 + random() % 3; ++k) {
      bad[random() % bad.size()] ^= static_cast<char>(1 + random() % 255);
    }
    mend_checksums(bad);
    auto opened = Segment::from_bytes(bad);
    if (!opened) continue;
    ++n_opened;
    SnapshotPtr snapshot = snapshot_of({*opened});
    dump(*snapshot);
    size_t n = 0;
    snapshot->for_each_defined_name([&](std::string_view name, uint64_t) {
      snapshot->uses(name, [&](UseRef) { return ++n, true; });
      snapshot->definitions(name, [&](DefinitionRef) { return ++n, true; });
      return true;
    });
    std::vector<bool> all((*opened)->n_docs(), true), some = all;
    if (!some.empty()) some[0] = false;
    auto merged = merge_segments({{*opened, some, all}, {segment_of({1, 2}), {true, true}, {}}});
    if (merged) CHECK(Segment::from_bytes(std::move(*merged)));
  }
  CHECK(n_opened > 1000);
}
