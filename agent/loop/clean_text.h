// agent/loop/clean_text.h - foreign text as a person would have seen it.
//
// Issue texts, project instructions and tool answers come from others. What a reader cannot see
// (zero-width and bidirectional controls, tag characters, terminal escapes, HTML comments) is where
// instructions to a model are hidden, so a model does not get it. Pure functions: any thread.
#pragma once

#include <string>
#include <string_view>

namespace engramd::agent {

struct CleanedText {
  std::string text;
  size_t n_invisible = 0;  // characters that were taken out
  size_t n_comments = 0;   // HTML comments that were taken out
};

// Of prose that people read rendered: invisible characters and HTML comments go.
CleanedText cleaned_prose(std::string_view text);

// Of program text and output: every invisible character is shown as ‹U+202E›, since an edit of the
// line must know that it is there; terminal escapes go.
std::string with_visible_controls(std::string_view text);

}  // namespace engramd::agent
