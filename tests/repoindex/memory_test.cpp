#include "repoindex/memory/memory.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <random>
#include <set>

#include "repoindex/index.h"
#include "repoindex/memory/suffix_table.h"
#include "tests/support/workspace.h"

using namespace engramd;
using namespace engramd::repoindex;

namespace {

using Tokens = std::vector<TokenId>;
using Documents = std::vector<std::pair<std::string, Tokens>>;

std::shared_ptr<const RepositoryMemory> memory_of(const Documents& documents,
                                                  MemoryOptions options = {}) {
  auto memory = RepositoryMemory::from_documents(documents, options);
  REQUIRE(memory);
  return *memory;
}

// The obvious version of the same blend: for every suffix length look through every document.
struct NaiveMemory {
  Documents documents;
  std::vector<Tokens> recent;
  std::string replaces;
  MemoryOptions options;

  using Counts = std::map<TokenId, double>;
  static void count(const Tokens& document, const Tokens& suffix, double weight, Counts& counts) {
    for (size_t p = 0; p < document.size(); ++p) {
      if (p < suffix.size() || document[p] < 0) continue;
      if (!std::equal(suffix.begin(), suffix.end(),
                      document.begin() + static_cast<ptrdiff_t>(p - suffix.size())))
        continue;
      counts[document[p]] += weight;
    }
  }
  Counts counts_after(const Tokens& suffix, bool all) const {
    Counts counts;
    for (const auto& [path, document] : documents) {
      if (all || path != replaces) count(document, suffix, 1, counts);
    }
    for (const Tokens& document : recent) count(document, suffix, options.recent_weight, counts);
    return counts;
  }
  // Levels below which less than 1e-5 is left have no say; the level without context always has.
  Counts distribution(const Tokens& context, double& left) const {
    Counts probability;
    left = 1;
    for (size_t k = std::min(options.max_context, context.size()) + 1; k-- > 0;) {
      if (k > 0 && left <= 1e-5) continue;
      const Tokens suffix(context.end() - static_cast<ptrdiff_t>(k), context.end());
      const Counts counts = counts_after(suffix, k == 0);
      double n = 0;
      for (const auto& [token, c] : counts) n += c;
      if (n == 0) continue;
      const double novel = options.escape * static_cast<double>(counts.size());
      for (const auto& [token, c] : counts) probability[token] += left * c / (n + novel);
      left *= novel / (n + novel);
    }
    return probability;
  }
  size_t match_length(const Tokens& context) const {
    for (size_t k = std::min(options.max_context, context.size()); k > 0; --k) {
      if (!counts_after(Tokens(context.end() - static_cast<ptrdiff_t>(k), context.end()), false)
               .empty())
        return k;
    }
    return 0;
  }
};

Tokens random_tokens(std::mt19937& random, size_t max_length, int n_kinds) {
  Tokens tokens(random() % (max_length + 1));
  for (TokenId& token : tokens)
    token = static_cast<TokenId>(random() % static_cast<unsigned>(n_kinds)) * 977;
  return tokens;
}

}  // namespace

TEST_CASE("the memory agrees with looking through every document") {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    NaiveMemory naive;
    naive.options.max_context = 1 + random() % 20;
    naive.options.max_candidates = 1000;
    naive.options.recent_weight = 1 + static_cast<double>(random() % 4);
    naive.options.escape = 0.5 + static_cast<double>(random() % 4);
    const int n_kinds = 1 + static_cast<int>(random() % 6);
    const size_t n_documents = random() % 5;
    for (size_t d = 0; d < n_documents; ++d) {
      naive.documents.emplace_back("file" + std::to_string(d), random_tokens(random, 60, n_kinds));
    }
    std::shared_ptr<const RepositoryMemory> memory = memory_of(naive.documents, naive.options);
    if (random() % 2) {
      naive.recent = {random_tokens(random, 30, n_kinds), random_tokens(random, 30, n_kinds)};
      naive.replaces = random() % 2 ? "file0" : "";
      memory = memory->with_recent(naive.recent, naive.replaces);
    }
    for (int question = 0; question < 20; ++question) {
      const Tokens context = random_tokens(random, 25, n_kinds + 1);
      double left = 1;
      const auto expected = naive.distribution(context, left);
      const MemoryAnswer answer = memory->next(context);
      CHECK(answer.match_length == naive.match_length(context));
      REQUIRE(answer.candidates.size() == expected.size());
      double sum = 0, last = 1;
      for (const MemoryCandidate& candidate : answer.candidates) {
        REQUIRE(expected.count(candidate.token) == 1);
        CHECK(candidate.probability == Approx(expected.at(candidate.token)).margin(2e-5));
        CHECK(candidate.probability <= last);
        last = candidate.probability;
        sum += candidate.probability;
      }
      CHECK(sum <= 1.0001);

      const Tokens after = random_tokens(random, 5, n_kinds + 1);
      if (after.empty()) continue;
      double bits = 0;
      Tokens before = context;
      for (TokenId token : after) {
        auto there = naive.distribution(before, left);
        bits += std::log2(there[token] + left / 5000);
        before.push_back(token);
      }
      CHECK(memory->log2_likelihood(context, after, 5000) ==
            Approx(bits / static_cast<double>(after.size())).epsilon(1e-6));
    }
  }
}

TEST_CASE("positions are sorted by what precedes them, whatever the token ids") {
  std::mt19937 random(11);
  for (int round = 0; round < 100; ++round) {
    Tokens tokens{SuffixTable::kSeparator};
    const int n_kinds = 1 + static_cast<int>(random() % 8);
    const size_t n = random() % 200;
    for (size_t i = 0; i < n; ++i) {
      tokens.push_back(random() % 9 == 0
                           ? -1
                           : static_cast<TokenId>(random() % static_cast<unsigned>(n_kinds)) *
                                 300000007 % 2000000011);
    }
    const size_t depth = 1 + random() % 32;
    auto table = SuffixTable::build(tokens, depth);
    REQUIRE(table);
    auto context_of = [&](uint32_t position) {
      Tokens context;
      for (size_t i = position; i-- > 0 && tokens[i] != -1 && context.size() < depth;)
        context.push_back(tokens[i]);
      return context;
    };
    std::set<uint32_t> seen;
    for (uint32_t i = 0; i < table->size(); ++i) {
      seen.insert(table->position(i));
      CHECK(table->next(i) == tokens[table->position(i)]);
      if (i > 0) CHECK(context_of(table->position(i - 1)) <= context_of(table->position(i)));
    }
    CHECK(seen.size() == static_cast<size_t>(std::count_if(tokens.begin(), tokens.end(),
                                                           [](TokenId t) { return t >= 0; })));
  }
}

TEST_CASE("nothing is learnt across the end of a document") {
  const auto memory = memory_of({{"a", {1, 2, 3}}, {"b", {4, 5, 6}}});
  const Tokens context{2, 3};
  const MemoryAnswer answer = memory->next(context);
  // 3 was the last token: no occurrence has a successor, so only the frequencies are left.
  CHECK(answer.match_length == 0);
  for (const MemoryCandidate& candidate : answer.candidates) CHECK(candidate.probability < 0.1);
}

TEST_CASE("a repeated line is expected to go on as before") {
  const auto memory = memory_of({{"a", {1, 2, 3, 4, 5, 9, 9, 1, 2, 3, 4, 6}}});
  const Tokens context{7, 1, 2, 3};
  const MemoryAnswer answer = memory->next(context);
  REQUIRE(!answer.candidates.empty());
  CHECK(answer.candidates[0].token == 4);
  CHECK(answer.match_length == 3);
  CHECK(answer.n_seen == 2);
}

TEST_CASE("what was written recently beats the repository") {
  const auto memory = memory_of({{"a", {1, 2, 3}}, {"b", {1, 2, 3}}});
  const Tokens context{1, 2};
  REQUIRE(memory->next(context).candidates[0].token == 3);
  const auto recent = memory->with_recent({{1, 2, 8}});
  CHECK(recent->next(context).candidates[0].token == 8);
  CHECK(recent->next(context).n_seen == 3);
  // The memory it was made from is as it was.
  CHECK(memory->next(context).candidates[0].token == 3);
}

TEST_CASE("the recent text of a file takes the place of its copy in the repository") {
  const auto memory = memory_of({{"a", {1, 2, 3}}, {"b", {1, 2, 4}}});
  const Tokens context{1, 2};
  const auto recent = memory->with_recent({{}}, "a");
  CHECK(recent->next(context).candidates[0].token == 4);
  CHECK(recent->next(context).n_seen == 1);
}

TEST_CASE("of two places alike the one that goes on as the text behind the cursor does") {
  const auto memory =
      memory_of({{"a", {1, 2, 3, 10, 11, 12}}, {"b", {1, 2, 4, 20, 21, 22}}, {"c", {1, 2, 4, 9}}});
  const Tokens context{1, 2}, after{10, 11, 12}, elsewhere{50, 51, 52};
  CHECK(memory->next(context).candidates[0].token == 4);
  const auto told = memory->with_recent({{7}}, {}, after);
  CHECK(told->next(context).candidates[0].token == 3);
  CHECK(told->next(context).n_seen == 3);
  // The text behind the cursor is itself no such place, and one that is nowhere changes nothing.
  const auto own = memory->with_recent({{1, 2, 8}, {10, 11, 12}}, "a", after);
  const auto plain = memory->with_recent({{1, 2, 8}, {10, 11, 12}}, "a");
  const auto nowhere = memory->with_recent({{1, 2, 8}, {10, 11, 12}}, "a", elsewhere);
  for (const auto& other : {plain, nowhere}) {
    const MemoryAnswer x = own->next(context), y = other->next(context);
    REQUIRE(x.candidates.size() == y.candidates.size());
    for (size_t i = 0; i < x.candidates.size(); ++i) {
      CHECK(x.candidates[i].token == y.candidates[i].token);
      CHECK(x.candidates[i].probability == y.candidates[i].probability);
    }
  }
  // How sure a level is does not change: all candidates of it together are as probable as before.
  auto sum = [&](const RepositoryMemory& of) {
    double total = 0;
    for (const MemoryCandidate& candidate : of.next(context).candidates)
      total += candidate.probability;
    return total;
  };
  CHECK(sum(*told) == Approx(sum(*memory->with_recent({{7}}))));
}

TEST_CASE("an empty memory expects nothing") {
  const auto memory = memory_of({});
  const Tokens context{1, 2};
  CHECK(memory->next(context).candidates.empty());
  CHECK(memory->next({}).candidates.empty());
  CHECK(memory->n_tokens() == 0);
  CHECK(memory->log2_likelihood(context, context, 1024) == Approx(-10));
  CHECK(memory->with_recent({})->next(context).candidates.empty());
  CHECK(memory->with_recent({{1, 2, 3}})->next(context).candidates[0].token == 3);
}

TEST_CASE("the memory stops at its cap and keeps the first documents") {
  MemoryOptions options;
  options.max_tokens = 4;
  const auto memory = memory_of({{"near", {1, 2, 3}}, {"far", {1, 7, 7, 7}}}, options);
  CHECK(memory->n_tokens() == 4);
  const Tokens seven{7};
  CHECK(memory->next(seven).match_length == 0);
  CHECK(memory->n_bytes() > 0);

  options.max_candidates = 2;
  options.max_tokens = 100;
  const auto few = memory_of({{"a", {1, 2, 1, 3, 1, 4, 1, 5}}}, options);
  const Tokens one{1};
  CHECK(few->next(one).candidates.size() == 2);
}

TEST_CASE("building a memory stops when it is cancelled") {
  CancelSource source;
  source.cancel();
  const auto memory = RepositoryMemory::from_documents({{"a", {1, 2, 3}}}, {}, source.token());
  REQUIRE(!memory);
  CHECK(memory.error().code == ErrorCode::cancelled);
}

TEST_CASE("a likely line scores higher than an unlikely one") {
  const auto memory = memory_of({{"a", {1, 2, 3, 4, 5, 1, 2, 3, 4, 6}}});
  const Tokens context{1, 2}, usual{3, 4}, odd{4, 3};
  CHECK(memory->log2_likelihood(context, usual, 100) > memory->log2_likelihood(context, odd, 100));
}

namespace {

// Lines of "words", each ended by the token 0; words from 1.
struct LineDocument {
  Tokens tokens;
  LineDocument& line(Tokens words) {
    tokens.insert(tokens.end(), words.begin(), words.end());
    tokens.push_back(0);
    return *this;
  }
};
Tokens filler(std::mt19937& random, size_t n) {
  Tokens words(n);
  for (TokenId& word : words) word = 1 + static_cast<TokenId>(random() % 40);
  return words;
}
ExcerptQuestion question_for(const Tokens& before, const Tokens& after = {}) {
  ExcerptQuestion question;
  question.before = before;
  question.after = after;
  question.ends_line = [](TokenId token) { return token == 0; };
  return question;
}

}  // namespace

TEST_CASE(
    "excerpts are whole lines of the places that share the rare words of the cursor's lines") {
  std::mt19937 random(3);
  Documents documents;
  for (int d = 0; d < 6; ++d) {
    LineDocument document;
    for (int l = 0; l < 60; ++l) {
      document.line(filler(random, 6));
      if (d == 4 && l == 30) document.line({901, 7, 902}).line({903, 5, 5, 5});
    }
    documents.emplace_back("file" + std::to_string(d), document.tokens);
  }
  const auto memory = memory_of(documents);
  const Tokens before{1, 2, 0, 901, 3, 902};
  const std::vector<Excerpt> excerpts = memory->similar(question_for(before));
  REQUIRE(!excerpts.empty());
  CHECK(excerpts.size() <= 4);
  CHECK(excerpts[0].path == "file4");
  const Tokens& found = excerpts[0].tokens;
  CHECK(std::count(found.begin(), found.end(), 902) == 1);
  CHECK(std::count(found.begin(), found.end(), 903) == 1);  // what comes after is what is wanted
  for (const Excerpt& excerpt : excerpts) {
    CHECK(excerpt.tokens.size() <= 48);
    CHECK(excerpt.tokens.back() == 0);
    const Tokens& document = documents[static_cast<size_t>(excerpt.path.back() - '0')].second;
    REQUIRE(excerpt.begin + excerpt.tokens.size() <= document.size());
    CHECK(std::equal(excerpt.tokens.begin(), excerpt.tokens.end(),
                     document.begin() + static_cast<ptrdiff_t>(excerpt.begin)));
    if (excerpt.begin > 0) CHECK(document[excerpt.begin - 1] == 0);
  }
  // The line behind the cursor asks too.
  const Tokens nothing{0}, after{901, 902, 0};
  CHECK(memory->similar(question_for(nothing, after)).at(0).path == "file4");
}

TEST_CASE("excerpts never quote what is hidden, shown already or a copy") {
  LineDocument other, own;
  for (TokenId i = 0; i < 30; ++i) other.line({100 + i, 200 + i}), own.line({300 + i, 400 + i});
  other.line({800, 801, 802}).line({803, 804, 805});
  own.line({800, 801, 802}).line({803, 804, 806});
  const Documents documents{{"own", own.tokens}, {"other", other.tokens}, {"copy", other.tokens}};
  const auto memory = memory_of(documents);
  const Tokens before{800, 801, 802, 0, 803, 804};
  auto quotes = [](const std::vector<Excerpt>& excerpts, const std::string& path) {
    return std::count_if(excerpts.begin(), excerpts.end(),
                         [&](const Excerpt& excerpt) { return excerpt.path == path; });
  };
  const auto all = memory->similar(question_for(before));
  CHECK(quotes(all, "own") == 1);
  CHECK(quotes(all, "other") + quotes(all, "copy") == 1);  // one of the two copies
  // The file's copy in the repository is replaced, or a part of it is shown.
  CHECK(quotes(memory->with_recent({}, "own")->similar(question_for(before)), "own") == 0);
  ExcerptQuestion question = question_for(before);
  question.shown = {{"own", 0, own.tokens.size() - 8, own.tokens.size()}};
  for (const Excerpt& excerpt : memory->similar(question)) {
    if (excerpt.path == "own")
      CHECK(excerpt.begin + excerpt.tokens.size() <= own.tokens.size() - 8);
  }
  // A recent sequence is a place like any other, but not the part of it that is shown.
  const auto recent = memory->with_recent({own.tokens}, "own");
  CHECK(quotes(recent->similar(question_for(before)), "") == 1);
  question.shown = {{"", 0, own.tokens.size() - 8, SIZE_MAX}};
  CHECK(quotes(recent->similar(question), "") == 0);
  // All of it is visible: nothing new.
  const auto copies = memory_of({documents[1], documents[2]});
  CHECK(copies->similar(question_for(other.tokens)).empty());
}

TEST_CASE("excerpts: the same question has the same answer, and odd questions have none") {
  std::mt19937 random(5);
  Documents documents;
  for (int d = 0; d < 5; ++d) documents.emplace_back("f" + std::to_string(d), filler(random, 3000));
  const auto memory = memory_of(documents);
  for (int round = 0; round < 50; ++round) {
    const Tokens before = filler(random, random() % 200), after = filler(random, random() % 50);
    const auto first = memory->similar(question_for(before, after));
    const auto again = memory_of(documents)->similar(question_for(before, after));
    REQUIRE(first.size() == again.size());
    for (size_t i = 0; i < first.size(); ++i) {
      CHECK(first[i].path == again[i].path);
      CHECK(first[i].tokens == again[i].tokens);
    }
  }
  const Tokens unknown{5000, 5001}, separators{-1, -1, -1};
  CHECK(memory->similar(question_for(unknown)).empty());
  CHECK(memory->similar(question_for(separators)).empty());
  CHECK(memory->similar(question_for({})).empty());
  CHECK(memory_of({})->similar(question_for(unknown)).empty());
}

TEST_CASE("the token cache encodes a text once and stays within its bytes") {
  size_t n_calls = 0;
  const TokenEncoder encode = [&](std::string_view text) {
    ++n_calls;
    return Tokens(text.begin(), text.end());
  };
  TokenCache cache(4000);
  const TokenArray first = cache.get("abc", encode);
  CHECK(*first == Tokens{'a', 'b', 'c'});
  CHECK(cache.get("abc", encode) == first);
  CHECK(n_calls == 1);
  for (int i = 0; i < 100; ++i) cache.get("text number " + std::to_string(i), encode);
  CHECK(cache.n_bytes() <= 4000);
  CHECK(cache.n_bytes() > 0);
  CHECK(*cache.get("abc", encode) == *first);
  CHECK(n_calls == 102);
}

TEST_CASE("a memory of a repository: near files first, no secrets, encoded once") {
  // Put together here, so that nobody's scanner finds a key in this file.
  const std::string key = std::string("AKI") + "A" + "QX7ZP3L9VW2MN8KD";
  const engramd::test::Workspace workspace(R"(
//- /app.py
import pkg.core
run_all_items(1)
//- /aaa/far.js
function other() { return "zzqqzz"; }
//- /pkg/core.py
def run_all_items(n):
    return n
)");
  workspace.write("pkg/settings.py", "before = 1\naccess = '" + key + "'\nafter = 2\n");
  IndexOptions index_options;
  index_options.use_cache = false;
  auto index = RepoIndex::open(workspace.root(), index_options);
  REQUIRE(index);
  REQUIRE((*index)->refresh());
  const View view{(*index)->snapshot(), nullptr};

  size_t n_calls = 0;
  const TokenEncoder encode = [&](std::string_view text) {
    ++n_calls;
    return Tokens(text.begin(), text.end());
  };
  const auto knows = [](const RepositoryMemory& memory, std::string_view text) {
    const Tokens tokens(text.begin(), text.end());
    return memory.next(std::span(tokens).first(tokens.size() - 1)).match_length + 1 >=
           tokens.size();
  };
  TokenCache cache;
  const auto memory = RepositoryMemory::build(view, "app.py", encode, {}, {}, &cache);
  REQUIRE(memory);
  CHECK(knows(**memory, "run_all_items("));
  CHECK(knows(**memory, "zzqqzz"));
  CHECK(knows(**memory, "after = 2"));
  CHECK(!knows(**memory, key.substr(4, 10)));

  const size_t n_first = n_calls;
  REQUIRE(RepositoryMemory::build(view, "app.py", encode, {}, {}, &cache));
  CHECK(n_calls == n_first);

  // The file itself and what it imports fit, the rest does not.
  MemoryOptions small;
  small.max_tokens = 75;
  const auto near_only = RepositoryMemory::build(view, "app.py", encode, small);
  REQUIRE(near_only);
  CHECK(knows(**near_only, "def run_all"));
  CHECK(!knows(**near_only, "zzqqzz"));

  CancelSource source;
  source.cancel();
  CHECK(RepositoryMemory::build(view, "app.py", encode, {}, source.token()).error().code ==
        ErrorCode::cancelled);
}

TEST_CASE("what an open file imports comes first also where only its text is known") {
  const engramd::test::Workspace workspace(R"(
//- /app.py
import pkg.core
run_all_items(1)
//- /aaa/far.py
def other(): return "zzqqzz"
//- /pkg/core.py
def run_all_items(n):
    return n
)");
  IndexOptions index_options;
  index_options.use_cache = false;
  auto index = RepoIndex::open(workspace.root(), index_options);
  REQUIRE(index);
  REQUIRE((*index)->refresh());
  auto overlay = std::make_shared<Overlay>();
  (*overlay)["app.py"] =
      Document::open("app.py", "import pkg.core\nrun_all_items(2)\n", 1)->text_alone();
  CHECK(overlay->at("app.py").facts == nullptr);
  const View view{(*index)->snapshot(), overlay};
  MemoryOptions small;
  small.max_tokens = 75;
  const auto memory = RepositoryMemory::build(
      view, "app.py", [](std::string_view text) { return Tokens(text.begin(), text.end()); },
      small);
  REQUIRE(memory);
  const auto knows = [&](std::string_view text) {
    const Tokens tokens(text.begin(), text.end());
    return (*memory)->next(std::span(tokens).first(tokens.size() - 1)).match_length + 1 >=
           tokens.size();
  };
  CHECK(knows("def run_all"));
  CHECK(!knows("zzqqzz"));
}
