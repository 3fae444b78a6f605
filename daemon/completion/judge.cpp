#include "daemon/completion/judge.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "daemon/completion/calibration.h"

namespace engramd::daemon {
namespace {

constexpr float kLeastProbability = 1e-6f;

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n\f") == std::string_view::npos;
}

struct Line {
  LineEvidence evidence;
  size_t end = 0;  // of its text in the decoded one, without the break
};

// Tokens that begin behind `shown_end` do not count; the one that begins there does: it is the
// decision to end.
std::vector<Line> lines_of(const engine::Tokenizer& tokenizer, const Decoded& decoded,
                           const JudgeSettings& settings, size_t shown_end) {
  std::vector<Line> lines;
  Line line;
  size_t at = 0, line_begin = 0, n_tokens = 0, n_memory = 0;
  float match_sum = 0;
  const auto close = [&](size_t end) {
    LineEvidence& e = line.evidence;
    e.continued = !lines.empty();
    e.whole = settings.whole_line || e.continued;
    e.mixed = settings.mixed;
    e.n_tokens = static_cast<float>(n_tokens);
    const auto n = static_cast<float>(std::max<size_t>(n_tokens, 1));
    e.match_length = match_sum / n;
    e.from_memory = static_cast<float>(n_memory) / n;
    e.n_bytes = static_cast<float>(end - std::min(end, line_begin));
    line.end = end;
    lines.push_back(line);
    line = {};
    n_tokens = n_memory = 0;
    match_sum = 0;
  };
  const std::string_view text(decoded.text);
  for (const DecodedToken& token : decoded.tokens) {
    if (at > shown_end) break;
    LineEvidence& e = line.evidence;
    if (n_tokens == 0) {
      line_begin = at;
      e.first_match = token.evidence.match_length;
      e.first_n_seen = token.evidence.n_seen;
    }
    const float log_p = std::log(std::max(token.probability, kLeastProbability));
    e.log_p += log_p;
    e.min_log_p = std::min(e.min_log_p, log_p);
    match_sum += token.evidence.match_length;
    n_memory += token.memory_choice;
    ++n_tokens;
    const std::string_view bytes = tokenizer.bytes(token.token);
    const size_t line_break = bytes.find('\n');
    // A break before any text: the suggestion begins on the next line, and this is part of it.
    const bool said =
        at + line_break > settings.n_forced && line_break != std::string_view::npos &&
        !is_blank(text.substr(settings.n_forced, at + line_break - settings.n_forced));
    if (said || (line_break != std::string_view::npos && !lines.empty())) close(at + line_break);
    at += bytes.size();
  }
  if (n_tokens > 0) close(std::min(at, shown_end));
  return lines;
}

}  // namespace

// On development packages no line that was shown was less probable than what it had to reach by
// more than 0.16 nats (mixed, of 206) and 0.85 (the memory alone, of 166).
float least_log_probability(const JudgeSettings& settings) {
  constexpr float kMixed = 1, kMemory = 2;
  if (!(settings.wanted > 0)) return -std::numeric_limits<float>::infinity();
  return static_cast<float>(std::log(settings.wanted)) - (settings.mixed ? kMixed : kMemory);
}

std::vector<LineEvidence> evidence_of(const engine::Tokenizer& tokenizer, const Decoded& decoded,
                                      const JudgeSettings& settings) {
  std::vector<LineEvidence> evidence;
  for (const Line& line : lines_of(tokenizer, decoded, settings, decoded.text.size()))
    evidence.push_back(line.evidence);
  return evidence;
}

Judged judge(const engine::Tokenizer& tokenizer, const Gate& gate, const StopRules& rules,
             const Decoded& decoded, const JudgeSettings& settings) {
  Judged judged;
  const std::string_view text(decoded.text);
  if (text.size() > settings.n_forced) judged.text = rules.trimmed(text.substr(settings.n_forced));
  // A last line that was cut off by a limit is no line; the cursor's own line may be.
  if (decoded.stop_reason == "length" || decoded.stop_reason == "cancelled") {
    const size_t last_line = judged.text.rfind('\n');
    if (last_line != std::string::npos) judged.text.resize(last_line);
  }
  if (judged.text.empty()) return judged;

  const size_t shown_end = settings.n_forced + judged.text.size();
  const std::vector<Line> lines = lines_of(tokenizer, decoded, settings, shown_end);
  double whole = 1;
  size_t kept = 0, balanced = 0;  // numbers of lines
  std::vector<double> so_far;
  for (const Line& line : lines) {
    judged.lines.push_back(line.evidence);
    judged.confidences.push_back(gate.confidence(line.evidence));
    const double next = whole * judged.confidences.back();
    if (kept > 0 && (judged.confidences.back() < kContinuedLine ||
                     next < std::max(settings.wanted, kSeveralLines)))
      break;
    whole = next;
    so_far.push_back(whole);
    ++kept;
    const size_t end = std::min(line.end, shown_end);
    if (end > settings.n_forced &&
        bracket_balance(text.substr(settings.n_forced, end - settings.n_forced)) <= 0)
      balanced = kept;
  }
  // A suggestion that had to be cut ends where its own brackets are closed, if it does anywhere.
  if (kept < lines.size() && balanced > 0) kept = balanced;
  if (kept == 0) return judged;
  if (kept < lines.size()) {
    const size_t end = std::min(lines[kept - 1].end, shown_end);
    judged.text.resize(end - std::min(end, settings.n_forced));
    while (!judged.text.empty() && (judged.text.back() == ' ' || judged.text.back() == '\t'))
      judged.text.pop_back();
  }
  judged.confidence = judged.text.empty() ? 0 : so_far[kept - 1];
  // It may have been left unfinished, and half a line is not what the confidence is about.
  if (lines.front().evidence.log_p < least_log_probability(settings)) judged.confidence = 0;
  float from_memory = 0, n_tokens = 0;
  for (size_t i = 0; i < kept; ++i) {
    from_memory += judged.lines[i].from_memory * judged.lines[i].n_tokens;
    n_tokens += judged.lines[i].n_tokens;
  }
  if (n_tokens > 0) judged.from_memory = static_cast<double>(from_memory / n_tokens);
  return judged;
}

}  // namespace engramd::daemon
