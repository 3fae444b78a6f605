#include "daemon/completion/decode.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "agent/model/memory_drafts.h"

namespace engramd::daemon {
namespace {

using engine::TokenId;

constexpr size_t kTail = 64;  // the longest context a memory looks at

// Probabilities by choice: a token that goes on with the line is one by itself, a line end is that
// of its group, whose choice is n_vocab + group.
class Choices {
 public:
  Choices(const engine::Tokenizer& tokenizer, const LineEnds& ends)
      : tokenizer_(tokenizer), ends_(ends), n_vocab_(tokenizer.n_vocab()) {}

  size_t size() const { return n_vocab_ + ends_.n_groups(); }
  size_t of(TokenId token) const {
    const uint32_t group = ends_.group(token);
    return group == LineEnds::kNone ? static_cast<size_t>(token) : n_vocab_ + group;
  }
  bool is_line_end(size_t choice) const { return choice >= n_vocab_; }
  std::string_view text(size_t choice) const {
    return is_line_end(choice) ? ends_.text(static_cast<uint32_t>(choice - n_vocab_))
                               : tokenizer_.bytes(static_cast<TokenId>(choice));
  }

  // What the text may go on with.
  struct Rule {
    std::string_view left;  // still to be covered
    bool is_empty = true;   // nothing beyond the forced part is there yet
    bool may_start_below = false;
  };
  bool allows(TokenId token, const Rule& rule) const {
    const uint32_t group = ends_.group(token);
    // By far the most frequent question.
    if (rule.left.empty() && group == LineEnds::kNone) return !ends_.is_silent(token);
    const std::string_view bytes = tokenizer_.bytes(token);
    if (!rule.left.empty()) {
      if (bytes.empty() || !(bytes.starts_with(rule.left) || rule.left.starts_with(bytes)))
        return false;
    }
    if (group == LineEnds::kNone || !rule.is_empty) return true;
    // A line end as the first thing: a suggestion of nothing, unless one may begin below.
    if (ends_.text(group).size() > rule.left.size()) return true;
    return rule.may_start_below && !ends_.is_stop(token);
  }

 private:
  const engine::Tokenizer& tokenizer_;
  const LineEnds& ends_;
  const size_t n_vocab_;
};

struct Best {
  size_t choice = SIZE_MAX;
  float probability = 0;
};

// What one source says: by token, and summed by choice.
struct Said {
  std::vector<float> token, choice;
  Best best;
  float sum = 0, entropy = 0;
};

class Decoder {
 public:
  Decoder(const engine::Tokenizer& tokenizer, const LineEnds& ends, const Gate& gate,
          DecodeSources sources)
      : tokenizer_(tokenizer),
        ends_(ends),
        gate_(gate),
        sources_(std::move(sources)),
        choices_(tokenizer, ends) {}

  Result<Decoded> run(const DecodeOptions& options, const CancelToken& cancel);
  Decoded run_memory(const DecodeOptions& options, const CancelToken& cancel);

 private:
  // One text under way.
  struct Path {
    Decoded decoded;
    std::vector<TokenId> tail;
    std::string_view left;
    double log_p = 0;
    bool done = false;
  };
  std::vector<Path> grow(const Path& path, const DecodeOptions& options);
  Status ask_network(const Choices::Rule& rule);
  void ask_memory(const Choices::Rule& rule, StepEvidence& evidence);
  void put(Said& said, TokenId token, float probability) {
    said.token[static_cast<size_t>(token)] += probability;
    const size_t choice = choices_.of(token);
    float& sum = said.choice[choice];
    sum += probability;
    said.sum += probability;
    if (sum > said.best.probability) said.best = {choice, sum};
  }
  TokenId member_of(size_t choice, const Choices::Rule& rule, float share) const;

  const engine::Tokenizer& tokenizer_;
  const LineEnds& ends_;
  const Gate& gate_;
  DecodeSources sources_;
  const Choices choices_;
  Said network_, memory_;
  std::vector<float> mixed_;
  struct Weighed {
    TokenId token;
    float weight;
  };
  std::vector<TokenId> allowed_;  // while a forced text is left: the tokens that agree with it
  std::vector<Weighed> weighed_;  // of the network, before they are scaled
};

// Softmax over the tokens that are allowed. A token that is not keeps its share while nothing is
// forced: that the network would rather say nothing is doubt, and doubt is not normalised away.
Status Decoder::ask_network(const Choices::Rule& rule) {
  network_.token.assign(tokenizer_.n_vocab(), 0);
  network_.choice.assign(choices_.size(), 0);
  network_.best = {};
  network_.sum = network_.entropy = 0;
  const std::span<const float> logits = sources_.network->logits();
  const size_t n = std::min(logits.size(), tokenizer_.n_vocab());
  const bool forced = !rule.left.empty();
  // While a text is forced few tokens agree with it, and only they are looked at.
  allowed_.clear();
  if (forced)
    for (size_t i = 0; i < n; ++i)
      if (choices_.allows(static_cast<TokenId>(i), rule))
        allowed_.push_back(static_cast<TokenId>(i));
  const size_t n_looked_at = forced ? allowed_.size() : n;
  const auto token_at = [&](size_t i) { return forced ? allowed_[i] : static_cast<TokenId>(i); };
  float highest = -std::numeric_limits<float>::infinity();
  for (size_t i = 0; i < n; ++i)
    if (std::isnan(logits[i]))
      return fail(ErrorCode::corrupt, "the model's logits are not finite numbers");
  for (size_t i = 0; i < n_looked_at; ++i)
    highest = std::max(highest, logits[static_cast<size_t>(token_at(i))]);
  if (!std::isfinite(highest)) {
    if (forced) return {};
    return fail(ErrorCode::corrupt, "the model's logits are not finite numbers");
  }
  // Most of a vocabulary has no share worth a logarithm or an exponential; together what is left
  // out is less than 1e-4 of the sum.
  constexpr float kFarBelow = 20;
  weighed_.clear();
  double sum = 0, below = 0;
  for (size_t i = 0; i < n_looked_at; ++i) {
    const TokenId token = token_at(i);
    const float distance = highest - logits[static_cast<size_t>(token)];
    if (distance > kFarBelow) continue;
    const float weight = std::exp(-distance);
    weighed_.push_back({token, weight});
    sum += weight;
    below += static_cast<double>(weight) * distance;
  }
  const auto scale = static_cast<float>(1 / sum);
  network_.entropy = static_cast<float>(std::log(sum) + below / sum);
  for (const Weighed& one : weighed_)
    if (forced || choices_.allows(one.token, rule)) put(network_, one.token, one.weight * scale);
  return {};
}

void Decoder::ask_memory(const Choices::Rule& rule, StepEvidence& evidence) {
  memory_.token.assign(tokenizer_.n_vocab(), 0);
  memory_.choice.assign(choices_.size(), 0);
  memory_.best = {};
  memory_.sum = 0;
  const std::span<const TokenId> all(sources_.tail);
  const auto answer =
      sources_.memory->next(all.subspan(all.size() > kTail ? all.size() - kTail : 0));
  evidence.match_length = static_cast<float>(answer.match_length);
  evidence.n_seen = static_cast<float>(answer.n_seen);
  double agreeing = 0;
  for (const auto& candidate : answer.candidates)
    if (static_cast<size_t>(candidate.token) < tokenizer_.n_vocab() &&
        choices_.allows(candidate.token, rule))
      agreeing += candidate.probability;
  if (!(agreeing > 0)) return;
  const double whole = rule.left.empty() ? 1 : agreeing;
  for (const auto& candidate : answer.candidates)
    if (static_cast<size_t>(candidate.token) < tokenizer_.n_vocab() &&
        choices_.allows(candidate.token, rule))
      put(memory_, candidate.token, static_cast<float>(candidate.probability / whole));
}

// Of the tokens behind a choice the most probable one; share: the memory's in the mixture.
TokenId Decoder::member_of(size_t choice, const Choices::Rule& rule, float share) const {
  if (!choices_.is_line_end(choice)) return static_cast<TokenId>(choice);
  TokenId best = -1;
  float best_probability = -1;
  for (const TokenId token : ends_.members(static_cast<uint32_t>(choice - tokenizer_.n_vocab()))) {
    if (!choices_.allows(token, rule)) continue;
    const auto i = static_cast<size_t>(token);
    const float p =
        (sources_.network != nullptr ? (1 - share * memory_.sum) * network_.token[i] : 0.0f) +
        (sources_.memory != nullptr ? share * memory_.token[i] : 0.0f);
    if (p > best_probability) {
      best = token;
      best_probability = p;
    }
  }
  return best;
}

Result<Decoded> Decoder::run(const DecodeOptions& options, const CancelToken& cancel) {
  const auto start = Clock::now();
  Decoded decoded;
  decoded.stop_reason = "length";
  std::string_view left = options.forced;
  const size_t most = options.given.empty() ? options.max_tokens
                                            : std::min(options.max_tokens, options.given.size());
  memory_.token.assign(tokenizer_.n_vocab(), 0);
  memory_.choice.assign(choices_.size(), 0);
  std::optional<agent::MemoryDrafts> drafts;
  std::optional<engine::Speculation> network;
  if (sources_.network != nullptr) {
    if (sources_.memory != nullptr && sources_.draft_control != nullptr)
      drafts.emplace(*sources_.memory);
    network.emplace(*sources_.network, drafts ? &*drafts : nullptr, sources_.draft_control);
  }
  while (decoded.tokens.size() < most) {
    if (cancel.cancelled()) {
      decoded.stop_reason = "cancelled";
      break;
    }
    const Choices::Rule rule{left, decoded.text.size() <= options.forced.size(),
                             options.may_start_below};
    DecodedToken step;
    StepEvidence& evidence = step.evidence;
    if (sources_.network != nullptr) ENGRAMD_CHECK(ask_network(rule));
    if (sources_.memory != nullptr) ask_memory(rule, evidence);
    evidence.memory = memory_.sum > 0;
    evidence.network = sources_.network != nullptr && network_.sum > 0;
    evidence.memory_top = memory_.best.probability;
    evidence.memory_sum = memory_.sum;
    evidence.forced = !left.empty();
    evidence.step = static_cast<float>(decoded.tokens.size());
    if (evidence.network) {
      evidence.network_top = network_.best.probability;
      evidence.network_entropy = network_.entropy;
      evidence.agree = evidence.memory && network_.best.choice == memory_.best.choice;
      evidence.memory_at_network_top = memory_.choice[network_.best.choice];
      if (evidence.memory) evidence.network_at_memory_top = network_.choice[memory_.best.choice];
    }
    const float share = gate_.weight(evidence);
    const float rest = 1 - share * std::min(memory_.sum, 1.0f);
    const auto mixed = [&](size_t choice) {
      return (evidence.network ? rest * network_.choice[choice] : 0.0f) +
             share * memory_.choice[choice];
    };
    if (!options.given.empty()) {
      step.token = options.given[decoded.tokens.size()];
    } else {
      Best best;
      for (size_t choice = 0; choice < choices_.size(); ++choice)
        if (const float p = mixed(choice); p > best.probability) best = {choice, p};
      if (best.choice == SIZE_MAX) {
        decoded.stop_reason = "unknown";
        break;
      }
      step.token = member_of(best.choice, rule, share);
    }
    const size_t choice = choices_.of(step.token);
    step.probability = mixed(choice);
    step.memory_probability = memory_.choice[choice];
    step.network_probability = evidence.network ? network_.choice[choice] : 0;
    step.memory_choice = evidence.memory && memory_.best.choice == choice;
    decoded.tokens.push_back(step);
    if (ends_.is_stop(step.token)) {
      decoded.stop_reason = "eos";
      break;
    }
    const std::string_view bytes = tokenizer_.bytes(step.token);
    left.remove_prefix(std::min(left.size(), bytes.size()));
    decoded.text += bytes;
    sources_.tail.push_back(step.token);
    if (options.stop_when && options.stop_when(decoded)) {
      decoded.stop_reason = "stop";
      break;
    }
    if (decoded.tokens.size() == most || !network) continue;
    const size_t n_left = most - decoded.tokens.size();
    if (const Status appended = network->append(step.token, sources_.tail, n_left - 1, cancel);
        !appended) {
      if (cancel.cancelled()) {
        decoded.stop_reason = "cancelled";
        break;
      }
      return fail(appended.error().with("while generating token " +
                                        std::to_string(decoded.tokens.size() + 1)));
    }
  }
  decoded.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  return decoded;
}

// The text with each of its most probable next tokens; a text that nobody knows to continue is done
// and counts as one that was cut short.
std::vector<Decoder::Path> Decoder::grow(const Path& path, const DecodeOptions& options) {
  constexpr double kCutShort = 3;  // in nats
  const Choices::Rule rule{path.left, path.decoded.text.size() <= options.forced.size(),
                           options.may_start_below};
  DecodedToken step;
  sources_.tail = path.tail;
  ask_memory(rule, step.evidence);
  step.evidence.memory = memory_.sum > 0;
  step.evidence.memory_top = memory_.best.probability;
  step.evidence.memory_sum = memory_.sum;
  step.evidence.forced = !path.left.empty();
  step.evidence.step = static_cast<float>(path.decoded.tokens.size());
  std::vector<Path> grown;
  if (!step.evidence.memory) {
    grown.push_back(path);
    grown.back().done = true;
    grown.back().decoded.stop_reason = "unknown";
    grown.back().log_p -= kCutShort;
    return grown;
  }
  std::vector<Best> best;
  for (size_t choice = 0; choice < choices_.size(); ++choice) {
    const float p = memory_.choice[choice];
    if (p <= 0 || (best.size() == options.width && p <= best.back().probability)) continue;
    if (best.size() == options.width) best.pop_back();
    best.push_back({choice, p});
    for (size_t i = best.size(); --i > 0 && best[i].probability > best[i - 1].probability;)
      std::swap(best[i], best[i - 1]);
  }
  for (const Best& one : best) {
    Path next = path;
    step.token = member_of(one.choice, rule, 1);
    step.probability = step.memory_probability = one.probability;
    step.memory_choice = one.choice == memory_.best.choice;
    next.decoded.tokens.push_back(step);
    next.log_p += std::log(one.probability);
    if (ends_.is_stop(step.token)) {
      next.decoded.stop_reason = "eos";
      next.done = true;
    } else {
      const std::string_view bytes = tokenizer_.bytes(step.token);
      next.left.remove_prefix(std::min(next.left.size(), bytes.size()));
      next.decoded.text += bytes;
      next.tail.push_back(step.token);
      next.done = next.decoded.tokens.size() == options.max_tokens;
      if (options.stop_when && options.stop_when(next.decoded)) {
        next.decoded.stop_reason = "stop";
        next.done = true;
      }
    }
    grown.push_back(std::move(next));
  }
  return grown;
}

// A probability only falls as a text grows, so a finished text that leads the others wins.
Decoded Decoder::run_memory(const DecodeOptions& options, const CancelToken& cancel) {
  const auto start = Clock::now();
  std::vector<Path> paths(1);
  paths[0].decoded.stop_reason = "length";
  paths[0].tail = sources_.tail;
  paths[0].left = options.forced;
  paths[0].done = options.max_tokens == 0;
  while (!paths[0].done) {
    if (cancel.cancelled()) {
      paths[0].decoded.stop_reason = "cancelled";
      break;
    }
    std::vector<Path> next;
    for (Path& path : paths) {
      if (path.done) {
        next.push_back(std::move(path));
        continue;
      }
      for (Path& grown : grow(path, options)) next.push_back(std::move(grown));
    }
    std::stable_sort(next.begin(), next.end(),
                     [](const Path& a, const Path& b) { return a.log_p > b.log_p; });
    if (next.size() > options.width) next.resize(options.width);
    paths = std::move(next);
  }
  Decoded decoded = std::move(paths[0].decoded);
  decoded.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  return decoded;
}

}  // namespace

Result<Decoded> decode(const engine::Tokenizer& tokenizer, const LineEnds& ends, const Gate& gate,
                       DecodeSources sources, const DecodeOptions& options,
                       const CancelToken& cancel) {
  const bool wide = options.width > 1 && options.given.empty() && sources.network == nullptr &&
                    sources.memory != nullptr;
  Decoder decoder(tokenizer, ends, gate, std::move(sources));
  if (wide) return decoder.run_memory(options, cancel);
  return decoder.run(options, cancel);
}

}  // namespace engramd::daemon
