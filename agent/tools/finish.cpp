#include "agent/tools/tool.h"

namespace engramd::agent {

Tool make_finish_tool() {
  return {
      {"finish", "Say that the work is done.",
       schema({{"summary", "string", "what was wrong and what was changed, in a few sentences"}})},
      [](ToolContext&, const Arguments& args) -> Result<ToolOutcome> {
        ENGRAMD_TRY(const std::string summary, args.text("summary"));
        return ToolOutcome{summary, true};
      }};
}

}  // namespace engramd::agent
