#include "agent/verify/verifier.h"

#include <algorithm>
#include <chrono>

#include "agent/tests/affected.h"
#include "agent/tools/tool.h"
#include "agent/verify/lint.h"
#include "agent/verify/shortest_failure.h"
#include "repoindex/index.h"

namespace engramd::agent {
namespace {

constexpr size_t kMaxBase = 500;  // files whose base is remembered

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Style may be left for later; a model that is told of it works on nothing else.
bool is_worth_telling(const Diagnostic& diagnostic) {
  return diagnostic.severity == Severity::error || diagnostic.severity == Severity::warning;
}

}  // namespace

EditVerifier::EditVerifier(Workbench& bench, VerifyOptions options)
    : bench_(bench), options_(std::move(options)) {}
EditVerifier::~EditVerifier() = default;

void EditVerifier::note(const std::string& text) {
  if (told_.insert(text).second) notes_.push_back(text);
}

Feedback EditVerifier::after_edit(const std::vector<std::string>& paths,
                                  const CancelToken& cancel) {
  Feedback out;
  std::vector<std::string> there;  // a removed file has nothing to look at
  for (const std::string& path : paths)
    if (!bench_.removed().contains(path) && bench_.read(path)) there.push_back(path);
  std::vector<Diagnostic> found;
  if (options_.lint) {
    const Clock::time_point start = Clock::now();
    found = lint_all(there, cancel);
    out.lint_s = seconds_since(start);
  }
  if (options_.diagnostics && options_.diagnostics_source) {
    const Clock::time_point start = Clock::now();
    for (Diagnostic& one : diagnose_all(there, cancel)) found.push_back(std::move(one));
    out.diagnostics_s = seconds_since(start);
  }
  std::erase_if(found, [](const Diagnostic& one) { return !is_worth_telling(one); });
  out.errors = std::any_of(found.begin(), found.end(),
                           [](const Diagnostic& one) { return one.severity == Severity::error; });
  if (!found.empty()) out.text += "new since the edit:\n" + readable(found, options_.max_bytes / 2);
  if (options_.tests && !out.errors && !cancel.cancelled()) {
    const Clock::time_point start = Clock::now();
    run_tests(paths, cancel, out);
    out.tests_s = seconds_since(start);
  }
  for (const std::string& text : std::exchange(notes_, {})) out.text += "(" + text + ")\n";
  out.text = capped(out.text, options_.max_bytes);
  return out;
}

std::vector<Diagnostic> EditVerifier::lint_all(const std::vector<std::string>& paths,
                                               const CancelToken& cancel) {
  std::vector<Diagnostic> out;
  const Clock::time_point end = Clock::now() + std::chrono::milliseconds(options_.lint_ms);
  for (const std::string& path : paths) {
    const LinterRow* row = linter_for(bench_.tree(), repoindex::language_of(path));
    if (row == nullptr) continue;
    const auto left = [&] {
      return std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
    };
    if (left() <= 0 || cancel.cancelled()) break;
    const auto sandbox = bench_.sandbox();
    const auto text = bench_.read(path);
    if (!sandbox || !text) return out;
    auto now = lint(*row, **sandbox, path, *text, std::max<int64_t>(left(), 1), cancel);
    if (!now) {
      note(now.error().message);
      continue;
    }
    const std::string base_text = bench_.base_text(path).value_or("");
    if (row->reads_stdin && !base_lint_.contains(path) && !now->empty() && !base_text.empty()) {
      auto base = lint(*row, **sandbox, path, base_text, std::max<int64_t>(left(), 500), cancel);
      if (base && base_lint_.size() < kMaxBase) base_lint_[path] = std::move(*base);
    }
    std::vector<Diagnostic> fresh = new_diagnostics(base_text, base_lint_[path], *text, *now);
    if (!row->reads_stdin) {
      // The base cannot be asked about: what stands on lines that stayed is taken as old.
      fresh = on_changed_lines(base_text, *text, fresh);
    }
    out.insert(out.end(), fresh.begin(), fresh.end());
  }
  return out;
}

EditVerifier::Server& EditVerifier::server_of(const std::string& language,
                                              const CancelToken& cancel) {
  const auto [place, is_new] = servers_.try_emplace(language);
  if (!is_new) return place->second;
  const auto sandbox = bench_.sandbox();
  if (!sandbox) return place->second;
  auto made = options_.diagnostics_source(language, **sandbox, cancel);
  if (made)
    place->second.source = std::move(*made);
  else if (made.error().code != ErrorCode::not_found)
    note(made.error().message);
  return place->second;
}

std::vector<Diagnostic> EditVerifier::diagnose_all(const std::vector<std::string>& paths,
                                                   const CancelToken& cancel) {
  std::vector<Diagnostic> out;
  Clock::time_point end = Clock::now() + std::chrono::milliseconds(options_.diagnostics_ms);
  for (const std::string& path : paths) {
    const std::string language = repoindex::language_of(path);
    if (language.empty() || cancel.cancelled()) continue;
    Server& server = server_of(language, cancel);
    if (!server.source) continue;
    if (!server.answered) end += std::chrono::milliseconds(options_.server_start_ms);
    const auto left = [&] {
      return std::max(std::chrono::milliseconds(1),
                      std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()));
    };
    const auto text = bench_.read(path);
    if (!text) continue;
    const std::optional<std::string> base_text = bench_.base_text(path);
    const auto failed = [&](const Error& error) {
      note(error.message);
      if (error.code == ErrorCode::unavailable) server.source.reset();
    };
    if (base_text && !base_diagnostics_.contains(path)) {
      auto base = server.source->diagnostics(path, *base_text, left(), cancel);
      if (!base) {
        failed(base.error());
        continue;
      }
      if (base_diagnostics_.size() < kMaxBase) base_diagnostics_[path] = std::move(*base);
    }
    server.answered = true;
    auto now = server.source->diagnostics(path, *text, left(), cancel);
    if (!now) {
      failed(now.error());
      continue;
    }
    const std::vector<Diagnostic> fresh =
        new_diagnostics(base_text.value_or(""), base_diagnostics_[path], *text, *now);
    out.insert(out.end(), fresh.begin(), fresh.end());
  }
  return out;
}

void EditVerifier::run_tests(const std::vector<std::string>& paths, const CancelToken& cancel,
                             Feedback& out) {
  if (!bench_.has_tests() || options_.max_test_files == 0) return;
  const auto view = bench_.view(cancel);
  if (!view) return;
  AffectedOptions nearest;
  nearest.max_files = options_.max_test_files;
  std::vector<std::string> files;
  for (const AffectedTest& test : affected_tests(*view, {paths, {}}, nearest, cancel))
    files.push_back(test.file);
  if (files.empty()) return;
  auto run = bench_.run_tests(files, options_.tests_ms, cancel);
  if (!run || cancel.cancelled()) return;
  std::string list;
  for (const std::string& file : files) list += (list.empty() ? "" : ", ") + file;
  // Of a run whose tests could not be told apart only the exit status is known.
  const std::string n_passed =
      run->tests.empty() ? "" : std::to_string(run->count(TestStatus::passed)) + " ";
  if (run->timed_out && run->red_ids().size() <= 1) {
    note("the nearest tests did not end in " + std::to_string(options_.tests_ms / 1000) +
         " s: " + list);
    return;
  }
  if (!run->problem.empty()) {
    note("the nearest tests could not be run: " + run->problem);
    return;
  }
  if (run->green) {
    out.text += "nearest tests: " + n_passed + "pass (" + list + ")\n";
    red_before_.clear();
    return;
  }
  out.errors = true;
  const std::vector<std::string> red = run->red_ids();
  size_t n_new = 0;
  for (const std::string& id : red) n_new += red_before_.contains(id) ? 0 : 1;
  out.text +=
      "nearest tests (" + list + "): " +
      (run->tests.empty() ? "they fail"
                          : n_passed + "pass, " + std::to_string(red.size()) + " red") +
      (red_before_.empty() ? "" : ", " + std::to_string(n_new) + " of them since this edit") +
      "\n" + shortest_failure(*run, options_.max_bytes / 2) + "\n";
  red_before_ = std::set<std::string>(red.begin(), red.end());
}

}  // namespace engramd::agent
