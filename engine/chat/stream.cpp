#include "engine/chat/stream.h"

#include <algorithm>

#include "base/text.h"

namespace engramd::engine::chat {
namespace {

constexpr std::string_view kSpaces = " \t\r\n";

// The length of the longest end of `text` that `marker` starts with, but is not all of it.
size_t partial(std::string_view text, std::string_view marker) {
  for (size_t n = std::min(text.size(), marker.size() - 1); n > 0; --n)
    if (marker.starts_with(text.substr(text.size() - n))) return n;
  return 0;
}

// How many bytes at the end are the start of a UTF-8 sequence that more bytes could complete.
size_t unfinished_at_end(std::string_view text) {
  for (size_t n = 1; n <= std::min<size_t>(3, text.size()); ++n) {
    const auto byte = static_cast<unsigned char>(text[text.size() - n]);
    if ((byte & 0xC0) == 0x80) continue;
    const size_t length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC2 ? 2 : 1;
    return byte < 0xF5 && length > n ? n : 0;
  }
  return 0;
}

}  // namespace

std::vector<Event> StreamParser::feed(std::string_view text) {
  unfinished_ += text;
  const size_t kept = unfinished_at_end(unfinished_);
  buffer_ += utf8_sanitized(std::string_view(unfinished_).substr(0, unfinished_.size() - kept));
  unfinished_.erase(0, unfinished_.size() - kept);
  while (!buffer().empty() && step()) {
  }
  buffer_.erase(0, begin_);
  begin_ = 0;
  return std::exchange(events_, {});
}

std::vector<Event> StreamParser::finish() {
  buffer_ += utf8_sanitized(std::exchange(unfinished_, {}));
  at_end_ = true;
  while (!buffer().empty() && step()) {
  }
  leftover();
  if (!space_.empty()) emit(space_kind_, std::exchange(space_, {}));
  return std::exchange(events_, {});
}

void StreamParser::leftover() {
  const std::string rest(buffer());
  consume(rest.size());
  if (raw_)
    break_call("the answer ends inside a tool call");
  else
    emit_words(Kind::text, rest);
}

void StreamParser::consume(size_t n) {
  if (raw_) raw_text_ += buffer().substr(0, n);
  begin_ += n;
}

bool StreamParser::skip_space() {
  const size_t n = std::min(buffer().find_first_not_of(kSpaces), buffer().size());
  consume(n);
  return !buffer().empty();
}

StreamParser::Match StreamParser::starts_with(std::string_view text) const {
  if (buffer().starts_with(text)) return Match::yes;
  return !at_end_ && buffer().size() < text.size() && text.starts_with(buffer()) ? Match::maybe
                                                                                 : Match::no;
}

std::optional<size_t> StreamParser::pass_until(std::span<const std::string_view> markers,
                                               Kind kind) {
  size_t first = std::string_view::npos, found = 0, kept = 0;
  for (size_t i = 0; i < markers.size(); ++i) {
    const size_t at = buffer().find(markers[i]);
    if (at < first) {
      first = at;
      found = i;
    }
    kept = std::max(kept, partial(buffer(), markers[i]));
  }
  const bool has_marker = first != std::string_view::npos;
  const size_t n = has_marker ? first : buffer().size() - (at_end_ ? 0 : kept);
  const std::string text(buffer().substr(0, n));
  emit_words(kind, text);
  consume(n + (has_marker ? markers[found].size() : 0));
  if (!has_marker) return std::nullopt;
  return found;
}

void StreamParser::emit_words(Kind kind, std::string_view text) {
  if (!trim_.empty()) {
    const size_t begin = text.find_first_not_of(trim_);
    if (begin == std::string_view::npos) return;
    text.remove_prefix(begin);
    trim_ = {};
  }
  if (text.empty()) return;
  if (kind != space_kind_ && !space_.empty()) emit(space_kind_, std::exchange(space_, {}));
  space_kind_ = kind;
  const size_t last = text.find_last_not_of(kSpaces);
  const size_t words = last == std::string_view::npos ? 0 : last + 1;
  if (words > 0) {
    emit(kind, std::exchange(space_, {}));
    emit(kind, text.substr(0, words));
  }
  space_ += text.substr(words);
}

void StreamParser::drop_space() {
  space_.clear();
}

void StreamParser::drop_layout(std::string_view layout) {
  if (space_.ends_with(layout)) space_.resize(space_.size() - layout.size());
  if (!space_.empty()) emit(space_kind_, std::exchange(space_, {}));
}

void StreamParser::emit(Kind kind, std::string_view text) {
  const bool of_call = kind == Kind::call_begin || kind == Kind::call_arguments ||
                       kind == Kind::call_end || kind == Kind::call_broken;
  if (text.empty() && kind != Kind::call_end) return;
  const size_t call = of_call ? n_calls_ - 1 : 0;
  const bool joins = kind == Kind::text || kind == Kind::reasoning || kind == Kind::call_arguments;
  if (joins && !events_.empty() && events_.back().kind == kind && events_.back().call == call)
    events_.back().text += text;
  else
    events_.push_back({kind, std::string(text), call});
}

void StreamParser::begin_raw(std::string_view taken) {
  raw_ = true;
  raw_text_ = taken;
}

void StreamParser::forget_raw() {
  raw_ = false;
  raw_text_.clear();
}

void StreamParser::give_raw_as_text() {
  emit_words(Kind::text, raw_text_);
  forget_raw();
}

void StreamParser::begin_call(std::string_view name) {
  ++n_calls_;
  in_call_ = true;
  call_name_ = name;
  n_parameters_ = 0;
  emit(Kind::call_begin, name);
}

void StreamParser::end_call() {
  emit(Kind::call_end, "");
  in_call_ = false;
  forget_raw();
}

bool StreamParser::skip_past(std::string_view close) {
  const size_t at = buffer().find(close);
  const bool found = at != std::string_view::npos;
  consume(found ? at + close.size() : buffer().size() - partial(buffer(), close));
  return found;
}

void StreamParser::break_call(std::string_view problem) {
  emit(Kind::problem, problem);
  if (in_call_)
    emit(Kind::call_broken, raw_text_);
  else
    emit_words(Kind::text, raw_text_);
  in_call_ = false;
  forget_raw();
}

// ---- arguments one by one

void StreamParser::begin_parameter(std::string_view name, ParameterType type,
                                   bool strip_line_ends) {
  arguments((n_parameters_++ == 0 ? "{" : ", ") + json_string(name) + ": ");
  type_ = type;
  strip_ = strip_line_ends;
  at_value_begin_ = true;
  searched_ = 0;
  if (type == ParameterType::string) arguments("\"");
}

// A string goes out as it comes; anything else is judged when it is whole.
void StreamParser::pass_text(size_t n) {
  if (type_ == ParameterType::string) {
    std::string escaped;
    append_escaped(escaped, buffer().substr(0, n));
    arguments(escaped);
    consume(n);
    searched_ -= std::min(searched_, n);
  }
}

bool StreamParser::pass_value(std::string_view close, std::span<const std::string_view> next) {
  if (at_value_begin_ && strip_) {
    if (buffer().empty()) return false;
    if (buffer()[0] == '\n') consume(1);
  }
  at_value_begin_ = false;
  size_t safe = 0;
  for (;;) {
    const size_t at = buffer().find(close, searched_);
    if (at == std::string_view::npos) {
      safe = buffer().size() - partial(buffer(), close);
      searched_ = safe;
      break;
    }
    const std::string_view behind = buffer().substr(at + close.size());
    const size_t gap = std::min(behind.find_first_not_of(kSpaces), behind.size());
    bool ends = false, may_end = false;
    for (const std::string_view tag : next) {
      ends = ends || behind.substr(gap).starts_with(tag);
      may_end = may_end || tag.starts_with(behind.substr(gap));
    }
    if (ends || (may_end && at_end_)) {
      std::string_view value = buffer().substr(0, at);
      if (strip_ && value.ends_with('\n')) value.remove_suffix(1);
      if (type_ == ParameterType::string) {
        pass_text(value.size());
        arguments("\"");
        consume(at - value.size() + close.size());
      } else {
        arguments(typed_json(value, type_));
        consume(at + close.size());
      }
      searched_ = 0;
      return true;
    }
    searched_ = at;
    if (may_end) {
      safe = at;
      break;
    }
    searched_ = at + 1;
  }
  // A line end before the closing tag is layout.
  if (strip_ && safe > 0 && buffer()[safe - 1] == '\n') --safe;
  pass_text(safe);
  return false;
}

void StreamParser::end_parameters() {
  arguments(n_parameters_ == 0 ? "{}" : "}");
}

}  // namespace engramd::engine::chat
