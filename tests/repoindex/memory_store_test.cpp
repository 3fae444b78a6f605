#include "repoindex/memory/store.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <random>

#include "base/file.h"
#include "base/hash.h"
#include "repoindex/index.h"
#include "tests/support/workspace.h"

using namespace engramd;
using namespace engramd::repoindex;

namespace {

using Tokens = std::vector<TokenId>;
using Documents = std::vector<std::pair<std::string, Tokens>>;

Tokens bytes_of(std::string_view text) {
  return Tokens(text.begin(), text.end());
}

Tokens random_tokens(std::mt19937& random, size_t n, unsigned n_kinds) {
  Tokens tokens(n);
  for (TokenId& token : tokens) token = static_cast<TokenId>(random() % n_kinds);
  return tokens;
}

void check_same_answers(const RepositoryMemory& a, const RepositoryMemory& b,
                        std::span<const TokenId> context) {
  const MemoryAnswer x = a.next(context), y = b.next(context);
  CHECK(x.match_length == y.match_length);
  CHECK(x.n_seen == y.n_seen);
  REQUIRE(x.candidates.size() == y.candidates.size());
  for (size_t i = 0; i < x.candidates.size(); ++i) {
    // Sums in another order may swap neighbours that are equally probable.
    CHECK(x.candidates[i].probability == Approx(y.candidates[i].probability).margin(1e-6));
  }
}

// A project whose memory is asked about bytes.
class Project {
 public:
  explicit Project(std::string_view files) : workspace(files) {
    IndexOptions options;
    options.use_cache = false;
    index = *RepoIndex::open(workspace.root(), options);
    REQUIRE(index->refresh());
  }
  View view() const { return View{index->snapshot(), nullptr, nullptr}; }
  void save(const std::string& path, const std::string& text) {
    workspace.write(path, text);
    REQUIRE(index->refresh_paths({path}));
  }
  test::Workspace workspace;
  std::unique_ptr<RepoIndex> index;
};

bool knows(const RepositoryMemory& memory, std::string_view text) {
  const Tokens tokens = bytes_of(text);
  return memory.next(std::span(tokens).first(tokens.size() - 1)).match_length + 1 >= tokens.size();
}

constexpr std::string_view kProject = R"(
//- /app.py
import core
run_all_items(1)
//- /core.py
def run_all_items(n):
    return n
//- /other.js
function other() { return "zzqqzz"; }
)";

std::string many_lines(std::mt19937& random, size_t n) {
  std::string text;
  for (size_t i = 0; i < n; ++i) text += "value_" + std::to_string(random() % 100000) + " = 1\n";
  return text;
}

}  // namespace

TEST_CASE("pieces together answer as one") {
  std::mt19937 random(21);
  for (int round = 0; round < 60; ++round) {
    MemoryOptions options;
    options.max_context = 1 + random() % 16;
    auto parts = std::make_shared<MemoryParts>();
    Documents live;
    size_t n_dead = 0;
    const size_t n_pieces = 1 + random() % 4;
    for (uint32_t p = 0; p < n_pieces; ++p) {
      Documents documents;
      const size_t n = 1 + random() % 4;
      for (size_t d = 0; d < n; ++d)
        documents.emplace_back("blob" + std::to_string(p) + "." + std::to_string(d),
                               random_tokens(random, random() % 50, 5));
      parts->add(*MemoryPiece::build(documents, options.max_context));
      for (uint32_t d = 0; d < n; ++d) {
        if (round % 2 && random() % 3 == 0) {
          n_dead += documents[d].second.size();
          continue;
        }
        live.push_back(documents[d]);
        parts->set_path(p, d, documents[d].first);
      }
    }
    parts->seal();
    const auto memory = make_memory(parts, options);
    const auto one = *RepositoryMemory::from_documents(live, options);
    CHECK(memory->n_tokens() == one->n_tokens());
    const bool replace = !live.empty() && random() % 2;
    const std::vector<Tokens> recent{random_tokens(random, 20, 5)};
    for (int question = 0; question < 20; ++question) {
      const Tokens context = random_tokens(random, random() % 12, 6);
      const auto a = replace ? memory->with_recent(recent, live[0].first) : memory;
      const auto b = replace ? one->with_recent(recent, live[0].first) : one;
      if (n_dead == 0) {
        check_same_answers(*a, *b, context);
      } else {  // the dead still count among frequencies without context
        const MemoryAnswer x = a->next(context), y = b->next(context);
        CHECK(x.match_length == y.match_length);
        CHECK(x.n_seen == y.n_seen);
      }
    }
  }
}

TEST_CASE("a path is replaced only while no other has the same blob") {
  auto parts = std::make_shared<MemoryParts>();
  parts->add(*MemoryPiece::build({{"blob", {1, 2, 3}}}, 8));
  parts->set_path(0, 0, "a");
  const Tokens context{1, 2};
  auto forgets = [&](std::shared_ptr<MemoryParts> of) {
    of->seal();
    return make_memory(of, {})->with_recent({}, "a")->next(context).match_length == 0;
  };
  CHECK(forgets(std::make_shared<MemoryParts>(*parts)));
  parts->set_path(0, 0, "copy");
  CHECK(!forgets(parts));
}

TEST_CASE("a piece comes back from its bytes, and damaged bytes are an error") {
  std::mt19937 random(22);
  for (const TokenId scale : {1, 70000}) {
    Documents documents;
    for (int d = 0; d < 3; ++d) {
      documents.emplace_back("key" + std::to_string(d), random_tokens(random, 40, 7));
      for (TokenId& token : documents.back().second) token *= scale;
      documents.back().second.push_back(-1);  // where a secret was
      documents.back().second.push_back(5);
    }
    const MemoryPiecePtr piece = *MemoryPiece::build(documents, 8);
    const std::string bytes = piece->encode("bytes");
    const auto back = MemoryPiece::decode(bytes, "bytes");
    REQUIRE(back);
    CHECK((*back)->table().order() == piece->table().order());
    CHECK((*back)->depth() == 8);
    REQUIRE((*back)->documents().size() == 3);
    for (size_t d = 0; d < 3; ++d) {
      CHECK((*back)->documents()[d].key == documents[d].first);
      CHECK((*back)->tokens_of((*back)->documents()[d]) == documents[d].second);
    }
    CHECK(MemoryPiece::decode(bytes, "other").error().code == ErrorCode::unsupported);
    CHECK(MemoryPiece::decode("", "bytes").error().code == ErrorCode::corrupt);
    for (int round = 0; round < 2000; ++round) {
      std::string broken = bytes;
      if (random() % 2) broken.resize(random() % broken.size());
      for (unsigned i = 0; i < 1 + random() % 3 && broken.size() > 16; ++i)
        broken[16 + random() % (broken.size() - 16)] = static_cast<char>(random());
      if (broken == bytes) continue;
      CHECK(!MemoryPiece::decode(broken, "bytes"));
      if (broken.size() < 16) continue;
      // With a sum that fits, whatever is read may be asked.
      const uint64_t sum = hash64(std::string_view(broken).substr(16));
      for (size_t b = 0; b < 8; ++b) broken[8 + b] = static_cast<char>(sum >> 8 * b);
      const auto read = MemoryPiece::decode(broken, "bytes");
      if (!read) continue;
      auto parts = std::make_shared<MemoryParts>();
      parts->add(*read);
      for (uint32_t d = 0; d < (*read)->documents().size(); ++d) parts->set_path(0, d, "p");
      parts->seal();
      const Tokens context = random_tokens(random, 6, 7);
      const auto memory = make_memory(parts, {});
      memory->next(context);
      ExcerptQuestion question;
      question.before = context;
      question.ends_line = [](TokenId token) { return token == 3; };
      memory->similar(question);
    }
  }
}

TEST_CASE("a save costs the saved file, and its old text is forgotten") {
  Project project(kProject);
  MemoryStore store(project.workspace.root(), bytes_of);
  CHECK(store.memory() == nullptr);
  REQUIRE(store.update(project.view(), "app.py"));
  CHECK(knows(*store.memory(), "def run_all_items"));
  CHECK(knows(*store.memory(), "zzqqzz"));
  const MemoryStoreStats before = store.stats();
  CHECK(before.n_encoded == 3);

  project.save("other.js", "function other() { return \"yyppyy\"; }\n");
  REQUIRE(store.update(project.view(), "app.py"));
  CHECK(knows(*store.memory(), "yyppyy"));
  CHECK(!knows(*store.memory(), "zzqqzz"));
  CHECK(store.stats().n_encoded == 4);
  CHECK(store.stats().n_sorted_tokens - before.n_sorted_tokens < 50);

  // Nothing changed, nothing to do; back to a text that a piece still has: nothing to encode.
  REQUIRE(store.update(project.view(), "app.py"));
  project.save("other.js", "function other() { return \"zzqqzz\"; }\n");
  REQUIRE(store.update(project.view(), "app.py"));
  CHECK(store.stats().n_encoded == 4);
  CHECK(knows(*store.memory(), "zzqqzz"));
}

TEST_CASE("after many saves the pieces are few and the answers those of a fresh memory") {
  std::mt19937 random(23);
  Project project(kProject);
  MemoryStore store(project.workspace.root(), bytes_of);
  size_t n_most = 0;
  for (int save = 0; save < 60; ++save) {
    project.save("file" + std::to_string(random() % 8) + ".py", many_lines(random, random() % 60));
    REQUIRE(store.update(project.view(), "app.py"));
    if (save % 3 == 0) REQUIRE(store.tidy());
    n_most = std::max(n_most, store.stats().n_pieces);
  }
  CHECK(n_most < 20);
  for (int step = 0;; ++step) {
    REQUIRE(step < 20);
    const Result<bool> more = store.tidy();
    REQUIRE(more);
    if (!*more) break;
  }
  CHECK(store.stats().n_pieces <= 4);
  CHECK(store.stats().n_dead_tokens <= store.stats().n_tokens);
  // One more update into one piece: without dead documents the answers are equal to the last bit.
  const auto fresh = *RepositoryMemory::build(project.view(), "app.py", bytes_of);
  CHECK(fresh->n_tokens() == store.memory()->n_tokens());
  for (int question = 0; question < 50; ++question) {
    const std::string text = "value_" + std::to_string(random() % 100000);
    const Tokens context = bytes_of(text.substr(0, random() % text.size()));
    const MemoryAnswer a = store.memory()->next(context), b = fresh->next(context);
    CHECK(a.match_length == b.match_length);
    CHECK(a.n_seen == b.n_seen);
  }
}

TEST_CASE("pieces are read back from disk, damaged ones made again") {
  std::mt19937 random(24);
  Project project(kProject);
  for (int i = 0; i < 4; ++i)
    project.save("file" + std::to_string(i) + ".py", many_lines(random, 400));
  const auto folder = *TemporaryFolder::make("memory-store");
  MemoryStoreOptions options;
  options.folder = folder.path();
  options.tokenizer = "bytes";
  options.first_piece_tokens = 10000;
  {
    MemoryStore store(project.workspace.root(), bytes_of, options);
    REQUIRE(store.update(project.view(), "app.py"));
    CHECK(store.stats().n_encoded == 7);
    CHECK(store.stats().bytes_on_disk > 0);
  }
  auto restarted = [&](const MemoryStoreOptions& with) {
    auto store = std::make_unique<MemoryStore>(project.workspace.root(), bytes_of, with);
    REQUIRE(store->update(project.view(), "app.py"));
    CHECK(knows(*store->memory(), "def run_all_items"));
    return store;
  };
  {
    const auto store = restarted(options);
    CHECK(store->stats().n_encoded == 0);
    CHECK(store->stats().n_loaded == 2);
    const auto fresh = *RepositoryMemory::build(project.view(), "app.py", bytes_of);
    for (const char* text : {"value_1", "def run", "val", "zz"})
      check_same_answers(*store->memory(), *fresh, bytes_of(text));
  }
  MemoryStoreOptions other = options;
  other.tokenizer = "letters";
  CHECK(restarted(other)->stats().n_encoded == 7);

  size_t n_damaged = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder.path())) {
    if (!entry.is_regular_file()) continue;
    std::string bytes = *read_file(entry.path());
    if (bytes.find("bytes") > 40) continue;  // of the other tokenizer
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] + 1);
    std::ofstream(entry.path(), std::ios::binary) << bytes;
    ++n_damaged;
  }
  CHECK(n_damaged == 2);
  CHECK(restarted(options)->stats().n_encoded == 7);
  CHECK(restarted(options)->stats().n_encoded == 0);

  // The budget is that of all repositories together.
  MemoryStoreOptions tight = options;
  tight.tokenizer = "tight";
  tight.max_disk_bytes = 100;
  const auto store = restarted(tight);
  CHECK(store->stats().bytes_on_disk == 0);
  // A folder that cannot be written costs the cache only.
  MemoryStoreOptions nowhere = options;
  nowhere.folder = "/proc/nowhere";
  CHECK(restarted(nowhere)->stats().n_encoded == 7);
}

TEST_CASE("the cap binds: near files first, and what is near now is learnt") {
  Project project(kProject);
  MemoryStoreOptions options;
  options.memory.max_tokens = 60;
  MemoryStore store(project.workspace.root(), bytes_of, options);
  REQUIRE(store.update(project.view(), "app.py"));
  CHECK(knows(*store.memory(), "def run_all"));
  CHECK(!knows(*store.memory(), "zzqqzz"));
  REQUIRE(store.update(project.view(), "other.js"));
  CHECK(knows(*store.memory(), "zzqqzz"));

  CancelSource source;
  source.cancel();
  project.save("new.py", "fresh_text = 1\n");
  CHECK(store.update(project.view(), "new.py", source.token()).error().code ==
        ErrorCode::cancelled);
  CHECK(knows(*store.memory(), "zzqqzz"));  // as it was
}
