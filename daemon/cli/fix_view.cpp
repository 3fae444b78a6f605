#include "daemon/cli/fix_view.h"

#include <unistd.h>

#include <cmath>
#include <cstdio>

#include "agent/loop/clean_text.h"
#include "agent/loop/step_text.h"
#include "agent/loop/trajectory_view.h"
#include "base/text.h"
#include "daemon/cli/command.h"

namespace engramd::daemon::cli {
namespace {

// Shorter stages are not worth a line of their own.
constexpr double kWorthALine = 0.05;
constexpr size_t kShownTests = 12;

std::string seconds_text(double seconds) {
  return fixed(seconds, seconds < 10 ? 1 : 0) + " s";
}

// What others wrote reaches a terminal as text only.
std::string safe(const std::string& text) {
  return agent::with_visible_controls(utf8_sanitized(text));
}

std::string padded(const std::string& text, size_t width) {
  size_t n = 0;
  for (size_t at = 0; at < text.size(); at += utf8_length_at(text, at)) ++n;
  return n < width ? text + std::string(width - n, ' ') : text + " ";
}

std::string thousands(int64_t value) {
  std::string digits = std::to_string(value);
  for (size_t at = digits.size(); at > 3;) digits.insert(at -= 3, ",");
  return digits;
}

}  // namespace

FixView::FixView(bool quiet, bool verbose)
    : quiet_(quiet),
      verbose_(verbose),
      colour_(shows_colour(STDERR_FILENO)),
      live_(!quiet && is_terminal(STDERR_FILENO)) {}

FixView::~FixView() {
  end_stage();
}

void FixView::line(const std::string& text) {
  if (!quiet_) live_.print(text);
}

void FixView::pause() {
  live_.at_work("");
}

void FixView::end_stage() {
  if (stage_.empty() || quiet_) return;
  const double seconds = std::chrono::duration<double>(Clock::now() - stage_since_).count();
  if (seconds >= kWorthALine)
    live_.print(painted(colour_, kDim, padded("  " + stage_, 14)) + padded(detail_, 50) +
                painted(colour_, kDim, seconds_text(seconds)));
  stage_.clear();
  live_.at_work("");
}

void FixView::on_progress(const agent::FixProgress& p) {
  if (quiet_) return;
  std::lock_guard lock(mutex_);
  const std::string detail = safe(p.detail);
  if (p.stage != stage_ || detail != detail_) {
    end_stage();
    stage_ = p.stage;
    detail_ = detail;
    stage_since_ = Clock::now();
    live_.at_work(stage_ + (detail_.empty() ? "" : ": " + detail_));
  }
  if (p.total > 0)
    live_.update(stage_ + " " + std::to_string(p.done) + " of " + std::to_string(p.total));
}

void FixView::on_event(const agent::LoopEvent& event) {
  using Kind = agent::LoopEvent::Kind;
  if (quiet_) return;
  std::lock_guard lock(mutex_);
  const std::string detail = safe(event.detail);
  switch (event.kind) {
    case Kind::started:
      end_stage();
      break;
    case Kind::resumed:
      end_stage();
      live_.print("  resumed after step " + std::to_string(event.step));
      break;
    case Kind::thinking:
      end_stage();
      live_.at_work("thinking");
      break;
    case Kind::said:
      if (verbose_)
        for (const std::string_view said : split_lines(detail))
          live_.print(painted(colour_, kCyan, "      " + std::string(said)));
      else
        live_.print(
            painted(colour_, kCyan, "      " + safe(agent::shortened_line(event.detail, 90))));
      break;
    case Kind::running:
      live_.at_work(safe(event.tool) + (detail.empty() ? "" : " " + detail));
      break;
    case Kind::step: {
      end_stage();
      live_.at_work("");
      std::string number = std::to_string(event.step);
      number.insert(0, number.size() < 3 ? 3 - number.size() : 0, ' ');
      // "+3 -1" of an edit in the colours of a diff.
      live_.print(painted(colour_, kDim, number) + " " +
                  painted(colour_, event.ok ? kGreen : kRed, event.ok ? "✓" : "✗") + " " +
                  painted(colour_, kBold, padded(safe(event.tool), 15)) + padded(detail, 50) +
                  painted(colour_, kDim, seconds_text(event.seconds)));
      break;
    }
    case Kind::note:
      live_.print(painted(colour_, kYellow, "      " + detail));
      break;
  }
}

namespace {

const char* colour_of(agent::Outcome outcome) {
  switch (outcome) {
    case agent::Outcome::resolved:
    case agent::Outcome::nothing_to_fix:
      return kGreen;
    case agent::Outcome::unverified:
    case agent::Outcome::cancelled:
      return kYellow;
    default:
      return kRed;
  }
}

void print_tests(const agent::Report& report, bool colour, bool verbose) {
  const bool ran_after = report.n_passed_after + report.n_red_after > 0;
  const size_t n = verbose ? report.tests.size() : std::min(report.tests.size(), kShownTests);
  for (size_t i = 0; i < n; ++i) {
    const agent::TestEvidence& test = report.tests[i];
    const bool good = test.after == "passed";
    std::printf("  %s %s: %s", painted(colour, good ? kGreen : kRed, good ? "✓" : "✗").c_str(),
                safe(test.id).c_str(), test.before.empty() ? "(new)" : test.before.c_str());
    if (ran_after) std::printf(" -> %s", test.after.empty() ? "(not run)" : test.after.c_str());
    std::printf("\n");
  }
  if (n < report.tests.size())
    std::printf("  and %zu more; --verbose or --report names them\n", report.tests.size() - n);
  if (!report.reproduction.path.empty())
    std::printf(
        "  reproduction test %s: %s -> %s\n", safe(report.reproduction.path).c_str(),
        report.reproduction.before.c_str(),
        report.reproduction.after.empty() ? "(not run)" : report.reproduction.after.c_str());
  if (report.n_passed_before + report.n_red_before == 0 && !ran_after) return;
  std::printf("%zu red and %zu green before", report.n_red_before, report.n_passed_before);
  if (ran_after)
    std::printf(", %zu red and %zu green after\n", report.n_red_after, report.n_passed_after);
  else
    std::printf("\n");
}

void print_costs(const agent::Report& report) {
  if (report.strategy != "tools") {
    std::printf("%zu of %zu candidates tried, %.1f s\n", report.n_tried, report.n_candidates,
                report.wall_s);
    return;
  }
  if (report.n_steps == 0 && report.usage.prompt_tokens == 0) {
    std::printf("%.1f s, no model was asked\n", report.wall_s);
    return;
  }
  std::printf("%zu steps, %s prompt tokens (%.0f %% of each as in the one before), ",
              report.n_steps, thousands(report.usage.prompt_tokens).c_str(), 100 * report.reused);
  std::printf("%s completion tokens", thousands(report.usage.completion_tokens).c_str());
  if (report.cost > 0) std::printf(", cost %.4f", report.cost);
  std::printf("; model %.1f s, tools %.1f s, all %.1f s\n", report.model_s, report.tools_s,
              report.wall_s);
}

}  // namespace

namespace {

// How sure a repair is, and what was not sure enough to be the patch.
void print_evidence(const agent::Report& report, bool colour, bool verbose) {
  constexpr size_t kShown = 3;
  if (report.strategy != "repair") return;
  if (!report.reasons.empty()) {
    std::printf("confidence %.2f:", report.confidence);
    for (size_t i = 0; i < report.reasons.size(); ++i)
      std::printf("%s %s", i == 0 ? "" : ";", safe(report.reasons[i]).c_str());
    std::printf("\n");
  }
  const size_t n =
      verbose ? report.suggestions.size() : std::min(kShown, report.suggestions.size());
  for (size_t i = 0; i < n; ++i) {
    const agent::Suggestion& one = report.suggestions[i];
    std::printf("suggestion, confidence %.2f (%s):\n%s", one.confidence, one.edit_kind.c_str(),
                agent::readable_diff(one.patch, colour).c_str());
  }
  // Somewhat less than it has: another run may find a rival more, which costs it some belief.
  constexpr double kLess = 0.75;
  if (report.patch.empty() && !report.suggestions.empty())
    std::printf("to get the first as the patch: --min-confidence %.2f\n",
                std::floor(100 * kLess * report.suggestions.front().confidence) / 100);
}

}  // namespace

void print_report(const agent::Report& report, bool verbose) {
  const bool colour = shows_colour(STDOUT_FILENO);
  const std::string outcome(to_string(report.outcome));
  std::printf("%s", painted(colour, colour_of(report.outcome), outcome).c_str());
  if (!report.exit.empty() && report.exit != outcome) std::printf(" (%s)", report.exit.c_str());
  if (!report.test_command.empty()) std::printf(": %s", safe(report.test_command).c_str());
  std::printf("\n");
  if (!report.problem.empty()) std::printf("%s\n", safe(report.problem).c_str());
  if (!report.summary.empty()) std::printf("%s\n", safe(report.summary).c_str());
  if (!report.patch.empty())
    std::printf("\n%s\n", agent::readable_diff(report.patch, colour).c_str());
  print_tests(report, colour, verbose);
  print_costs(report);
  print_evidence(report, colour, verbose);
  for (const std::string& note : report.notes) std::printf("note: %s\n", safe(note).c_str());
  if (report.applied)
    std::printf("applied; `engramd undo %s` takes it back\n", report.journal.c_str());
  else if (!report.patch.empty())
    std::printf("the work tree is as it was; --apply writes the change\n");
}

}  // namespace engramd::daemon::cli
