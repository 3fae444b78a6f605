// The commands that ask the index: index, query, locate, context.
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "daemon/cli/command.h"
#include "daemon/cli/project_notes.h"
#include "daemon/cli/task_flags.h"
#include "repoindex/context.h"
#include "repoindex/git/uncommitted.h"
#include "repoindex/locate.h"
#include "repoindex/parse_hosts.h"
#include "repoindex/query.h"
#include "repoindex/search/text.h"

namespace engramd::daemon::cli {
namespace {

using nlohmann::json;
using namespace repoindex;

void print_json(const json& value) {
  // Bytes that are not UTF-8 (a path, a source line) are replaced rather than refused.
  std::cout << value.dump(2, ' ', false, json::error_handler_t::replace) << '\n';
}

uint64_t peak_rss_bytes() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<uint64_t>(usage.ru_maxrss) * 1024;
}

// --- index ----------------------------------------------------------------------------------

json stats_json(const IndexStats& s, const ParseHosts::State& hosts) {
  json languages = json::object();
  for (const auto& [language, n] : s.files_by_language) languages[language] = n;
  return {{"files", s.n_files},
          {"indexed", s.n_indexed},
          {"parsed", s.n_parsed},
          {"binary", s.n_skipped_binary},
          {"too_large", s.n_skipped_large},
          {"unreadable", s.n_unreadable},
          {"lines", s.n_lines},
          {"bytes", s.n_bytes},
          {"symbols", s.n_symbols},
          {"occurrences", s.n_occurrences},
          {"index_bytes", s.cache_bytes},
          {"wall_s", s.wall_s},
          {"cpu_s", s.cpu_s},
          {"peak_rss_bytes", peak_rss_bytes()},
          {"parse_hosts",
           {{"started", hosts.n_started},
            {"failures", hosts.n_failures},
            {"quarantined", hosts.n_quarantined},
            {"peak_rss_bytes", hosts.peak_host_bytes}}},
          {"git", s.is_git},
          {"languages", languages},
          {"notes", s.notes}};
}

void print_stats(const IndexStats& s, const ParseHosts::State& hosts) {
  std::printf("%zu files, %zu indexed (%zu parsed now, the rest from the cache), %llu lines, %s\n",
              s.n_files, s.n_indexed, s.n_parsed, static_cast<unsigned long long>(s.n_lines),
              human_bytes(s.n_bytes).c_str());
  std::printf("%zu symbols, %zu occurrences, index %s on disk\n", s.n_symbols, s.n_occurrences,
              human_bytes(s.cache_bytes).c_str());
  std::printf("%.2f s (%.2f s CPU), peak memory %s", s.wall_s, s.cpu_s,
              human_bytes(peak_rss_bytes()).c_str());
  if (hosts.n_started > 0)
    std::printf(", of each of %zu parse hosts %s", hosts.n_started,
                human_bytes(hosts.peak_host_bytes).c_str());
  std::printf("\n");
  if (!s.files_by_language.empty()) {
    std::printf("languages:");
    for (const auto& [language, n] : s.files_by_language)
      std::printf(" %s %zu", language.c_str(), n);
    std::printf("\n");
  }
  if (s.n_skipped_binary + s.n_skipped_large + s.n_unreadable > 0)
    std::printf("listed only: %zu binary, %zu too large, %zu unreadable\n", s.n_skipped_binary,
                s.n_skipped_large, s.n_unreadable);
  for (const std::string& note : s.notes) std::printf("note: %s\n", note.c_str());
}

// Into the cache; the refresh that follows finds the blobs known.
Result<size_t> import_facts(const CommonOptions& common, const std::string& file) {
  ENGRAMD_TRY(const std::filesystem::path root, repository_root(common.repo));
  ENGRAMD_TRY(const auto index, RepoIndex::open(root));
  return index->import_facts(file, interrupt_token());
}

// --- query ----------------------------------------------------------------------------------

std::string place_text(const Place& place) {
  return place.path + ":" + std::to_string(place.start.line + 1) + ":" +
         std::to_string(place.start.column + 1);
}

const char* confidence_text(Confidence confidence) {
  switch (confidence) {
    case Confidence::certain:
      return "certain";
    case Confidence::likely:
      return "likely";
    case Confidence::possible:
      return "possible";
  }
  return "possible";
}

json place_json(const Place& place) {
  return {{"path", place.path},
          {"line", place.start.line + 1},
          {"column", place.start.column + 1},
          {"end_line", place.end.line + 1},
          {"end_column", place.end.column + 1}};
}

// One answer of `query`: a place, a line of text for people and fields for programs.
struct Answer {
  Place place;
  std::string text;
  json fields;
};

Answer answer_of(const SymbolHit& hit) {
  return {hit.place,
          std::string(to_string(hit.symbol.kind)) + " " +
              (hit.container.empty() ? "" : hit.container + ".") + hit.symbol.name,
          {{"name", hit.symbol.name},
           {"kind", to_string(hit.symbol.kind)},
           {"container", hit.container},
           {"signature", hit.symbol.signature},
           {"confidence", confidence_text(hit.confidence)}}};
}

Answer answer_of(const ReferenceHit& hit) {
  return {hit.place,
          std::string(to_string(hit.role)),
          {{"role", to_string(hit.role)}, {"confidence", confidence_text(hit.confidence)}}};
}

Answer answer_of(const TextHit& hit) {
  Answer answer{hit.place, hit.line, {{"text", hit.line}}};
  if (!hit.before.empty()) answer.fields["before"] = hit.before;
  if (!hit.after.empty()) answer.fields["after"] = hit.after;
  return answer;
}

template <class Hits>
std::vector<Answer> answers_of(const Hits& hits) {
  std::vector<Answer> answers;
  answers.reserve(hits.size());
  for (const auto& hit : hits) answers.push_back(answer_of(hit));
  return answers;
}

struct QueryRow {
  const char* kind;
  std::vector<Answer> (*ask)(const View&, const std::string& name, size_t limit);
};

const QueryRow kQueries[] = {
    {"def", [](const View& v, const std::string& n,
               size_t k) { return answers_of(definitions_of(v, n, k)); }},
    {"refs", [](const View& v, const std::string& n,
                size_t k) { return answers_of(references_of(v, n, k)); }},
    {"calls",
     [](const View& v, const std::string& n, size_t k) { return answers_of(calls_of(v, n, k)); }},
    {"symbols", [](const View& v, const std::string& n,
                   size_t k) { return answers_of(workspace_symbols(v, n, k)); }},
};

struct QueryOptions : CommonOptions {
  std::string kind;
  TextQuery text;  // its pattern is the name of the other questions, its limit theirs
};

Result<std::vector<Answer>> ask(const View& view, const QueryOptions& options) {
  const TextQuery& text = options.text;
  if (options.kind == "text") {
    ENGRAMD_TRY(const TextResult found, search(view, text, interrupt_token()));
    return answers_of(found.hits);
  }
  for (const QueryRow& row : kQueries) {
    if (options.kind != row.kind) continue;
    if (text.regex || text.ignore_case || text.whole_word || text.n_context != 0 ||
        !text.globs.empty())
      return fail(ErrorCode::invalid_input,
                  "--regex, -i, -w, -C and --glob are for text, not for " + options.kind);
    return row.ask(view, text.pattern, text.limit);
  }
  return fail(ErrorCode::invalid_input, "\"" + options.kind +
                                            "\" is not a question, expected def, refs, symbols, "
                                            "calls or text");
}

Result<int> run_query(const QueryOptions& options) {
  ENGRAMD_TRY(const Settings settings, settings_for(options));
  ENGRAMD_TRY(const OpenedIndex opened, open_index(options, settings));
  ENGRAMD_TRY(const std::vector<Answer> answers, ask(opened.view, options));
  if (options.json) {
    json list = json::array();
    for (const Answer& answer : answers) {
      json item = place_json(answer.place);
      item.update(answer.fields);
      list.push_back(std::move(item));
    }
    print_json(list);
  } else {
    for (const Answer& answer : answers)
      std::printf("%s: %s\n", place_text(answer.place).c_str(), answer.text.c_str());
  }
  return answers.empty() ? 1 : 0;
}

// --- locate, context ------------------------------------------------------------------------

json locate_json(const LocateResult& located) {
  json files = json::array(), functions = json::array();
  for (const RankedFile& file : located.files)
    files.push_back({{"path", file.path}, {"score", file.score}});
  for (const RankedFunction& f : located.functions)
    functions.push_back({{"path", f.path}, {"name", f.name}, {"score", f.score}});
  return {{"files", files}, {"functions", functions}};
}

Result<int> run_context(const CommonOptions& common, const std::string& at, const TaskText& task,
                        size_t tokens) {
  if (at.empty() == task.empty())
    return fail(ErrorCode::invalid_input,
                "give one of --at FILE:LINE:COL, --task FILE and --issue TEXT");
  ENGRAMD_TRY(const Settings settings, settings_for(common));
  ENGRAMD_TRY(OpenedIndex opened, open_index(common, settings));
  ENGRAMD_TRY(opened.view.uncommitted, find_uncommitted(*opened.view.snapshot, interrupt_token()));
  Window window;
  if (!at.empty()) {
    ENGRAMD_TRY(const FilePosition where, parse_position(at, opened.view));
    ENGRAMD_TRY(window, window_at(opened.view, where.path, where.offset, approximate_tokens,
                                  Budget{tokens}, interrupt_token()));
  } else {
    ENGRAMD_TRY(const std::string text, read_task(task));
    ENGRAMD_TRY(window, window_for_task(opened.view, text, approximate_tokens, Budget{tokens},
                                        interrupt_token()));
  }
  if (common.json) {
    json parts = json::array();
    for (const WindowPart& part : window.parts)
      parts.push_back({{"path", part.path},
                       {"begin", part.range.begin},
                       {"end", part.range.end},
                       {"tokens", part.n_tokens},
                       {"why", part.why},
                       {"text", part.text}});
    print_json(
        {{"instructions", task.empty() ? json::array() : project_notes_json(opened.view.root())},
         {"parts", parts},
         {"path", window.path},
         {"prefix", window.prefix},
         {"suffix", window.suffix},
         {"tokens", window.n_tokens}});
    return 0;
  }
  if (!task.empty()) print_project_notes(opened.view.root());
  for (const WindowPart& part : window.parts)
    std::printf("=== %s (%zu tokens): %s\n%s\n", part.path.c_str(), part.n_tokens, part.why.c_str(),
                part.text.c_str());
  if (!window.path.empty())
    std::printf("=== %s: the file with the cursor\n%s<cursor>%s\n", window.path.c_str(),
                window.prefix.c_str(), window.suffix.c_str());
  std::printf("=== %zu tokens in all\n", window.n_tokens);
  return 0;
}

}  // namespace

Action define_index(CLI::App& app) {
  struct Options : CommonOptions {
    std::string what, file;
  };
  auto common = std::make_shared<Options>();
  app.add_option("what", common->what, "export or import, with FILE; left out: bring up to date");
  app.add_option("file", common->file, "the facts of all files as one .zst file");
  add_repo_option(app, *common);
  add_revision_option(app, *common);
  add_json_option(app, *common);
  return [common]() -> Result<int> {
    if (!common->what.empty() && common->what != "export" && common->what != "import")
      return fail(
          ErrorCode::invalid_input,
          "\"" + common->what + "\" is nothing to do with an index, expected export or import");
    if (common->what.empty() != common->file.empty())
      return fail(ErrorCode::invalid_input, common->what + " needs a FILE.zst");
    ENGRAMD_TRY(const Settings settings, settings_for(*common));
    if (common->what == "import") {
      ENGRAMD_TRY(const size_t n, import_facts(*common, common->file));
      if (!common->json) std::printf("%zu blobs imported\n", n);
    }
    ENGRAMD_TRY(const OpenedIndex opened, open_index(*common, settings));
    if (common->what == "export") {
      ENGRAMD_TRY(const size_t n, opened.index->export_facts(common->file, interrupt_token()));
      if (!common->json) std::printf("%zu blobs exported to %s\n", n, common->file.c_str());
    }
    if (common->json)
      print_json(stats_json(opened.stats, opened.parse_hosts->state()));
    else
      print_stats(opened.stats, opened.parse_hosts->state());
    return 0;
  };
}

Action define_query(CLI::App& app) {
  auto options = std::make_shared<QueryOptions>();
  TextQuery& text = options->text;
  text.limit = 200;
  app.add_option("kind", options->kind, "def, refs, symbols, calls or text")->required();
  app.add_option("name", text.pattern, "a name (symbols: any part of it; text: literal)")
      ->required();
  app.add_option("--limit", text.limit, "at most this many answers")->capture_default_str();
  app.add_flag("--regex", text.regex, "text: a regular expression (RE2), within lines");
  app.add_flag("-i,--ignore-case", text.ignore_case, "text: capitals and small letters alike");
  app.add_flag("-w,--word", text.whole_word, "text: whole words only");
  app.add_option("-C,--lines-around", text.n_context, "text: lines before and after, with --json");
  app.add_option("--glob", text.globs, "text: only files like this (*.py, src/**); with ! none")
      ->allow_extra_args(false);
  add_repo_option(app, *options);
  add_revision_option(app, *options);
  add_json_option(app, *options);
  return [options] { return run_query(*options); };
}

Action define_locate(CLI::App& app) {
  struct Options : CommonOptions {
    TaskText task;
    size_t k = 20;
    bool include_tests = false;
  };
  auto options = std::make_shared<Options>();
  add_repo_option(app, *options);
  add_revision_option(app, *options);
  add_json_option(app, *options);
  add_task_options(app, options->task);
  app.add_option("-k", options->k, "how many files and functions")->capture_default_str();
  app.add_flag("--include-tests", options->include_tests, "rank test files too");
  return [options]() -> Result<int> {
    if (options->task.empty())
      return fail(ErrorCode::invalid_input, "give one of --task FILE and --issue TEXT");
    ENGRAMD_TRY(const std::string task, read_task(options->task));
    ENGRAMD_TRY(const Settings settings, settings_for(*options));
    ENGRAMD_TRY(const OpenedIndex opened, open_index(*options, settings));
    LocateOptions locate_options;
    locate_options.k_files = locate_options.k_functions = options->k;
    locate_options.include_tests = options->include_tests;
    ENGRAMD_TRY(const LocateResult located,
                locate(opened.view, task, locate_options, interrupt_token()));
    if (options->json) {
      print_json(locate_json(located));
    } else {
      for (const RankedFile& file : located.files)
        std::printf("%8.3f  %s\n", file.score, file.path.c_str());
      for (const RankedFunction& f : located.functions)
        std::printf("%8.3f  %s: %s\n", f.score, f.path.c_str(), f.name.c_str());
    }
    return located.files.empty() ? 1 : 0;
  };
}

Action define_context(CLI::App& app) {
  struct Options : CommonOptions {
    std::string at;
    TaskText task;
    size_t budget = 2048;
  };
  auto options = std::make_shared<Options>();
  add_repo_option(app, *options);
  add_revision_option(app, *options);
  add_json_option(app, *options);
  app.add_option("--at", options->at, "FILE:LINE:COL of a cursor, counted from 1");
  add_task_options(app, options->task);
  app.add_option("--budget", options->budget, "tokens")->capture_default_str();
  return [options] { return run_context(*options, options->at, options->task, options->budget); };
}

}  // namespace engramd::daemon::cli
