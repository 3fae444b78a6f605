#include "agent/edit/patch_apply.h"
#include "agent/tools/tool_support.h"

namespace engramd::agent {

Tool make_apply_patch_tool() {
  return {
      {"apply_patch",
       "Change several places or files by a patch: *** Begin Patch, *** Update File: PATH, @@, "
       "lines that begin with a blank, - or +, *** End Patch; or a unified diff.",
       schema({{"patch", "string", "the patch"}})},
      [](ToolContext& ctx, const Arguments& args) -> Result<ToolOutcome> {
        ENGRAMD_TRY(const std::string patch, args.text("patch"));
        std::optional<Error> problem;  // of a file that is there and cannot be read as text
        const auto read = [&](const std::string& given) -> std::optional<std::string> {
          const auto path = path_and_lines(ctx, given);
          auto text = ctx.bench.read(path ? path->path : given);
          if (text) return std::move(*text);
          if (text.error().code != ErrorCode::not_found) problem = text.error();
          return std::nullopt;
        };
        auto changes = changes_of_patch(patch, read);
        if (problem) return fail(*problem);
        if (!changes) {
          const std::string& message = changes.error().message;
          // The nearest path, where the patch names a file that is not there.
          const std::string head = "the patch changes ", tail = ", which does not exist";
          if (message.starts_with(head) && message.ends_with(tail))
            return fail(ErrorCode::not_found,
                        unknown_path(ctx, message.substr(head.size(), message.size() - head.size() -
                                                                          tail.size())));
          return fail(changes.error());
        }
        std::string heading = "applied the patch:";
        for (FileChange& change : *changes) {
          ENGRAMD_TRY(const PathAndLines path, path_and_lines(ctx, change.path));
          change.path = path.path;
          heading +=
              std::string(change.before ? change.after ? " changed " : " removed " : " created ") +
              change.path;
        }
        ENGRAMD_CHECK(ctx.bench.apply(*changes));
        return edit_reply(ctx, heading, *changes);
      },
      true};
}

}  // namespace engramd::agent
