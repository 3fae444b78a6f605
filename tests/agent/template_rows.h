// tests/agent/template_rows.h - a mistake and its fix, for the tests of the repair's templates.
#pragma once

#include <catch2/catch.hpp>
#include <string>

#include "agent/repair/mutate.h"

namespace engramd::agent {

struct Row {
  const char* path;
  const char* before;  // "@" stands before the faulty line
  const char* after;
  size_t within;  // the fix is among so many first ones
};

struct Faulty {
  std::string text;
  uint32_t line = 0;
};
inline Faulty read(const std::string& marked) {
  Faulty faulty;
  const size_t at = marked.find('@');
  faulty.text = marked.substr(0, at) + marked.substr(at + 1);
  for (size_t i = 0; i < at; ++i) faulty.line += marked[i] == '\n';
  return faulty;
}

// The place of the fix among the candidates, from 1; 0 when it is not there.
inline size_t place_of(const Row& row, const MutateOptions& options = {}) {
  const Faulty faulty = read(row.before);
  const auto candidates = mutate(
      row.path, faulty.text, [&](uint32_t line) { return line == faulty.line ? 1.0 : 0.0; },
      options);
  if (!candidates) FAIL(candidates.error().message);
  for (size_t i = 0; i < candidates->size(); ++i)
    if (apply_edit(faulty.text, (*candidates)[i].edit) == row.after) return i + 1;
  return 0;
}

inline void check(const Row& row, const MutateOptions& options = {}) {
  const size_t place = place_of(row, options);
  INFO(row.path << "\n" << row.before << "\n-> " << row.after << "place " << place);
  CHECK(place != 0);
  CHECK(place <= row.within);
}

}  // namespace engramd::agent
