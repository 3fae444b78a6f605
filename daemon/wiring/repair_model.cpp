#include "daemon/wiring/repair_model.h"

#include <algorithm>
#include <numeric>

#include "base/text.h"
#include "engine/api/fim.h"
#include "engine/api/session.h"
#include "repoindex/memory/memory.h"

namespace engramd::daemon {
namespace {

using engine::TokenId;

constexpr size_t kMaxContextTokens = 160;  // of the lines above the change
constexpr size_t kMaxChangedTokens = 96;
constexpr size_t kMaxScoredByNetwork = 192;
constexpr double kNetworkShare = 0.35;  // of a candidate's score; the memory has the rest
constexpr size_t kMaxProposals = 3;
constexpr size_t kMaxPromptTokens = 400, kMaxSuffixBytes = 600, kMaxPrefixBytes = 1600;

// What is left of a place, from a line's start on.
std::string_view window_before(std::string_view text, size_t end) {
  text = text.substr(0, end);
  if (text.size() <= kMaxPrefixBytes) return text;
  const size_t cut = text.find('\n', text.size() - kMaxPrefixBytes);
  return cut == std::string_view::npos ? text : text.substr(cut + 1);
}

// Where two texts differ, widened to whole lines of the second.
struct ChangedLines {
  std::string_view above, lines;
};
ChangedLines changed_lines(std::string_view before, std::string_view after) {
  const size_t shortest = std::min(before.size(), after.size());
  size_t head = 0;
  while (head < shortest && before[head] == after[head]) ++head;
  size_t tail = 0;
  while (tail < shortest - head &&
         before[before.size() - 1 - tail] == after[after.size() - 1 - tail])
    ++tail;
  const size_t line_start = head == 0 ? std::string_view::npos : after.rfind('\n', head - 1);
  const size_t begin = line_start == std::string_view::npos ? 0 : line_start + 1;
  size_t end = after.find('\n', after.size() - tail);
  end = end == std::string_view::npos ? after.size() : end + 1;
  return {after.substr(0, begin), after.substr(begin, end - begin)};
}

class Helper {
 public:
  Helper(std::shared_ptr<const engine::Model> model,
         std::shared_ptr<const repoindex::RepositoryMemory> memory,
         std::unique_ptr<engine::Session> session)
      : model_(std::move(model)), memory_(std::move(memory)), session_(std::move(session)) {}

  std::vector<double> rank(const std::string& before, const std::vector<std::string>& candidates,
                           const CancelToken& cancel) {
    std::vector<double> scores(candidates.size(), 0);
    std::vector<Encoded> encoded;
    encoded.reserve(candidates.size());
    for (size_t i = 0; i < candidates.size(); ++i) {
      if (cancel.cancelled()) return {};
      encoded.push_back(encode(before, candidates[i]));
      scores[i] = memory_->log2_likelihood(encoded[i].context, encoded[i].changed, n_vocab());
    }
    std::vector<size_t> order(candidates.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return scores[a] > scores[b]; });
    order.resize(std::min(order.size(), kMaxScoredByNetwork));
    std::vector<double> mixed = scores;
    for (const size_t i : order) {
      // Half of them mixed would be two scales in one list: then the memory alone has a say.
      if (cancel.cancelled()) return scores;
      if (const auto bits = network_bits(encoded[i], cancel))
        mixed[i] = (1 - kNetworkShare) * scores[i] + kNetworkShare * *bits;
    }
    return mixed;
  }

  // With the text on both sides where the model knows how to fill a gap, else with what is left of
  // it. The first is the most likely one, the others are drawn.
  std::vector<std::string> infill(const std::string& path, const std::string& text, ByteRange hole,
                                  const CancelToken& cancel) {
    const std::string_view held = std::string_view(text).substr(hole.begin, hole.size());
    const size_t indent = std::min(held.find_first_not_of(" \t"), held.size());
    const size_t n_lines = static_cast<size_t>(std::count(held.begin(), held.end(), '\n'));
    engine::FimRequest request;
    request.path = path;
    request.prefix = window_before(text, hole.begin + indent);
    request.suffix = std::string_view(text).substr(hole.end, kMaxSuffixBytes);
    std::vector<TokenId> prompt = engine::fim_prompt(model_->tokenizer(), request);
    if (prompt.size() > kMaxPromptTokens)
      prompt.erase(prompt.begin(), prompt.end() - static_cast<long>(kMaxPromptTokens));
    std::vector<std::string> found;
    for (size_t i = 0; i < kMaxProposals && !cancel.cancelled(); ++i) {
      engine::GenerateOptions options;
      options.max_tokens = 24 + 24 * n_lines;
      options.sample = {i == 0 ? 0.0f : 0.8f, 20, 0.95f, 1 + i};
      options.stop_when = [n_lines](std::string_view so_far) {
        return static_cast<size_t>(std::count(so_far.begin(), so_far.end(), '\n')) > n_lines;
      };
      auto generated = session_->generate(prompt, options, cancel);
      if (!generated) break;
      std::string_view piece = generated->text;
      for (size_t at = 0, lines = 0; at < piece.size(); ++at)
        if (piece[at] == '\n' && ++lines > n_lines) piece = piece.substr(0, at);
      while (!piece.empty() && (piece.back() == '\n' || piece.back() == ' '))
        piece.remove_suffix(1);
      if (trim(piece).empty()) continue;
      std::string whole = std::string(held.substr(0, indent)) + std::string(piece);
      if (whole != held && std::find(found.begin(), found.end(), whole) == found.end())
        found.push_back(std::move(whole));
    }
    return found;
  }

 private:
  struct Encoded {
    std::vector<TokenId> context, changed;
  };

  size_t n_vocab() const { return model_->tokenizer().n_vocab(); }

  std::vector<TokenId> last_tokens(std::string_view text, size_t n) const {
    // Eight bytes a token are more than enough text for n tokens; cut at a line's start.
    if (text.size() > n * 8) {
      const size_t cut = text.find('\n', text.size() - n * 8);
      if (cut != std::string_view::npos) text.remove_prefix(cut + 1);
    }
    std::vector<TokenId> tokens = model_->tokenizer().encode(text);
    if (tokens.size() > n) tokens.erase(tokens.begin(), tokens.end() - static_cast<long>(n));
    return tokens;
  }

  Encoded encode(std::string_view before, std::string_view after) const {
    const ChangedLines changed = changed_lines(before, after);
    Encoded encoded{last_tokens(changed.above, kMaxContextTokens),
                    model_->tokenizer().encode(changed.lines)};
    if (encoded.changed.size() > kMaxChangedTokens) encoded.changed.resize(kMaxChangedTokens);
    return encoded;
  }

  // Mean log2 probability per token, on the memory's scale.
  std::optional<double> network_bits(const Encoded& encoded, const CancelToken& cancel) {
    if (encoded.context.empty() || encoded.changed.empty()) return std::nullopt;
    auto score = session_->score(encoded.context, {encoded.changed}, cancel);
    if (!score || score->empty()) return std::nullopt;
    constexpr double kLog2OfE = 1.4426950408889634;
    return score->front() * kLog2OfE / static_cast<double>(encoded.changed.size());
  }

  std::shared_ptr<const engine::Model> model_;
  std::shared_ptr<const repoindex::RepositoryMemory> memory_;
  std::unique_ptr<engine::Session> session_;
};

}  // namespace

Result<RepairModel> make_repair_model(std::shared_ptr<const engine::Model> model,
                                      const repoindex::View& view, const std::string& near,
                                      const CancelToken& cancel) {
  const auto encode = [model](std::string_view text) { return model->tokenizer().encode(text); };
  ENGRAMD_TRY(auto memory, repoindex::RepositoryMemory::build(view, near, encode, {}, cancel));
  ENGRAMD_TRY(auto session, model->open_session(kMaxPromptTokens + kMaxChangedTokens + 64));
  auto helper = std::make_shared<Helper>(std::move(model), std::move(memory), std::move(session));
  RepairModel repair;
  repair.ranker = [helper](const std::string&, const std::string& before,
                           const std::vector<std::string>& candidates, const CancelToken& stop) {
    return helper->rank(before, candidates, stop);
  };
  repair.infill = [helper](const std::string& path, const std::string& text, ByteRange hole,
                           const CancelToken& stop) {
    return helper->infill(path, text, hole, stop);
  };
  return repair;
}

}  // namespace engramd::daemon
