#include "daemon/wiring/line_judge.h"

#include <algorithm>
#include <map>

#include "daemon/completion/prompt_window.h"
#include "repoindex/context.h"

namespace engramd::daemon {
namespace {

using engine::TokenId;

// Small enough to be read in a few hundredths of a second: a repair asks about dozens of lines.
constexpr PromptLimits kLimits{192, 96, 0};
constexpr size_t kMaxPromptTokens = kLimits.prefix_tokens + kLimits.suffix_tokens + 16;
constexpr size_t kMaxLineTokens = 96;
constexpr size_t kGeneratedTokens = 128;
constexpr size_t kPrefixBytes = 1600, kSuffixBytes = 600;  // for models without our prompts
constexpr double kLog2OfE = 1.4426950408889634;

size_t line_end(std::string_view text, size_t at) {
  const size_t found = text.find('\n', at);
  return found == std::string_view::npos ? text.size() : found + 1;
}

}  // namespace

ChangedLines changed_lines(std::string_view before, std::string_view after) {
  const size_t shortest = std::min(before.size(), after.size());
  size_t head = 0;
  while (head < shortest && before[head] == after[head]) ++head;
  size_t tail = 0;
  while (tail < shortest - head &&
         before[before.size() - 1 - tail] == after[after.size() - 1 - tail])
    ++tail;
  ChangedLines lines;
  const size_t start = head == 0 ? std::string_view::npos : before.rfind('\n', head - 1);
  lines.begin = start == std::string_view::npos ? 0 : start + 1;
  const auto end_of = [&](std::string_view text) {
    const size_t end = text.size() - tail;
    // What ends where a line does takes no part of the next.
    return end > lines.begin && text[end - 1] == '\n' ? end : line_end(text, end);
  };
  lines.before_end = end_of(before);
  lines.after_end = end_of(after);
  // Lines that came or went are judged with the line behind them, or there is nothing to compare.
  if (before.size() - lines.before_end != after.size() - lines.after_end ||
      lines.before_end == lines.begin || lines.after_end == lines.begin) {
    lines.before_end = line_end(before, before.size() - tail);
    lines.after_end = line_end(after, after.size() - tail);
  }
  return lines;
}

LineJudge::LineJudge(std::shared_ptr<const engine::Model> model,
                     std::unique_ptr<engine::Session> session)
    : model_(std::move(model)),
      session_(std::move(session)),
      style_(prompt_style(model_->info(), model_->tokenizer().specials())) {}

Result<std::unique_ptr<LineJudge>> LineJudge::make(std::shared_ptr<const engine::Model> model) {
  ENGRAMD_TRY(auto session,
              model->open_session(kMaxPromptTokens + kMaxLineTokens + kGeneratedTokens));
  return std::unique_ptr<LineJudge>(new LineJudge(std::move(model), std::move(session)));
}

std::vector<TokenId> LineJudge::prompt(const std::string& path, std::string_view prefix,
                                       std::string_view suffix) const {
  if (style_.has_excerpts) {
    PromptWindow window(model_->tokenizer(), kLimits);
    return window.build({path, prefix, suffix, prefix.size()}, {}, kMaxPromptTokens);
  }
  if (prefix.size() > kPrefixBytes) {
    const size_t cut = prefix.find('\n', prefix.size() - kPrefixBytes);
    if (cut != std::string_view::npos) prefix.remove_prefix(cut + 1);
  }
  std::vector<TokenId> tokens = build_prompt(model_->tokenizer(), style_, repoindex::Window{},
                                             prefix, suffix.substr(0, kSuffixBytes));
  if (tokens.size() > kMaxPromptTokens)
    tokens.erase(tokens.begin(), tokens.end() - static_cast<std::ptrdiff_t>(kMaxPromptTokens));
  return tokens;
}

std::vector<LineOdds> LineJudge::odds(const std::string& path, std::string_view before,
                                      const std::vector<std::string>& edited,
                                      const CancelToken& cancel) {
  std::vector<LineOdds> all(edited.size());
  std::map<std::pair<size_t, size_t>, std::vector<size_t>> places;  // begin, end -> edits
  std::vector<ChangedLines> lines;
  for (size_t i = 0; i < edited.size(); ++i) {
    lines.push_back(changed_lines(before, edited[i]));
    places[{lines[i].begin, lines[i].before_end}].push_back(i);
  }
  const auto encode = [&](std::string_view text) {
    std::vector<TokenId> tokens = model_->tokenizer().encode(text);
    if (tokens.size() > kMaxLineTokens) tokens.resize(kMaxLineTokens);
    return tokens;
  };
  for (const auto& [place, edits] : places) {
    const auto& [begin, end] = place;
    std::vector<std::vector<TokenId>> texts{encode(before.substr(begin, end - begin))};
    for (const size_t i : edits)
      texts.push_back(
          encode(std::string_view(edited[i]).substr(begin, lines[i].after_end - begin)));
    const auto scores =
        session_->score(prompt(path, before.substr(0, begin), before.substr(end)), texts, cancel);
    if (cancel.cancelled() || !scores) return all;
    for (size_t k = 0; k < edits.size(); ++k)
      all[edits[k]] = {texts[0].size(), texts[k + 1].size(), kLog2OfE * scores->front(),
                       kLog2OfE * (*scores)[k + 1]};
  }
  return all;
}

}  // namespace engramd::daemon
