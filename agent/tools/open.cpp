#include <algorithm>

#include "agent/tools/tool_support.h"
#include "base/text.h"
#include "repoindex/search/secrets.h"

namespace engramd::agent {
namespace {

constexpr int64_t kDefaultLines = 400;

}  // namespace

Tool make_open_tool() {
  return {
      {"open", "Read a file, or some lines of it, with line numbers.",
       schema({{"path", "string", "relative path"},
               {"first_line?", "integer", "counted from 1"},
               {"last_line?", "integer", "included"}})},
      [](ToolContext& ctx, const Arguments& args) -> Result<ToolOutcome> {
        ENGRAMD_TRY(const PathAndLines asked, file_argument(ctx, args));
        const std::string& path = asked.path;
        if (repoindex::is_secret_path(path))
          return fail(ErrorCode::invalid_input,
                      path + " is a file of secrets by its name, which is not shown");
        int64_t first = asked.first, last = asked.last;  // 0: not said
        if (first == last) last = 0;                     // "a.py:12" is a place to begin at
        for (const char* name : {"lines", "first_line"}) {
          if (!args.has(name)) continue;
          if (const auto range = read_line_range(args.text_or(name, ""))) {
            first = range->first;
            if (std::string_view(name) == "lines" || range->first != range->second)
              last = range->second;
          } else {
            ENGRAMD_TRY(first, args.number_or(name, 0));
          }
        }
        if (args.has("last_line")) {
          ENGRAMD_TRY(last, args.number_or("last_line", 0));
        }
        ENGRAMD_TRY(const std::string text, ctx.bench.show(path));
        const auto lines = split_lines(text);
        const auto n_lines =
            static_cast<int64_t>(lines.size()) - (!lines.empty() && lines.back().empty() ? 1 : 0);
        if (n_lines <= 0) return ToolOutcome{path + " is empty"};
        const int64_t from = std::max<int64_t>(first, 1);
        // -1 is "to the end", as other tools have it.
        const int64_t wanted = last == 0 ? from + kDefaultLines - 1 : last < 0 ? n_lines : last;
        const int64_t to = std::min(wanted, n_lines);
        if (from > n_lines || to < from)
          return fail(ErrorCode::invalid_input,
                      path + " has " + std::to_string(n_lines) + " lines, lines " +
                          std::to_string(from) + " to " + std::to_string(last == 0 ? from : last) +
                          " were asked for");
        const std::vector<size_t> hidden = hidden_lines(text);
        Answer answer;
        int64_t shown = from - 1;
        for (int64_t i = from; i <= to; ++i) {
          const auto index = static_cast<size_t>(i - 1);
          const bool secret = std::binary_search(hidden.begin(), hidden.end(), index);
          if (!answer.add(std::to_string(i) + "\t" +
                          (secret ? "(hidden: looks like a secret)" : shown_line(lines[index]))))
            break;
          shown = i;
        }
        std::string out = std::move(answer).done();
        if (const size_t more = out.rfind("(1 more left out)"); more != std::string::npos)
          out.erase(more);
        if (shown < n_lines)
          out += "(lines " + std::to_string(from) + " to " + std::to_string(shown) + " of " +
                 std::to_string(n_lines) + "; go on with first_line " + std::to_string(shown + 1) +
                 ")\n";
        return ToolOutcome{out};
      }};
}

}  // namespace engramd::agent
