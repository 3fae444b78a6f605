// engine/chat/stream.h - what the parsers of all dialects share.
//
// Generated text arrives cut anywhere. A StreamParser keeps what it cannot judge yet: an unfinished
// UTF-8 sequence, the start of a marker, white space that may turn out to be layout. A dialect
// looks at buffer(), consumes from its front, and emits events. One thread.
#pragma once

#include <optional>
#include <span>

#include "engine/chat/json_text.h"

namespace engramd::engine::chat {

class StreamParser : public Parser {
 public:
  std::vector<Event> feed(std::string_view text) final;
  std::vector<Event> finish() final;

 protected:
  using Kind = Event::Kind;
  explicit StreamParser(const ParserOptions& options) : types_(options.tools) {}

  // Takes what it can from the front of buffer(); false when it needs more. At the end of the
  // answer nothing more comes: it must take everything or return false, and what is left is
  // leftover()'s.
  virtual bool step() = 0;
  // At the end, in the middle of something. The default gives the rest as text.
  virtual void leftover();
  bool at_end() const { return at_end_; }

  std::string_view buffer() const { return std::string_view(buffer_).substr(begin_); }
  void consume(size_t n);
  // White space in front; false when there is nothing behind it (yet).
  bool skip_space();
  // Whether the buffer starts with `text`: yes, no, or too short to say.
  enum class Match { no, yes, maybe };
  Match starts_with(std::string_view text) const;

  // Emits the text before the first of the markers, takes that marker and returns its index; or
  // emits all that cannot be the start of a marker.
  std::optional<size_t> pass_until(std::span<const std::string_view> markers, Kind kind);

  // Text and reasoning: white space at their ends is layout, kept back until more comes.
  void emit_words(Kind kind, std::string_view text);
  // Drops what is kept back, all of it or only this much layout at its end, and gives the rest.
  void drop_space();
  void drop_layout(std::string_view layout);
  // The next words start without their leading white space.
  void trim_next_words(std::string_view what) { trim_ = what; }
  void emit(Kind kind, std::string_view text);

  // A call. Bytes consumed since begin_raw(), after `taken`, are what call_broken gives back.
  void begin_raw(std::string_view taken = {});
  void forget_raw();
  void give_raw_as_text();
  void begin_call(std::string_view name);
  bool in_call() const { return in_call_; }
  const std::string& call_name() const { return call_name_; }
  void arguments(std::string_view more) { emit(Kind::call_arguments, more); }
  void end_call();
  // Consumes up to and with `close`; all but what may be the start of it when it is not there yet.
  bool skip_past(std::string_view close);
  // Withdraws the call, or gives its bytes as text when it had no name yet.
  void break_call(std::string_view problem);

  // ---- arguments that are written one by one, for the dialects with tags
  // strip_line_ends: one after the opening tag and one before the closing tag are layout.
  void begin_parameter(std::string_view name, ParameterType type, bool strip_line_ends);
  // Streams the value at the front of the buffer, up to a `close` that one of `next` follows
  // (after white space): a value may hold its own closing tag. True when the value is complete and
  // `close` is consumed.
  bool pass_value(std::string_view close, std::span<const std::string_view> next);
  void end_parameters();

  ParameterTypes types_;

 private:
  void pass_text(size_t n);
  std::string buffer_, unfinished_;  // unfinished_: the start of a UTF-8 sequence
  size_t begin_ = 0;
  bool at_end_ = false;
  std::vector<Event> events_;
  Kind space_kind_ = Kind::text;
  std::string space_;  // kept back
  std::string_view trim_;
  size_t n_calls_ = 0;
  bool raw_ = false, in_call_ = false;
  std::string raw_text_, call_name_;

  ParameterType type_ = ParameterType::unknown;
  bool strip_ = false, at_value_begin_ = false;
  size_t n_parameters_ = 0, searched_ = 0;
};

}  // namespace engramd::engine::chat
