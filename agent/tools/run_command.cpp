#include <algorithm>

#include "agent/tools/tool_support.h"
#include "base/text.h"

namespace engramd::agent {
namespace {

constexpr int64_t kDefaultSeconds = 60, kMaxSeconds = 600;
constexpr size_t kOutputBytes = 6000;

std::string listed(const std::vector<std::string>& paths) {
  constexpr size_t kShown = 12;
  std::string out;
  for (size_t i = 0; i < std::min(paths.size(), kShown); ++i)
    out += (i == 0 ? "" : ", ") + paths[i];
  if (paths.size() > kShown) out += " and " + std::to_string(paths.size() - kShown) + " more";
  return out;
}

}  // namespace

Tool make_run_command_tool() {
  return {
      {"run_command", "Run a shell command in the root of the tree, in a sandbox without network.",
       schema({{"command", "string", "for /bin/sh"},
               {"seconds?", "integer", "time limit, default 60"}})},
      [](ToolContext& ctx, const Arguments& args) -> Result<ToolOutcome> {
        ENGRAMD_TRY(const std::string command, args.text("command"));
        if (trim(command).empty()) return fail(ErrorCode::invalid_input, "the command is empty");
        ENGRAMD_TRY(const int64_t seconds, args.number_or("seconds", kDefaultSeconds));
        if (ctx.command_gate) ENGRAMD_CHECK(ctx.command_gate(command));
        SandboxLimits limits;
        limits.wall_ms = 1000 * std::clamp<int64_t>(seconds, 1, kMaxSeconds);
        limits.max_output_bytes = 64u << 10;
        ENGRAMD_TRY(const CommandRun run, ctx.bench.run_command(command, limits, ctx.cancel));
        const ProcessResult& process = run.process;
        std::string text =
            process.timed_out ? "the command was ended after " +
                                    std::to_string(limits.wall_ms / 1000) + " seconds\n"
            : process.signal != 0
                ? "the command was ended by signal " + std::to_string(process.signal) + "\n"
                : "exit status " + std::to_string(process.exit_code) + "\n";
        const std::string output = utf8_sanitized(process.stdout_text);
        text += capped(output, kOutputBytes);
        if (!text.ends_with('\n')) text += '\n';
        if (output.size() > kOutputBytes)
          text += "(head and tail of the output; a pipe to grep, head or tail shows a part)\n";
        if (!run.changed.empty()) text += "it changed: " + listed(run.changed) + "\n";
        if (!run.taken_back.empty())
          text += "taken back, since changing them needs consent: " + listed(run.taken_back) + "\n";
        if (!run.left_out.empty()) text += "not part of the work: " + listed(run.left_out) + "\n";
        return ToolOutcome{text};
      },
      true};
}

}  // namespace engramd::agent
