#include <algorithm>

#include "agent/tools/tool.h"
#include "base/text.h"

namespace engramd::agent {

Tool make_open_tool() {
  return {{"open", "Read a file, or some lines of it, with line numbers.",
           schema({{"path", "string", "relative path"},
                   {"first_line?", "integer", "counted from 1"},
                   {"last_line?", "integer", "included"}})},
          [](ToolContext& ctx, const Arguments& args) -> Result<ToolOutcome> {
            ENGRAMD_TRY(const std::string path, args.text("path"));
            ENGRAMD_TRY(const std::string text, ctx.bench.read(path));
            const auto lines = split_lines(text);
            const auto n_lines = static_cast<int64_t>(lines.size());
            ENGRAMD_TRY(const int64_t asked_first, args.number_or("first_line", 1));
            const int64_t first = std::max<int64_t>(asked_first, 1);
            constexpr int64_t kDefaultLines = 400;
            ENGRAMD_TRY(const int64_t asked_last,
                        args.number_or("last_line", first + kDefaultLines - 1));
            const int64_t last = std::min(asked_last, n_lines);
            if (first > n_lines || last < first)
              return fail(ErrorCode::invalid_input,
                          path + " has " + std::to_string(n_lines) + " lines, lines " +
                              std::to_string(asked_first) + " to " + std::to_string(asked_last) +
                              " were asked for");
            ToolOutcome outcome;
            for (int64_t i = first; i <= last; ++i)
              outcome.text +=
                  std::to_string(i) + "\t" + std::string(lines[static_cast<size_t>(i - 1)]) + "\n";
            if (last < n_lines) outcome.text += "(" + std::to_string(n_lines) + " lines in all)\n";
            return outcome;
          }};
}

}  // namespace engramd::agent
