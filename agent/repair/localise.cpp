#include "agent/repair/localise.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "agent/repair/static_suspects.h"
#include "agent/sandbox/index_overlay.h"
#include "base/text.h"
#include "repoindex/index.h"
#include "repoindex/languages/language.h"
#include "repoindex/locate.h"

namespace engramd::agent {
namespace {

constexpr size_t kMaxFailureText = 6000, kMaxStaticBytes = 1u << 20;

// xmltest.cpp, tests.c, TestShelf.java: whoever edits the test makes it green.
bool is_test_name(const std::string& name) {
  std::string stem = name.substr(0, name.find('.'));
  for (char& c : stem) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  for (const std::string_view other : {"latest", "contest", "attest", "protest", "fastest"})
    if (stem.ends_with(other)) return false;
  return stem.starts_with("test") || stem.ends_with("test") || stem.ends_with("tests") ||
         stem.ends_with("spec");
}

bool has_part(const std::string& path, std::string_view part) {
  return ("/" + path).find("/" + std::string(part) + "/") != std::string::npos;
}

// 1 for a line that the end of a failing test's traceback points at, less for its callers.
std::map<std::string, std::map<uint32_t, double>> frame_evidence(const TestRun& run) {
  std::map<std::string, std::map<uint32_t, double>> evidence;
  const auto note = [&](const Frame& frame, double weight) {
    if (frame.line == 0 || !is_editable_source(frame.path)) return;
    double& now = evidence[frame.path][frame.line - 1];
    now = std::max(now, weight);
  };
  for (const TestCase& test : run.tests) {
    if (!test.red()) continue;
    double weight = 1;
    std::set<std::string> seen;
    for (size_t i = test.frames.size(); i-- > 0;) {
      const Frame& frame = test.frames[i];
      if (!is_editable_source(frame.path) ||
          !seen.insert(frame.path + ":" + std::to_string(frame.line)).second)
        continue;
      note(frame, weight);
      weight = std::max(0.3, weight * 0.8);
    }
  }
  for (const Frame& frame : run.frames) note(frame, 0.6);
  return evidence;
}

// Ochiai: failing tests that run the line, over the root of all failing times all that run it.
std::map<std::string, std::map<uint32_t, double>> spectrum(const std::vector<TracedTest>& traced) {
  struct Count {
    size_t failing = 0, passing = 0;
  };
  std::map<std::string, std::map<uint32_t, Count>> counts;
  size_t n_failing = 0;
  for (const TracedTest& test : traced) {
    n_failing += test.red;
    for (const auto& [path, lines] : test.lines) {
      if (!is_editable_source(path)) continue;
      for (const uint32_t line : lines) {
        Count& count = counts[path][line];
        ++(test.red ? count.failing : count.passing);
      }
    }
  }
  std::map<std::string, std::map<uint32_t, double>> scores;
  for (const auto& [path, lines] : counts)
    for (const auto& [line, count] : lines) {
      if (count.failing == 0 || line == 0) continue;
      const double all = static_cast<double>(count.failing + count.passing);
      scores[path][line - 1] =
          static_cast<double>(count.failing) / std::sqrt(static_cast<double>(n_failing) * all);
    }
  return scores;
}

std::string failure_text(const LocaliseInput& input) {
  std::string text = input.task;
  for (const TestCase& test : input.before.tests) {
    if (!test.red() || text.size() > kMaxFailureText) continue;
    text += "\n" + test.id + "\n" + test.message.substr(0, 1500);
  }
  if (text.size() < kMaxFailureText) {
    const std::string& output = input.before.output;
    text += "\n" + output.substr(output.size() - std::min<size_t>(output.size(), 3000));
  }
  return text;
}

}  // namespace

bool is_editable_source(const std::string& path) {
  if (!is_safe_relative_path(path) || repoindex::is_test_path(path)) return false;
  for (const char* part : {"node_modules", "vendor", "third_party", "site-packages", "dist",
                           "build", ".venv", "venv", ".tox", "tests", "test"})
    if (has_part(path, part)) return false;
  const std::string name = path.substr(path.rfind('/') + 1);
  if (name == "conftest.py" || name == "setup.py" || is_test_name(name)) return false;
  const repoindex::Language* language = repoindex::language_for_path(path);
  return language != nullptr && !language->edit.statement.empty();
}

Result<Localisation> localise(const LocaliseInput& input, const CancelToken& cancel) {
  Localisation result;
  std::map<std::string, SuspectFile> files;
  const auto file_of = [&](const std::string& path) -> SuspectFile& {
    SuspectFile& file = files[path];
    file.path = path;
    return file;
  };
  const auto raise = [](SuspectFile& file, uint32_t line, double score) {
    double& now = file.lines[line];
    now = std::max(now, score);
    file.score = std::max(file.score, score);
  };

  const auto executed = spectrum(input.traced);
  const auto frames = frame_evidence(input.before);
  result.has_spectrum = !executed.empty();
  result.is_weak =
      result.has_spectrum && std::none_of(input.traced.begin(), input.traced.end(),
                                          [](const TracedTest& test) { return !test.red; });
  for (const auto& [path, lines] : executed)
    for (const auto& [line, score] : lines)
      raise(file_of(path), line, result.is_weak ? 0.4 * score : score);
  for (const auto& [path, lines] : frames) {
    if (result.has_spectrum && executed.count(path) == 0) continue;
    for (const auto& [line, weight] : lines)
      raise(file_of(path), line, result.has_spectrum ? std::min(1.0, 0.5 + 0.5 * weight) : weight);
  }

  if (result.has_spectrum) {
    std::map<std::string, std::string> texts;
    for (const auto& [path, file] : files)
      if (auto text = input.tree.read(path); text && text->size() <= kMaxStaticBytes)
        texts[path] = std::move(*text);
    add_static_suspects(files, texts);
  }

  // Text evidence: always for the order of files, and the only one when nothing can be traced.
  repoindex::IndexOptions options;
  options.use_cache = false;
  options.n_threads = 2;
  options.parse_hosts = input.parse_hosts;
  auto index = repoindex::RepoIndex::open(index_root(input.tree), options);
  if (index) {
    const auto refreshed = (*index)->refresh({}, cancel);
    if (refreshed) {
      const repoindex::View view{(*index)->snapshot(), index_overlay(input.tree)};
      repoindex::LocateOptions locate_options;
      locate_options.k_files = input.max_files;
      locate_options.k_functions = 30;
      for (const auto& [path, lines] : frames) locate_options.mentioned.push_back(path);
      const auto located = repoindex::locate(view, failure_text(input), locate_options, cancel);
      if (located && result.is_weak) {
        // What ran and is named by the failure's words.
        double best = 1e-9;
        for (const auto& function : located->functions) best = std::max(best, function.score);
        for (const auto& function : located->functions) {
          const auto file = files.find(function.path);
          const auto text = view.text(function.path);
          if (file == files.end() || !text) continue;
          const LineIndex lines(*text);
          const uint32_t first = lines.position(function.range.begin).line;
          const uint32_t last = lines.position(function.range.end).line;
          for (auto at = file->second.lines.lower_bound(first);
               at != file->second.lines.end() && at->first <= last; ++at)
            raise(file->second, at->first, 0.4 + 0.5 * function.score / best);
        }
      }
      if (located && !result.has_spectrum) {
        double best = 1e-9;
        for (const auto& file : located->files) best = std::max(best, file.score);
        for (const auto& ranked : located->files) {
          if (!is_editable_source(ranked.path)) continue;
          SuspectFile& file = file_of(ranked.path);
          file.other_lines = std::max(file.other_lines, 0.05 + 0.25 * ranked.score / best);
          file.score = std::max(file.score, file.other_lines);
        }
        best = 1e-9;
        for (const auto& function : located->functions) best = std::max(best, function.score);
        for (const auto& function : located->functions) {
          if (!is_editable_source(function.path)) continue;
          const auto text = view.text(function.path);
          if (!text) continue;
          const LineIndex lines(*text);
          const uint32_t first = lines.position(function.range.begin).line;
          const uint32_t last = lines.position(function.range.end).line;
          for (uint32_t line = first; line <= last && line < first + 400; ++line)
            raise(file_of(function.path), line, 0.2 + 0.5 * function.score / best);
        }
        // The function around a named place is nearly as suspect as the place.
        for (const auto& [path, named] : frames) {
          const auto facts = view.facts(path);
          const auto text = view.text(path);
          if (!facts || !text) continue;
          const LineIndex lines(*text);
          for (const auto& symbol : facts->symbols) {
            if (symbol.kind != repoindex::SymbolKind::function &&
                symbol.kind != repoindex::SymbolKind::method)
              continue;
            const uint32_t first = lines.position(symbol.begin).line;
            const uint32_t last = lines.position(symbol.end).line;
            for (const auto& [line, weight] : named)
              if (first <= line && line <= last)
                for (uint32_t at = first; at <= last && at < first + 400; ++at)
                  raise(file_of(path), at, 0.7 * weight);
          }
        }
        // The issue and the output may name nothing at all: then all sources are equal suspects.
        if (files.empty()) {
          for (const std::string& path : view.paths())
            if (is_editable_source(path) && files.size() < input.max_files) {
              SuspectFile& file = file_of(path);
              file.other_lines = file.score = 0.1;
            }
          if (!files.empty())
            result.notes.push_back(
                "nothing in the failure points at a file: all sources are tried");
        }
      }
      if (!located) result.notes.push_back("ranking by text failed: " + located.error().message);
    } else {
      ENGRAMD_CHECK(cancel.check());
      result.notes.push_back("the tree could not be indexed: " + refreshed.error().message);
    }
  } else {
    result.notes.push_back("the tree could not be indexed: " + index.error().message);
  }
  for (auto& [path, file] : files) result.files.push_back(std::move(file));
  std::stable_sort(result.files.begin(), result.files.end(),
                   [](const SuspectFile& a, const SuspectFile& b) { return a.score > b.score; });
  if (result.files.size() > input.max_files) result.files.resize(input.max_files);
  return result;
}

}  // namespace engramd::agent
