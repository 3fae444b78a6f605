// agent/tools/tool_support.h - what several tools need: paths as models write them, answers within
// a budget, the reply to an edit. Loop thread only.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/tools/tool.h"

namespace engramd::agent {

inline constexpr size_t kAnswerBytes = 8000;  // of one answer; the loop's own cap is above it
inline constexpr size_t kLineBytes = 300;     // of one line of a file

// "./a.py", "/the/tree/a.py", "a.py:12", "a.py:12-20", "a.py#L12-L20", "file:///…": a path relative
// to the root, and the lines that were named with it.
struct PathAndLines {
  std::string path;
  int64_t first = 0, last = 0;  // from 1; 0: none was named
  bool is_root() const;
};
Result<PathAndLines> path_and_lines(const ToolContext& ctx, std::string_view given);
// Of the argument; may be of a file that does not exist.
Result<PathAndLines> path_argument(const ToolContext& ctx, const Arguments& args,
                                   const std::string& name = "path");
// The same of a file that is there: else an error that names the nearest.
Result<PathAndLines> file_argument(ToolContext& ctx, const Arguments& args,
                                   const std::string& name = "path");
// "10-20", "10:20", "10,20", "[10, 20]", "10" as two numbers.
std::optional<std::pair<int64_t, int64_t>> read_line_range(std::string_view text);
// "there is no src/a.py; did you mean src/b.py, lib/a.py?"
std::string unknown_path(ToolContext& ctx, const std::string& path);
// For a name that nothing defines: "; did you mean area, areas?" or empty.
std::string like_names(const repoindex::View& view, const std::string& name);

// Lines up to the budget; what does not fit is counted.
class Answer {
 public:
  explicit Answer(size_t max_bytes = kAnswerBytes) : max_bytes_(max_bytes) {}
  bool add(std::string_view line);  // false: left out, and so is everything after it
  size_t n_added() const { return n_added_; }
  size_t n_left_out() const { return n_left_out_; }
  bool empty() const { return text_.empty(); }
  // how: "narrow the search with path"
  std::string done(const std::string& how = {}) &&;

 private:
  size_t max_bytes_, n_added_ = 0, n_left_out_ = 0;
  std::string text_;
};

// A line of a file as it is shown: cut when it is long, hidden when it looks like a secret.
std::string shown_line(std::string_view line);
// Numbers (from 0) of lines that must not be shown.
std::vector<size_t> hidden_lines(std::string_view text);

// What a model reads after an edit: what it did, the lines as they are now, notes, and what the
// checks say.
ToolOutcome edit_reply(ToolContext& ctx, const std::string& heading,
                       const std::vector<FileChange>& changes);

}  // namespace engramd::agent
