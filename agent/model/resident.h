// agent/model/resident.h - a chat model whose weights are in this process.
//
// The conversation is written in the file's own chat dialect and kept in one session, so that a
// step computes only what is new. Calls are held to a grammar: every reply to a request with tools
// holds at least one well-formed call of a tool that was offered, whatever the weights are:
//
//   1. free text (and reasoning), then calls, as the model likes; where it ends without a call, or
//      talks for too long,
//   2. a call from the first token on; and where that does not come to its end in time,
//   3. a short one, of a grammar whose longest word fits into what is left of the context.
//
// A conversation that outgrows the context is shortened (fit_history.h); one that cannot fit is an
// error before anything is computed. Called from one thread at a time; the weights are shared.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "agent/model/chat_model.h"
#include "engine/api/chat.h"
#include "engine/api/model.h"
#include "engine/api/session.h"

namespace engramd::agent {

struct ResidentOptions {
  std::string name;                                // for reports; empty: the file's own
  const engine::chat::Dialect* dialect = nullptr;  // null: recognised
  size_t context = 0;  // tokens, also the bound of the session's memory; 0: the model's
  size_t max_completion_tokens = 0;  // of one reply; 0: 4096, at most a third of the context
  // What Qwen and others advise for models that reason; 0 is greedy.
  engine::SampleOptions sample = {.temperature = 0.6f, .top_k = 20, .top_p = 0.95f, .seed = 0};
  // Guesses from the conversation's own text, and the repository's once it has been learnt (models
  // of 100 M parameters a token and more), are computed many at a time; the replies are the same.
  bool speculation = true;
  // Learn it for smaller ones, too: tests have no others.
  bool always_learn = false;
  std::string date;  // today, for the formats that say it
};

std::unique_ptr<ChatModel> make_resident_model(std::shared_ptr<const engine::Model> model,
                                               const ResidentOptions& options = {});

// What a file is good for, by its tokenizer alone.
struct ChatAbility {
  bool chats = false;        // it says how a conversation is written
  bool calls_tools = false;  // and its dialect has tool calls
  std::string dialect;       // what would be taken in any case
  std::string why;           // one line: by what this was told
};
ChatAbility chat_ability(const engine::Tokenizer& tokenizer);

}  // namespace engramd::agent
