// daemon/completion/stop_rules.h - where a suggestion ends, seen as text.
//
// One object per request, fed with everything generated so far (after the healed part). The same
// rules trim the final text: nothing that follows the cursor already is said again. One thread.
#pragma once

#include <string>
#include <string_view>

namespace engramd::daemon {

struct StopSettings {
  bool invoked = false;  // asked for by a key rather than by typing
  size_t max_lines = 1;
  // Typing may get lines below the cursor's too: whoever asks judges each of them.
  bool judged = false;
};

class StopRules {
 public:
  // The text on both sides of the cursor; both must outlive the object.
  StopRules(std::string_view before, std::string_view after, const StopSettings& settings);

  // The cursor is where the next line may be asked for: a suggestion may begin with its break.
  bool may_start_below() const { return opens_block_ || settings_.invoked; }
  // True when the text needs no further token.
  bool done(std::string_view generated) const;
  // The part of the text that may be shown; empty when nothing is left.
  std::string trimmed(std::string_view generated) const;

 private:
  size_t line_limit(std::string_view generated) const;

  StopSettings settings_;
  std::string_view rest_;       // of the cursor's line, right of the cursor, without its end
  std::string_view next_line_;  // the first line below that is not blank
  size_t indent_ = 0;           // of the cursor's line, in columns
  bool opens_block_ = false;    // the cursor is at the end of a line that asks for another
  bool line_is_blank_ = false;  // left of the cursor
};

// Opening minus closing brackets, outside of simple string literals.
int bracket_balance(std::string_view text);
size_t indent_of(std::string_view line);  // in columns, a tab is 8

}  // namespace engramd::daemon
