#include "engine/decode/generate.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <limits>
#include <optional>

#include "engine/api/speculation.h"
#include "engine/decode/sampler.h"
#include "engine/decode/softmax.h"
#include "engine/grammar/constraint.h"

namespace engramd::engine::decode {
namespace {

// Control tokens that end a text although the file may name another one as eos: chat files name
// the end of a turn, base files the end of a document, and both kinds produce either.
constexpr std::string_view kEndSpellings[] = {"<|endoftext|>",   "<|im_end|>", "<|eot_id|>",
                                              "<|end_of_text|>", "<|user|>",   "</s>"};

std::vector<TokenId> always_stops(const Tokenizer& tokenizer) {
  const SpecialTokens& s = tokenizer.specials();
  std::vector<TokenId> stops;
  for (const TokenId token :
       {s.eos, s.pad, s.fim_prefix, s.fim_suffix, s.fim_middle, s.fim_pad, s.repo_name, s.file_sep})
    if (token >= 0) stops.push_back(token);
  for (const std::string_view spelling : kEndSpellings) {
    const auto tokens = tokenizer.encode_with_specials(spelling);
    if (tokens.size() == 1 && tokenizer.is_special(tokens[0])) stops.push_back(tokens[0]);
  }
  return stops;
}

// What is left to cover of a forced prefix, and which tokens agree with it.
class ForcedPrefix {
 public:
  ForcedPrefix(const Tokenizer& tokenizer, std::string_view prefix)
      : tokenizer_(tokenizer), left_(prefix) {
    if (left_.empty()) return;
    // One walk over the vocabulary: the tokens that can cover any part of the prefix.
    for (size_t i = 0; i < tokenizer_.n_vocab(); ++i) {
      const auto token = static_cast<TokenId>(i);
      const std::string_view bytes = tokenizer_.bytes(token);
      if (!bytes.empty() && left_.find(bytes[0]) != std::string_view::npos)
        candidates_.push_back(token);
    }
  }
  bool covered() const { return left_.empty(); }
  void took(TokenId token) {
    left_.remove_prefix(std::min(left_.size(), tokenizer_.bytes(token).size()));
  }
  // Zeroes every token that disagrees and makes the rest sum to one. When the distribution has
  // ruled them all out, the longest agreeing token gets everything. False when `allowed` (unless
  // null) has none that agrees.
  bool constrain(std::vector<float>& probabilities, const grammar::TokenSet* allowed) {
    masked_.assign(probabilities.size(), 0.0f);
    double sum = 0;
    TokenId longest = -1;
    for (const TokenId token : candidates_) {
      const std::string_view bytes = tokenizer_.bytes(token);
      if (static_cast<size_t>(token) >= probabilities.size() ||
          !(bytes.starts_with(left_) || left_.starts_with(bytes)) ||
          (allowed != nullptr && !allowed->has(token)))
        continue;
      sum += masked_[static_cast<size_t>(token)] = probabilities[static_cast<size_t>(token)];
      if (left_.starts_with(bytes) &&
          (longest < 0 || bytes.size() > tokenizer_.bytes(longest).size()))
        longest = token;
    }
    if (sum > 0) {
      for (float& p : masked_) p = static_cast<float>(p / sum);
    } else if (longest >= 0) {
      masked_[static_cast<size_t>(longest)] = 1;
    }
    probabilities.swap(masked_);
    return sum > 0 || longest >= 0;
  }

 private:
  const Tokenizer& tokenizer_;
  std::string_view left_;
  std::vector<TokenId> candidates_;
  std::vector<float> masked_;
};

// Where a constrained text stands, and which tokens may come next.
class ConstrainedText {
 public:
  static Result<ConstrainedText> start(const grammar::Constraint& constraint, size_t n_vocab) {
    if (constraint.masks().trie().n_vocab() != n_vocab)
      return fail(ErrorCode::invalid_input, "the constraint is made for another vocabulary");
    ENGRAMD_TRY(grammar::Matcher matcher, grammar::Matcher::start(constraint.automaton()));
    return ConstrainedText(constraint, std::move(matcher));
  }
  // A token that ends the text is allowed where the text may end.
  Status look(const std::vector<TokenId>& ends, const std::vector<TokenId>& stops) {
    ENGRAMD_CHECK(constraint_->masks().allowed(matcher_, allowed_));
    if (matcher_.may_end())
      for (const auto* tokens : {&ends, &stops})
        for (const TokenId token : *tokens)
          if (token >= 0 && static_cast<size_t>(token) < constraint_->masks().trie().n_vocab())
            allowed_.add(token);
    return {};
  }
  const grammar::TokenSet& allowed() const { return allowed_; }
  bool is_complete() const { return matcher_.is_complete(); }
  bool may_end() const { return matcher_.may_end(); }
  Status took(TokenId token) {
    const std::string text = constraint_->masks().trie().text(token);
    ENGRAMD_TRY(const bool taken, matcher_.take(text));
    if (!taken || text.empty())
      return fail(ErrorCode::internal, "the constraint refuses a token that it allowed");
    return {};
  }

 private:
  ConstrainedText(const grammar::Constraint& constraint, grammar::Matcher matcher)
      : constraint_(&constraint), matcher_(std::move(matcher)) {}
  const grammar::Constraint* constraint_;
  grammar::Matcher matcher_;
  grammar::TokenSet allowed_;
};

// Guesses what a constraint leaves no choice about: the one token that is allowed, or the longest
// where all of them begin the same text. Where there is a choice another source is asked.
class ForcedDrafts final : public DraftSource {
 public:
  // text: as it stands when draft() is called. All outlive this.
  ForcedDrafts(const ConstrainedText& text, const Tokenizer& tokenizer, DraftSource& otherwise)
      : text_(text), tokenizer_(tokenizer), otherwise_(otherwise) {}

  std::vector<DraftToken> draft(std::span<const TokenId> timeline, size_t most) override {
    std::vector<DraftToken> drafts;
    ConstrainedText ahead = text_;
    while (drafts.size() < most && !ahead.is_complete() && ahead.look({}, {})) {
      const size_t n = ahead.allowed().size();
      if (n == 0 || n > kFew || ahead.may_end()) break;
      const TokenId longest = the_one(ahead.allowed());
      if (longest < 0 || !ahead.took(longest)) break;
      drafts.push_back({longest, n == 1 ? 1.0f : kLikely});
    }
    return drafts.empty() ? otherwise_.draft(timeline, most) : drafts;
  }

 private:
  static constexpr size_t kFew = 12;
  static constexpr float kLikely = 0.7f;

  TokenId the_one(const grammar::TokenSet& allowed) const {
    TokenId longest = -1;
    const auto words = allowed.words();
    for (int pass = 0; pass < 2; ++pass)
      for (size_t w = 0; w < words.size(); ++w)
        for (uint64_t bits = words[w]; bits != 0; bits &= bits - 1) {
          const auto token = static_cast<TokenId>(w * 64 + size_t(std::countr_zero(bits)));
          const std::string_view bytes = tokenizer_.bytes(token);
          if (pass == 0 && (longest < 0 || bytes.size() > tokenizer_.bytes(longest).size()))
            longest = token;
          if (pass == 1 && token != longest &&
              (bytes.empty() || !tokenizer_.bytes(longest).starts_with(bytes)))
            return -1;
        }
    return longest;
  }

  const ConstrainedText& text_;
  const Tokenizer& tokenizer_;
  DraftSource& otherwise_;
};

bool contains(const std::vector<TokenId>& tokens, TokenId token) {
  return std::find(tokens.begin(), tokens.end(), token) != tokens.end();
}

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

Result<GenerateResult> generate(Session& session, const Model& model,
                                std::span<const TokenId> prompt, const GenerateOptions& options,
                                const CancelToken& cancel) {
  const Tokenizer& tokenizer = model.tokenizer();
  if (prompt.empty()) return fail(ErrorCode::invalid_input, "the prompt has no tokens");
  GenerateResult result;
  const auto ended = [&](const char* reason) {
    result.stop_reason = reason;
    return std::move(result);
  };

  const auto prompt_start = Clock::now();
  const auto synced = session.sync(prompt, cancel);
  result.prompt_s = seconds_since(prompt_start);
  if (!synced) {
    if (cancel.cancelled()) return ended("cancelled");
    return fail(synced.error().with("while reading the prompt"));
  }
  result.prompt = *synced;

  const auto generate_start = Clock::now();
  const std::vector<TokenId> ends = always_stops(tokenizer);
  ForcedPrefix forced(tokenizer, options.forced_prefix);
  std::optional<ConstrainedText> constrained;
  if (options.constraint != nullptr) {
    ENGRAMD_TRY(constrained, ConstrainedText::start(*options.constraint, tokenizer.n_vocab()));
  }
  Sampler sampler(options.sample);
  std::optional<ForcedDrafts> forced_drafts;
  if (constrained && options.drafts != nullptr)
    forced_drafts.emplace(*constrained, tokenizer, *options.drafts);
  Speculation speculation(session, forced_drafts ? &*forced_drafts : options.drafts,
                          options.draft_control);
  std::vector<TokenId> timeline(prompt.begin(), prompt.end());
  // Rows that pad the output matrix beyond the vocabulary are no tokens.
  std::vector<float> probabilities(tokenizer.n_vocab());
  std::vector<float> masked_logits;
  const char* reason = "length";
  while (result.tokens.size() < options.max_tokens) {
    if (cancel.cancelled()) {
      reason = "cancelled";
      break;
    }
    std::span<const float> logits = session.logits();
    if (constrained) {
      if (constrained->is_complete()) {
        reason = "grammar";
        break;
      }
      ENGRAMD_CHECK(constrained->look(ends, options.stop_tokens));
      if (constrained->allowed().size() == 0)
        return fail(
            ErrorCode::unsupported,
            "no token goes on with the constraint after \"" +
                result.text.substr(result.text.size() - std::min<size_t>(result.text.size(), 40)) +
                "\"");
      // Before the softmax: what is allowed may be so improbable that it would come out as zero.
      masked_logits.assign(logits.begin(), logits.end());
      for (size_t i = 0; i < masked_logits.size(); ++i)
        if (!constrained->allowed().has(static_cast<TokenId>(i)))
          masked_logits[i] = -std::numeric_limits<float>::infinity();
      logits = masked_logits;
    }
    if (!softmax(logits, probabilities))
      return fail(ErrorCode::corrupt, "the model's logits after " +
                                          std::to_string(timeline.size()) +
                                          " tokens are not finite numbers");
    if (!forced.covered() &&
        !forced.constrain(probabilities, constrained ? &constrained->allowed() : nullptr) &&
        constrained)
      return fail(ErrorCode::invalid_input,
                  "the forced prefix is not the beginning of anything that the constraint allows");
    const TokenId token = sampler.pick(probabilities);
    if (token < 0) return fail(ErrorCode::internal, "no token has a positive probability");
    const bool is_end = contains(ends, token);
    if (is_end || contains(options.stop_tokens, token)) {
      reason = is_end ? "eos" : "stop";
      break;
    }

    const std::string_view bytes = tokenizer.bytes(token);
    forced.took(token);
    if (constrained) ENGRAMD_CHECK(constrained->took(token));
    timeline.push_back(token);
    result.tokens.push_back(token);
    result.probabilities.push_back(probabilities[static_cast<size_t>(token)]);
    result.text += bytes;
    if (options.on_text) options.on_text(bytes);
    if (options.on_token) options.on_token(token, result.probabilities.back());
    if (options.stop_when && options.stop_when(result.text)) {
      reason = "stop";
      break;
    }
    if (constrained && constrained->is_complete()) {
      reason = "grammar";
      break;
    }
    if (result.tokens.size() == options.max_tokens) break;  // its state would serve nobody
    const size_t n_left = options.max_tokens - result.tokens.size();
    if (const Status appended = speculation.append(token, timeline, n_left - 1, cancel);
        !appended) {
      if (cancel.cancelled()) {
        reason = "cancelled";
        break;
      }
      return fail(appended.error().with("while generating token " +
                                        std::to_string(result.tokens.size() + 1)));
    }
  }
  result.generate_s = seconds_since(generate_start);
  result.n_drafted = speculation.n_drafted();
  result.n_accepted = speculation.n_accepted();
  ENGRAMD_CHECK(speculation.finish());
  return ended(reason);
}

}  // namespace engramd::engine::decode
