// textDocument/semanticTokens: full, full/delta and range.
#include "lsp/protocol/semantic_tokens.h"

#include <list>
#include <mutex>

#include "daemon/handlers/handlers.h"
#include "daemon/handlers/token_legend.h"

namespace engramd::daemon {
namespace {

constexpr size_t kMaxRemembered = 64;      // documents of a session
constexpr size_t kMaxNumbers = 8'000'000;  // in all of them

// The last answer for each document, that the next one is compared with. Any thread.
class LastAnswers {
 public:
  // Returns the result id of the new answer; before becomes the answer of that id, if it is still
  // here.
  std::string remember(const std::string& key, const lsp::TokenData& data,
                       const std::string& previous_id, std::optional<lsp::TokenData>* before) {
    std::lock_guard lock(mutex_);
    for (auto at = answers_.begin(); at != answers_.end(); ++at) {
      if (at->key != key) continue;
      if (before != nullptr && at->id == previous_id) *before = std::move(at->data);
      n_numbers_ -= at->size;
      answers_.erase(at);
      break;
    }
    Answer& answer = answers_.emplace_front();
    answer.key = key;
    answer.id = std::to_string(++n_answers_);
    answer.data = data;
    answer.size = data.size();
    n_numbers_ += data.size();
    while (answers_.size() > 1 && (answers_.size() > kMaxRemembered || n_numbers_ > kMaxNumbers)) {
      n_numbers_ -= answers_.back().size;
      answers_.pop_back();
    }
    return answer.id;
  }

 private:
  struct Answer {
    std::string key, id;
    lsp::TokenData data;
    size_t size = 0;
  };
  std::mutex mutex_;           // guards all below: two questions may be answered at a time
  std::list<Answer> answers_;  // youngest first
  size_t n_numbers_ = 0;
  uint64_t n_answers_ = 0;
};

lsp::TokenData data_of(const Call& call, const std::optional<lsp::Range>& range) {
  const Asked& asked = call.asked;
  const auto file =
      repoindex::syntax_file(asked.view, asked.path, repoindex::WithTree::no, call.cancel);
  if (!file) return {};
  std::optional<ByteRange> within;
  if (range) {
    PlaceMapper places(asked);
    within = ByteRange{places.offset(asked.path, range->start).value_or(0),
                       places.offset(asked.path, range->end).value_or(0)};
  }
  return encode_tokens(repoindex::semantic_tokens(asked.view, *file, within, call.cancel),
                       *file->text, *file->lines, asked.encoding, TokenLegend(call.client));
}

std::string offered(const lsp::ClientCapabilities& client) {
  if (!client.lists("textDocument.semanticTokens.formats", "relative")) return {};
  const TokenLegend legend(client);
  return legend.options.types.empty() ? std::string() : write(legend.options);
}

}  // namespace

void bind_semantic_tokens(Session& session) {
  using namespace lsp;
  const auto last = std::make_shared<LastAnswers>();
  session.on_document<SemanticTokensParams, SemanticTokensResult>(
      {.capability = "semanticTokensProvider",
       .method = "textDocument/semanticTokens/full",
       .options = offered,
       .refresh = "workspace/semanticTokens/refresh",
       .refresh_flag = "workspace.semanticTokens.refreshSupport"},
      [last](const SemanticTokensParams& params, const Call& call) -> Result<SemanticTokensResult> {
        SemanticTokensResult result;
        result.data = data_of(call, {});
        ENGRAMD_CHECK(call.cancel.check());
        result.result_id = last->remember(params.uri, result.data, {}, nullptr);
        return result;
      });
  session.on_document<SemanticTokensDeltaParams, SemanticTokensDeltaResult>(
      {.capability = "", .method = "textDocument/semanticTokens/full/delta"},
      [last](const SemanticTokensDeltaParams& params,
             const Call& call) -> Result<SemanticTokensDeltaResult> {
        SemanticTokensDeltaResult result;
        TokenData data = data_of(call, {});
        ENGRAMD_CHECK(call.cancel.check());
        std::optional<TokenData> before;
        result.full.result_id =
            last->remember(params.uri, data, params.previous_result_id, &before);
        result.is_delta = before.has_value();
        if (before) {
          result.edits = token_edits(*before, data);
        } else {
          result.full.data = std::move(data);
        }
        return result;
      });
  session.on_document<SemanticTokensRangeParams, SemanticTokensResult>(
      {.capability = "", .method = "textDocument/semanticTokens/range"},
      [](const SemanticTokensRangeParams& params,
         const Call& call) -> Result<SemanticTokensResult> {
        SemanticTokensResult result;
        result.data = data_of(call, params.range);
        ENGRAMD_CHECK(call.cancel.check());
        return result;
      });
}

}  // namespace engramd::daemon
