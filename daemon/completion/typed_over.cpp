#include "daemon/completion/typed_over.h"

#include <string>

namespace engramd::daemon {
namespace {

constexpr std::string_view kOpeners = "([{";
constexpr std::string_view kClosers = ")]}";
constexpr std::string_view kQuotes = "\"'`";

bool is_one_of(std::string_view set, char c) {
  return set.find(c) != std::string_view::npos;
}

size_t n_in_front(std::string_view after) {
  size_t n = 0;
  while (n < after.size() && (is_one_of(kClosers, after[n]) || is_one_of(kQuotes, after[n]))) ++n;
  return n;
}

}  // namespace

size_t n_closers(std::string_view after) {
  const size_t n = n_in_front(after);
  const size_t next = after.find_first_not_of(" \t\r", n);
  return next == std::string_view::npos || after[next] == '\n' ? n : 0;
}

size_t n_typed_over(std::string_view suggestion, std::string_view after) {
  const size_t n_waiting = n_in_front(after);  // closers right behind the cursor
  std::string open;  // what the suggestion opened itself, as the partners that close it
  size_t n_met = 0;
  for (size_t i = 0; i < suggestion.size() && n_met < n_waiting; ++i) {
    const char c = suggestion[i];
    const bool in_string = !open.empty() && is_one_of(kQuotes, open.back());
    if (c == '\\') {
      ++i;
    } else if (!open.empty() && open.back() == c) {
      open.pop_back();
    } else if (open.empty() && after[n_met] == c) {
      ++n_met;
    } else if (is_one_of(kQuotes, after[n_met]) && open.empty()) {
      continue;  // the cursor is inside a string: until its end nothing opens
    } else if (in_string) {
      continue;
    } else if (is_one_of(kQuotes, c)) {
      open += c;
    } else if (const size_t kind = kOpeners.find(c); kind != std::string_view::npos) {
      open += kClosers[kind];
    }
  }
  return n_met;
}

}  // namespace engramd::daemon
