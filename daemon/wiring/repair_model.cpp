#include "daemon/wiring/repair_model.h"

#include <algorithm>
#include <numeric>

#include "base/text.h"
#include "engine/api/session.h"
#include "repoindex/memory/memory.h"

namespace engramd::daemon {
namespace {

using engine::TokenId;

constexpr size_t kMaxContextTokens = 160;  // of the lines above the change
constexpr size_t kMaxChangedTokens = 96;
constexpr size_t kMaxScoredByNetwork = 192;
constexpr double kNetworkShare = 0.35;  // of a candidate's score; the memory has the rest
constexpr size_t kMaxProposals = 4;

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
         std::unique_ptr<engine::Session> session, CancelToken cancel)
      : model_(std::move(model)),
        memory_(std::move(memory)),
        session_(std::move(session)),
        cancel_(std::move(cancel)) {}

  std::vector<double> rank(const std::string& before, const std::vector<std::string>& candidates) {
    std::vector<double> scores(candidates.size(), 0);
    std::vector<Encoded> encoded;
    encoded.reserve(candidates.size());
    for (size_t i = 0; i < candidates.size(); ++i) {
      if (cancel_.cancelled()) return {};
      encoded.push_back(encode(before, candidates[i]));
      scores[i] = memory_->log2_likelihood(encoded[i].context, encoded[i].changed, n_vocab());
    }
    std::vector<size_t> order(candidates.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return scores[a] > scores[b]; });
    order.resize(std::min(order.size(), kMaxScoredByNetwork));
    for (const size_t i : order) {
      if (const auto bits = network_bits(encoded[i]))
        scores[i] = (1 - kNetworkShare) * scores[i] + kNetworkShare * *bits;
    }
    return scores;
  }

  std::vector<std::string> propose(const std::string& text, uint32_t line) {
    const LineIndex lines(text);
    const ByteRange range = lines.line_range(line, text);
    const std::string_view whole = std::string_view(text).substr(range.begin, range.size());
    const size_t indent = std::min(whole.find_first_not_of(" \t"), whole.size());
    const std::string_view above = std::string_view(text).substr(0, range.begin + indent);
    const std::vector<TokenId> prompt = last_tokens(above, kMaxContextTokens);
    std::vector<std::string> proposals;
    for (size_t i = 0; i < kMaxProposals && !cancel_.cancelled(); ++i) {
      engine::GenerateOptions options;
      options.max_tokens = 40;
      // The first is the most likely line, the others are drawn.
      options.sample = {i == 0 ? 0.0f : 0.8f, 20, 0.95f, 1 + i};
      options.stop_when = [](std::string_view so_far) {
        return so_far.find('\n') != std::string_view::npos;
      };
      auto generated = session_->generate(prompt, options, cancel_);
      if (!generated) break;
      const std::string_view first =
          std::string_view(generated->text).substr(0, generated->text.find('\n'));
      if (trim(first).empty()) continue;
      std::string proposal = std::string(whole.substr(0, indent)) + std::string(trim(first));
      if (proposal != whole &&
          std::find(proposals.begin(), proposals.end(), proposal) == proposals.end())
        proposals.push_back(std::move(proposal));
    }
    return proposals;
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
  std::optional<double> network_bits(const Encoded& encoded) {
    if (encoded.context.empty() || encoded.changed.empty()) return std::nullopt;
    auto score = session_->score(encoded.context, {encoded.changed}, cancel_);
    if (!score || score->empty()) return std::nullopt;
    constexpr double kLog2OfE = 1.4426950408889634;
    return score->front() * kLog2OfE / static_cast<double>(encoded.changed.size());
  }

  std::shared_ptr<const engine::Model> model_;
  std::shared_ptr<const repoindex::RepositoryMemory> memory_;
  std::unique_ptr<engine::Session> session_;
  CancelToken cancel_;
};

}  // namespace

Result<RepairModel> make_repair_model(std::shared_ptr<const engine::Model> model,
                                      const repoindex::View& view, const std::string& near,
                                      const CancelToken& cancel) {
  const auto encode = [model](std::string_view text) { return model->tokenizer().encode(text); };
  ENGRAMD_TRY(auto memory, repoindex::RepositoryMemory::build(view, near, encode, {}, cancel));
  ENGRAMD_TRY(auto session, model->open_session(kMaxContextTokens + kMaxChangedTokens + 64));
  auto helper =
      std::make_shared<Helper>(std::move(model), std::move(memory), std::move(session), cancel);
  RepairModel repair;
  repair.ranker = [helper](const std::string&, const std::string& before,
                           const std::vector<std::string>& candidates) {
    return helper->rank(before, candidates);
  };
  repair.propose_lines = [helper](const std::string&, const std::string& text, uint32_t line) {
    return helper->propose(text, line);
  };
  return repair;
}

}  // namespace engramd::daemon
