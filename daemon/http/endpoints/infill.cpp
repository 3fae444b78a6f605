// POST /infill: what belongs into a gap, as editors ask llama.cpp's server for it.
//
//   input_prefix, input_suffix   around the gap
//   prompt                       what is left of the cursor on its line: the answer goes on from it
//   input_extra                  [{"filename", "text"}]: other files, the most telling last
//   n_predict, t_max_predict_ms, temperature, top_k, top_p, seed, stop, stream
// A prompt that does not fit loses its first other files, then what is farthest from the gap.
// n_predict 0 only reads the prompt, so that the next request finds its state.
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "daemon/http/generation.h"
#include "daemon/serve/answer_text.h"
#include "engine/api/fim.h"

namespace engramd::daemon::http {
namespace {

using nlohmann::json;

constexpr size_t kDefaultTokens = 128;
constexpr size_t kMaxFiles = 256;

struct Gap {
  std::string prefix, suffix, line;
  std::vector<std::pair<std::string, std::string>> files;  // name, text
};

Gap read_gap(FieldReader& fields) {
  Gap gap;
  for (const char* name : {"input_prefix", "input_suffix"})
    if (fields.find(name) == nullptr) fields.complain(name, "expected a string, found nothing");
  gap.prefix = fields.text("input_prefix");
  gap.suffix = fields.text("input_suffix");
  gap.line = fields.text("prompt");
  const json* extra = fields.find("input_extra");
  if (extra == nullptr) return gap;
  if (!extra->is_array() || extra->size() > kMaxFiles) {
    fields.complain("input_extra",
                    "expected a list of at most " + std::to_string(kMaxFiles) + " files");
    return gap;
  }
  for (size_t i = 0; i < extra->size(); ++i) {
    FieldReader file((*extra)[i], "input_extra[" + std::to_string(i) + "].");
    const std::string name = file.text("filename", "file" + std::to_string(i));
    const std::string text = file.text("text");
    if (!(*extra)[i].is_object() || file.find("text") == nullptr)
      file.complain("text", "expected a string");
    if (file.problem()) fields.complain(*file.problem());
    gap.files.emplace_back(name, text);
  }
  return gap;
}

// The half of the text that is nearer to the gap, from a line's begin or to a line's end.
void halve_front(std::string& text) {
  const size_t line = text.find('\n', text.size() / 2);
  size_t cut = line == std::string::npos ? text.size() / 2 : line + 1;
  while (cut < text.size() && (text[cut] & 0xC0) == 0x80) ++cut;
  text.erase(0, std::max<size_t>(1, cut));
}
void halve_back(std::string& text) {
  const size_t line = text.rfind('\n', text.size() / 2);
  size_t cut = line == std::string::npos ? text.size() / 2 : line;
  while (cut > 0 && (text[cut] & 0xC0) == 0x80) --cut;
  text.resize(cut);
}

// Empty when nothing fits.
std::vector<engine::TokenId> prompt_that_fits(const engine::Tokenizer& tokenizer, Gap gap,
                                              size_t max_tokens, bool& truncated) {
  size_t first_file = 0;
  truncated = false;
  for (;;) {
    std::vector<engine::FimFile> files;
    for (size_t i = first_file; i < gap.files.size(); ++i)
      files.push_back({gap.files[i].first, gap.files[i].second});
    std::vector<engine::TokenId> tokens =
        engine::fim_prompt(tokenizer, {.prefix = gap.prefix, .suffix = gap.suffix, .files = files});
    const auto line = tokenizer.encode(gap.line);
    tokens.insert(tokens.end(), line.begin(), line.end());
    if (tokens.size() <= max_tokens) return tokens;
    truncated = true;
    if (first_file < gap.files.size())
      ++first_file;
    else if (gap.suffix.size() >= gap.prefix.size() && !gap.suffix.empty())
      halve_back(gap.suffix);
    else if (!gap.prefix.empty())
      halve_front(gap.prefix);
    else
      return {};
  }
}

class Answer {
 public:
  Answer(const ServedModel& served, std::shared_ptr<Exchange> exchange, const Sampling& sampling,
         CancelToken client, bool truncated)
      : served_(served),
        exchange_(std::move(exchange)),
        events_(exchange_),
        stream_(sampling.stream),
        client_(std::move(client)),
        truncated_(truncated),
        stops_(sampling.stops) {}

  bool take(engine::TokenId token) {
    return show(stops_.feed(characters_.feed(served_.model->tokenizer().bytes(token)))) &&
           !stops_.stopped();
  }

  void finish(Result<serve::Outcome> outcome) {
    if (!outcome) {
      const ApiError error = to_api_error(outcome.error());
      return stream_ ? events_.fail(error) : exchange_->reply(to_reply(error));
    }
    if (client_.cancelled()) return;  // the exchange breaks off
    show(stops_.feed(characters_.finish()) + stops_.finish());
    const bool by_word = stops_.stopped(), by_eos = outcome->stop_reason == "eos";
    json body = {{"content", stream_ ? "" : text_},
                 {"stop", true},
                 {"stop_type", by_word  ? "word"
                               : by_eos ? "eos"
                                        : "limit"},
                 {"stopping_word", stops_.found()},
                 {"model", served_.id},
                 {"tokens_evaluated", outcome->n_prompt},
                 {"tokens_predicted", outcome->n_generated},
                 {"tokens_cached", outcome->n_cached},
                 {"truncated", truncated_},
                 {"timings", timings_json(*outcome)}};
    if (stream_) {
      events_.send(body);
      return events_.end(false);
    }
    Reply reply;
    reply.body = to_text(body);
    exchange_->reply(std::move(reply));
  }

 private:
  bool show(const std::string& text) {
    if (text.empty()) return true;
    if (stream_) return events_.send({{"content", text}, {"stop", false}});
    text_ += text;
    return true;
  }

  const ServedModel& served_;
  const std::shared_ptr<Exchange> exchange_;
  EventStream events_;
  const bool stream_;
  const CancelToken client_;  // without the request's own time limit
  const bool truncated_;
  serve::WholeCharacters characters_;
  serve::StopStrings stops_;
  std::string text_;
};

}  // namespace

void serve_infill(Call call) {
  const auto body = parse_body(call.request.body);
  if (!body) return call.exchange->reply(to_reply(body.error()));
  const ServedModel& served = *call.model;
  const engine::Tokenizer& tokenizer = served.model->tokenizer();
  FieldReader fields(*body);
  Sampling sampling = read_sampling(fields, kDefaultTokens);
  if (sampling.max_tokens == SIZE_MAX) sampling.max_tokens = kDefaultTokens;
  const Gap gap = read_gap(fields);
  const int64_t limit_ms = fields.integer("t_max_predict_ms", 0, 0, INT32_MAX);
  if (!engine::has_fim(tokenizer.specials()))
    fields.complain({501, "this model has no tokens for a gap in a text", "", "not_supported", 0});
  const size_t context = served.room->context();
  const size_t reserved = std::min(sampling.max_tokens + 1, context / 2);
  std::vector<engine::TokenId> prompt;
  bool truncated = false;
  if (!fields.problem()) {
    prompt = prompt_that_fits(tokenizer, gap, context - reserved, truncated);
    if (prompt.empty())
      fields.complain(context_problem("prompt", tokenizer.encode(gap.line).size(), served));
  }
  if (fields.problem()) return call.exchange->reply(to_reply(*fields.problem()));

  serve::Work work;
  work.prompt = std::move(prompt);
  work.options.max_tokens = sampling.max_tokens;
  work.options.sample = sampling.sample;
  work.priority = engine::Priority::foreground;
  work.cancel = call.exchange->cancel();
  if (limit_ms > 0)
    work.cancel =
        CancelSource(work.cancel, Clock::now() + std::chrono::milliseconds(limit_ms)).token();
  const auto answer =
      std::make_shared<Answer>(served, call.exchange, sampling, call.exchange->cancel(), truncated);
  work.on_token = [answer](engine::TokenId token, float, std::span<const float>) {
    return answer->take(token);
  };
  work.on_done = [answer](Result<serve::Outcome> outcome) { answer->finish(std::move(outcome)); };
  submit(call, std::move(work), sampling.stream);
}

}  // namespace engramd::daemon::http
