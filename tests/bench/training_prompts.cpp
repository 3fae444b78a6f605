// tests/bench/training_prompts.cpp - the holes a completion model is trained on, with the excerpts
// the product would show beside them.
//
//   training_prompts TOKENS.u16 DOCS.json TOKENIZER.json OUT.bin
//                    [--holes N] [--seed S] [--threads N] [--print N]
//
// TOKENS.u16: all documents, little-endian, each followed by <|endoftext|>. DOCS.json: a list of
// [package, language, path, first token, number of tokens], documents of a package adjacent.
// TOKENIZER.json: {"tokens": [...]} in GPT-2's byte alphabet. Each package is one repository
// memory; a package of more than kMaxGroupTokens is several.
//
// OUT.bin: records of 13 little-endian u32, sorted by hole, positions in TOKENS.u16:
//   hole begin, hole end, document begin, document end, n excerpts, 4 x (begin, n tokens)
// with the most alike excerpt first. Holes lie on token borders and have 1 to 96 tokens; one that
// runs to the end of a line holds the token with the line break. Kinds: kKinds. Deterministic for
// a seed, whatever the number of threads.
#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"
#include "engine/tokenizer/byte_alphabet.h"
#include "repoindex/memory/memory.h"
#include "tests/bench/code_lines.h"

using namespace engramd;
using namespace engramd::repoindex;

namespace {

constexpr size_t kMaxGroupTokens = 4u << 20;
constexpr size_t kMaxHole = 96, kShownBefore = 320, kShownAfter = 96;
constexpr size_t kMaxExcerpts = 4;
constexpr size_t kSampleEvery = 16;  // holes that the printed shares are taken from

// Shares of 100.
enum Kind { kToLineEnd = 50, kWholeLine = 25, kLines = 15, kInsideLine = 10 };

using Record = std::array<uint32_t, 5 + 2 * kMaxExcerpts>;

struct Document {
  std::string package, language;
  size_t begin = 0, end = 0;
};

struct Corpus {
  std::vector<uint16_t> tokens;
  std::vector<Document> documents;
  std::vector<std::string> bytes;  // of each token; empty for special ones
  std::vector<bool> ends_line;

  std::string text(size_t begin, size_t end) const {
    std::string out;
    for (size_t i = begin; i < end; ++i) out += bytes[tokens[i]];
    return out;
  }
};

Result<Corpus> read_corpus(const char* tokens_path, const char* documents_path,
                           const char* tokenizer_path) {
  Corpus corpus;
  ENGRAMD_TRY(const std::string raw, read_file(tokens_path, uint64_t{4} << 30));
  corpus.tokens.resize(raw.size() / 2);
  std::memcpy(corpus.tokens.data(), raw.data(), corpus.tokens.size() * 2);
  ENGRAMD_TRY(const std::string tokenizer_text, read_file(tokenizer_path, 64u << 20));
  const auto tokenizer = nlohmann::json::parse(tokenizer_text, nullptr, false);
  if (!tokenizer.is_object() || !tokenizer.contains("tokens"))
    return fail(ErrorCode::invalid_input, std::string(tokenizer_path) + ": no list of tokens");
  for (const auto& token : tokenizer["tokens"]) {
    const std::string spelling = token.get<std::string>();
    const bool special = spelling.starts_with("<|") && spelling.ends_with("|>");
    corpus.bytes.push_back(special ? ""
                                   : engine::tokenizer::bytes_of_spelling(spelling).value_or(""));
    corpus.ends_line.push_back(corpus.bytes.back().find('\n') != std::string::npos);
  }
  for (const uint16_t token : corpus.tokens) {
    if (token >= corpus.bytes.size())
      return fail(ErrorCode::corrupt, std::string(tokens_path) + ": a token is not in the list");
  }
  ENGRAMD_TRY(const std::string documents_text, read_file(documents_path, uint64_t{1} << 30));
  const auto documents = nlohmann::json::parse(documents_text, nullptr, false);
  if (!documents.is_array())
    return fail(ErrorCode::invalid_input, std::string(documents_path) + ": no list of documents");
  for (const auto& item : documents) {
    Document document{item.at(0), item.at(1), item.at(3), 0};
    document.end = document.begin + item.at(4).get<size_t>();
    if (document.end > corpus.tokens.size())
      return fail(ErrorCode::corrupt, std::string(documents_path) + ": beyond the tokens");
    // The count may include the end-of-text token.
    if (document.end > document.begin && corpus.bytes[corpus.tokens[document.end - 1]].empty())
      --document.end;
    corpus.documents.push_back(std::move(document));
  }
  return corpus;
}

struct Line {
  size_t document, begin, end;  // tokens, with the line's end
};

// The code lines of a document, and where every line begins.
void collect_lines(const Corpus& corpus, size_t d, std::vector<Line>& lines) {
  const Document& document = corpus.documents[d];
  bench::CodeLines code(document.language);
  std::string text;
  size_t begin = document.begin;
  for (size_t i = document.begin; i < document.end; ++i) {
    text += corpus.bytes[corpus.tokens[i]];
    if (!corpus.ends_line[corpus.tokens[i]] && i + 1 < document.end) continue;
    if (code.is_code(text) && i + 1 - begin >= 3) lines.push_back({d, begin, i + 1});
    text.clear();
    begin = i + 1;
  }
}

bool is_blank(const std::string& bytes) {
  return bytes.find_first_not_of(" \t\r\n") == std::string::npos;
}

// Uniform without <random>'s distributions, which differ between libraries.
size_t below(std::mt19937_64& random, size_t n) {
  return n == 0 ? 0 : static_cast<size_t>(random() % n);
}

// A hole in or from this line; begin == end where it has no place for one of the kind drawn.
std::pair<size_t, size_t> draw_hole(const Corpus& corpus, const Line& line,
                                    std::mt19937_64& random) {
  size_t indented = line.begin;  // behind the indentation
  while (indented + 1 < line.end && is_blank(corpus.bytes[corpus.tokens[indented]])) ++indented;
  const size_t n = line.end - indented;
  const size_t start = below(random, 2) ? line.begin : indented;
  const size_t kind = below(random, 100);
  if (n < 2) return {0, 0};
  if (kind < kToLineEnd) return {indented + 1 + below(random, n - 1), line.end};
  if (kind < kToLineEnd + kWholeLine) return {start, line.end};
  if (kind < kToLineEnd + kWholeLine + kLines) {
    const size_t document_end = corpus.documents[line.document].end;
    const size_t begin = below(random, 2) ? start : indented + below(random, n);
    size_t wanted = 2 + below(random, 7), n_lines = 0, end = begin, i = begin;
    for (; i < document_end && i - begin < kMaxHole && n_lines < wanted; ++i) {
      if (corpus.ends_line[corpus.tokens[i]] || i + 1 == document_end) {
        end = i + 1;
        ++n_lines;
      }
    }
    return n_lines >= 2 ? std::pair{begin, end} : std::pair<size_t, size_t>{0, 0};
  }
  // Something must be left behind the hole in its line, other than the line break.
  size_t last = line.end;
  while (last > indented && is_blank(corpus.bytes[corpus.tokens[last - 1]])) --last;
  if (last < indented + 3) return {0, 0};
  const size_t begin = indented + below(random, last - indented - 1);
  const size_t end = begin + 1 + below(random, std::min<size_t>(8, last - 1 - begin));
  return end < last ? std::pair{begin, end} : std::pair<size_t, size_t>{0, 0};
}

std::set<std::string> identifiers(const std::string& text) {
  std::set<std::string> found;
  auto word = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; };
  for (size_t i = 0; i < text.size();) {
    if (!word(text[i])) {
      ++i;
      continue;
    }
    size_t end = i;
    while (end < text.size() && word(text[end])) ++end;
    if (end - i >= 3 && !std::isdigit(static_cast<unsigned char>(text[i])))
      found.insert(text.substr(i, end - i));
    i = end;
  }
  return found;
}

// What the excerpts bring, over the sampled holes.
struct Shares {
  size_t n_holes = 0, n_excerpts = 0, with_names = 0, all_shown = 0, all_with_excerpts = 0;
  size_t n_names = 0, names_shown = 0, names_with_excerpts = 0, middle_quoted = 0;
  double similar_s = 0;
  void add(const Shares& o) {
    n_holes += o.n_holes, n_excerpts += o.n_excerpts, with_names += o.with_names;
    all_shown += o.all_shown, all_with_excerpts += o.all_with_excerpts, n_names += o.n_names;
    names_shown += o.names_shown, names_with_excerpts += o.names_with_excerpts;
    middle_quoted += o.middle_quoted, similar_s += o.similar_s;
  }
  void count(const std::string& shown, const std::string& quoted, const std::string& middle) {
    ++n_holes;
    middle_quoted += middle.size() >= 4 && quoted.find(middle) != std::string::npos;
    const auto names = identifiers(middle), in_shown = identifiers(shown),
               in_excerpts = identifiers(quoted);
    if (names.empty()) return;
    size_t n_shown = 0, n_both = 0;
    for (const auto& name : names) {
      n_shown += in_shown.count(name);
      n_both += in_shown.count(name) || in_excerpts.count(name);
    }
    ++with_names;
    n_names += names.size(), names_shown += n_shown, names_with_excerpts += n_both;
    all_shown += n_shown == names.size(), all_with_excerpts += n_both == names.size();
  }
};

struct Group {
  size_t first = 0, last = 0;  // documents
  size_t n_tokens = 0, n_holes = 0;
  std::vector<Record> records;
  std::vector<std::string> printed;
  Shares shares;
};

std::vector<Group> groups_of(const Corpus& corpus, size_t n_holes) {
  std::vector<Group> groups;
  size_t total = 0;
  for (size_t d = 0; d < corpus.documents.size(); ++d) {
    const Document& document = corpus.documents[d];
    const size_t n = document.end - document.begin;
    if (groups.empty() || corpus.documents[groups.back().first].package != document.package ||
        groups.back().n_tokens + n > kMaxGroupTokens) {
      groups.push_back({d, d, 0, 0, {}, {}, {}});
    }
    groups.back().last = d + 1;
    groups.back().n_tokens += n;
    total += n;
  }
  for (Group& group : groups) {
    group.n_holes =
        static_cast<size_t>(static_cast<double>(n_holes) * static_cast<double>(group.n_tokens) /
                                static_cast<double>(std::max<size_t>(total, 1)) +
                            0.5);
  }
  return groups;
}

void show(const Corpus& corpus, const Record& record, Group& group) {
  std::string out = "\n==== " + corpus.documents[group.first].package + "\n";
  for (size_t e = record[4]; e-- > 0;) {
    out += "---- excerpt " + std::to_string(e) + "\n";
    out += corpus.text(record[5 + 2 * e], record[5 + 2 * e] + record[6 + 2 * e]);
  }
  const size_t before = std::max<size_t>(record[2], record[0] - std::min<size_t>(record[0], 60));
  out += "---- text\n" + corpus.text(before, record[0]) + "[[" + corpus.text(record[0], record[1]) +
         "]]" + corpus.text(record[1], std::min<size_t>(record[3], record[1] + 24)) + "\n";
  group.printed.push_back(out);
}

Status work(const Corpus& corpus, Group& group, uint64_t seed, size_t n_print) {
  if (group.n_holes == 0) return {};
  std::vector<std::pair<std::string, std::vector<TokenId>>> documents;
  std::vector<Line> lines;
  for (size_t d = group.first; d < group.last; ++d) {
    const auto at = [&](size_t i) { return corpus.tokens.begin() + static_cast<ptrdiff_t>(i); };
    documents.emplace_back(std::to_string(d), std::vector<TokenId>(at(corpus.documents[d].begin),
                                                                   at(corpus.documents[d].end)));
    collect_lines(corpus, d, lines);
  }
  if (lines.empty()) return {};
  MemoryOptions options;
  options.max_tokens = size_t{1} << 30;
  options.max_context = 16;
  ENGRAMD_TRY(const auto memory, RepositoryMemory::from_documents(documents, options));

  std::mt19937_64 random(seed);
  std::set<std::pair<size_t, size_t>> drawn;
  for (size_t attempt = 0; attempt < 4 * group.n_holes && drawn.size() < group.n_holes; ++attempt) {
    const Line& line = lines[below(random, lines.size())];
    const auto hole = draw_hole(corpus, line, random);
    if (hole.first >= hole.second || hole.second - hole.first > kMaxHole) continue;
    if (!drawn.insert(hole).second) continue;
    const Document& document = corpus.documents[line.document];
    const std::vector<TokenId>& tokens = documents[line.document - group.first].second;
    const size_t begin = hole.first - document.begin, end = hole.second - document.begin;
    ShownTokens shown;
    shown.path = std::to_string(line.document);
    shown.begin = begin - std::min(begin, kShownBefore);
    shown.end = std::min(end + kShownAfter, tokens.size());
    ExcerptQuestion question;
    question.before = std::span(tokens).subspan(shown.begin, begin - shown.begin);
    question.after = std::span(tokens).subspan(end, shown.end - end);
    question.shown = {shown};
    question.ends_line = [&](TokenId token) {
      return corpus.ends_line[static_cast<size_t>(token)];
    };
    question.options.max_excerpts = kMaxExcerpts;
    const auto start = Clock::now();
    const std::vector<Excerpt> excerpts = memory->similar(question);
    group.shares.similar_s += std::chrono::duration<double>(Clock::now() - start).count();

    Record record{};
    record[0] = static_cast<uint32_t>(hole.first);
    record[1] = static_cast<uint32_t>(hole.second);
    record[2] = static_cast<uint32_t>(document.begin);
    record[3] = static_cast<uint32_t>(document.end);
    record[4] = static_cast<uint32_t>(excerpts.size());
    std::string quoted;
    const bool sampled = drawn.size() % kSampleEvery == 0;
    for (size_t e = 0; e < excerpts.size(); ++e) {
      const size_t at = corpus.documents[std::stoul(excerpts[e].path)].begin + excerpts[e].begin;
      record[5 + 2 * e] = static_cast<uint32_t>(at);
      record[6 + 2 * e] = static_cast<uint32_t>(excerpts[e].tokens.size());
      if (sampled) quoted += corpus.text(at, at + excerpts[e].tokens.size()) + "\n";
    }
    group.shares.n_excerpts += excerpts.size();
    if (sampled) {
      group.shares.count(corpus.text(document.begin + shown.begin, hole.first) + "\n" +
                             corpus.text(hole.second, document.begin + shown.end),
                         quoted, corpus.text(hole.first, hole.second));
    }
    if (group.printed.size() < n_print) show(corpus, record, group);
    group.records.push_back(record);
  }
  std::sort(group.records.begin(), group.records.end());
  return {};
}

double percent(size_t part, size_t whole) {
  return whole ? 100.0 * static_cast<double>(part) / static_cast<double>(whole) : 0;
}

int usage() {
  std::fprintf(stderr,
               "usage: training_prompts TOKENS.u16 DOCS.json TOKENIZER.json OUT.bin [--holes N] "
               "[--seed S] [--threads N] [--print N]\n");
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<const char*> paths;
  size_t n_holes = 400000, n_threads = 2, n_print = 0;
  uint64_t seed = 1;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (!argument.starts_with("--")) {
      paths.push_back(argv[i]);
      continue;
    }
    if (i + 1 >= argc) return usage();
    const size_t value = std::strtoul(argv[++i], nullptr, 10);
    if (argument == "--holes")
      n_holes = value;
    else if (argument == "--seed")
      seed = value;
    else if (argument == "--threads")
      n_threads = std::clamp<size_t>(value, 1, 64);
    else if (argument == "--print")
      n_print = value;
    else
      return usage();
  }
  if (paths.size() != 4) return usage();
  const auto corpus = read_corpus(paths[0], paths[1], paths[2]);
  if (!corpus) {
    std::fprintf(stderr, "%s\n", corpus.error().message.c_str());
    return 1;
  }
  std::vector<Group> groups = groups_of(*corpus, n_holes);
  const auto start = Clock::now();
  std::atomic<size_t> next{0};
  std::atomic<bool> failed{false};
  std::vector<std::thread> threads;
  for (size_t t = 0; t < n_threads; ++t) {
    threads.emplace_back([&] {
      for (size_t g = next++; g < groups.size() && !failed; g = next++) {
        const Status done = work(*corpus, groups[g], seed * 1000003 + groups[g].first, n_print);
        if (done) continue;
        std::fprintf(stderr, "%s\n", done.error().message.c_str());
        failed = true;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  if (failed) return 1;

  std::ofstream out(paths[3], std::ios::binary);
  size_t n_records = 0;
  Shares shares;
  for (const Group& group : groups) {
    out.write(reinterpret_cast<const char*>(group.records.data()),
              static_cast<std::streamsize>(group.records.size() * sizeof(Record)));
    n_records += group.records.size();
    shares.add(group.shares);
    for (const std::string& text : group.printed) std::fputs(text.c_str(), stdout);
  }
  if (!out.flush()) {
    std::fprintf(stderr, "%s: could not be written\n", paths[3]);
    return 1;
  }
  std::printf(
      "%zu holes in %zu groups of %zu tokens, %.2f excerpts each, %.0f us a question, %.1f s\n",
      n_records, groups.size(), corpus->tokens.size(),
      static_cast<double>(shares.n_excerpts) / static_cast<double>(std::max<size_t>(n_records, 1)),
      1e6 * shares.similar_s / static_cast<double>(std::max<size_t>(n_records, 1)),
      std::chrono::duration<double>(Clock::now() - start).count());
  std::printf(
      "of %zu holes: names of the middle shown %.1f %%, with excerpts %.1f %%; all its names shown "
      "%.1f %%, with excerpts %.1f %%; the whole middle quoted %.1f %%\n",
      shares.n_holes, percent(shares.names_shown, shares.n_names),
      percent(shares.names_with_excerpts, shares.n_names),
      percent(shares.all_shown, shares.with_names),
      percent(shares.all_with_excerpts, shares.with_names),
      percent(shares.middle_quoted, shares.n_holes));
  return 0;
}
