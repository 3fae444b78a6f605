// engine/api/chat.h - how a model family writes a conversation, and how its answer is read.
//
// A Dialect turns messages and tools into a Prompt and reads the generated text back as events:
// text, reasoning, tool calls. It knows a format, not what a conversation is about. Dialects are
// immutable: any thread. A Parser belongs to one generation and one thread.
//
// What a user, a tool or the model wrote is data: a marker's spelling in it stays text when the
// prompt is encoded, so it cannot end a turn or start another. Only the dialect writes markers.
//
// A prompt is a prefix of the next turn's, so that the session's state is reused, with the
// exceptions that the formats themselves make; docs/benchmarks/tokenizers.md lists them.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/api/model.h"

namespace engramd::engine::chat {

enum class Role { system, user, assistant, tool };

struct ToolCall {
  std::string id, name;
  std::string arguments;  // a JSON object as text
};
struct Message {
  Role role = Role::user;
  std::string text;
  std::string reasoning;             // assistant only
  std::vector<ToolCall> tool_calls;  // assistant only
  std::string tool_call_id;          // tool only: whose result this is
};
struct Tool {
  std::string name, description;
  std::string parameters;  // a JSON schema as text; empty: none
};
enum class Thinking { by_default, on, off };

struct Request {
  std::vector<Message> messages;
  std::vector<Tool> tools;
  Thinking thinking = Thinking::by_default;
  // "low", "medium", "high", "max", or 1 to 100 for the dialects that count; empty: the default.
  std::string effort;
  // Today, for the formats that say it; the engine reads no clock. Empty: said as nothing.
  std::string date;
  bool add_generation_prompt = true;  // the model answers next
};

struct PromptPart {
  std::string text;
  bool trusted = false;  // written by the dialect: markers in it are tokens
};
struct Prompt {
  std::vector<PromptPart> parts;
  bool opens_reasoning = false;  // the answer starts inside the reasoning
  std::string text() const;
};
std::vector<TokenId> encode(const Tokenizer& tokenizer, const Prompt& prompt);

// A piece of an answer. Text is valid UTF-8 and never empty, save in call_end.
struct Event {
  enum class Kind {
    text,
    reasoning,
    call_begin,      // text: the tool's name
    call_arguments,  // text: more of the arguments, one JSON object in all
    call_end,
    call_broken,  // the call is withdrawn; text: its bytes as the model wrote them
    problem,      // text: what was wrong; the bytes come as text or in a call_broken
  };
  Kind kind = Kind::text;
  std::string text;
  size_t call = 0;  // of the call_ events: 0, 1, ... in order of the begins
  bool operator==(const Event&) const = default;
};

class Parser {
 public:
  virtual ~Parser() = default;
  // The next generated text, cut anywhere, with the spelling of special tokens
  // (Tokenizer::spelling). What may be the start of a marker is held back.
  virtual std::vector<Event> feed(std::string_view text) = 0;
  // The rest. A call that was not finished is broken; nothing is lost.
  virtual std::vector<Event> finish() = 0;
};

struct ParserOptions {
  std::vector<Tool> tools;       // their schemas say which values are strings
  bool opens_reasoning = false;  // Prompt::opens_reasoning
};

class Dialect {
 public:
  virtual ~Dialect() = default;
  virtual std::string_view name() const = 0;
  // Fails on arguments or schemas that are not JSON objects.
  virtual Result<Prompt> render(const Request& request) const = 0;
  virtual std::unique_ptr<Parser> parser(const ParserOptions& options) const = 0;
  // The spellings of the tokens that end an answer.
  virtual std::vector<std::string_view> stops() const = 0;
};

// Null when there is none of this name.
const Dialect* find_dialect(std::string_view name);
std::vector<std::string_view> dialect_names();

struct Recognised {
  const Dialect* dialect = nullptr;  // never null
  std::string how;                   // one line for a log: by what it was taken for this dialect
  bool certain = false;              // false: ChatML, for want of anything better
};
// By the template's hash, else by the markers in it, else by the special tokens.
Recognised recognise_dialect(const Tokenizer& tokenizer);
Recognised recognise_dialect(std::string_view chat_template);

// What an answer comes to: events, applied one by one.
struct Answer {
  Message message;  // role assistant
  std::vector<std::string> problems;
  std::string broken;  // bytes of broken calls
};
void apply(Answer& answer, const Event& event);

}  // namespace engramd::engine::chat
