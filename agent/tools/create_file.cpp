// create_file, delete_file, rename_file: whole files.
#include "agent/tools/tool_support.h"

namespace engramd::agent {
namespace {

// A file this small may be written anew as a whole; a larger one is edited.
constexpr size_t kMaxRewritten = 4000;

}  // namespace

Tool make_create_file_tool() {
  return {
      {"create_file", "Create a new file, or write a small one anew.",
       schema({{"path", "string", "relative path"}, {"text", "string", "its whole text"}})},
      [](ToolContext& ctx, const Arguments& args) -> Result<ToolOutcome> {
        ENGRAMD_TRY(const PathAndLines asked, path_argument(ctx, args));
        ENGRAMD_TRY(const std::string text, args.text("text"));
        const auto before = ctx.bench.read(asked.path);
        if (before && before->size() > kMaxRewritten)
          return fail(ErrorCode::invalid_input, asked.path + " exists and has " +
                                                    std::to_string(before->size()) +
                                                    " bytes; edit it with replace_text instead");
        if (!before && before.error().code != ErrorCode::not_found) return fail(before.error());
        if (before && *before == text)
          return fail(ErrorCode::invalid_input, asked.path + " exists with just that text");
        const std::vector<FileChange> changes = {
            {asked.path, before ? std::optional<std::string>(*before) : std::nullopt, text, false}};
        ENGRAMD_CHECK(ctx.bench.apply(changes));
        return edit_reply(ctx, (before ? "rewrote " : "created ") + asked.path, changes);
      },
      true};
}

Tool make_delete_file_tool() {
  return {{"delete_file", "Delete a file.", schema({{"path", "string", "relative path"}})},
          [](ToolContext& ctx, const Arguments& args) -> Result<ToolOutcome> {
            ENGRAMD_TRY(const PathAndLines asked, file_argument(ctx, args));
            ENGRAMD_TRY(std::string text, ctx.bench.read(asked.path));
            const std::vector<FileChange> changes = {
                {asked.path, std::move(text), std::nullopt, false}};
            ENGRAMD_CHECK(ctx.bench.apply(changes));
            return edit_reply(ctx, "deleted " + asked.path, changes);
          },
          true};
}

Tool make_rename_file_tool() {
  return {{"rename_file", "Move a file. What imports it is not changed.",
           schema({{"path", "string", "relative path"}, {"to", "string", "its new path"}})},
          [](ToolContext& ctx, const Arguments& args) -> Result<ToolOutcome> {
            ENGRAMD_TRY(const PathAndLines from, file_argument(ctx, args));
            ENGRAMD_TRY(PathAndLines to, path_argument(ctx, args, "to"));
            std::error_code error;
            if (std::filesystem::is_directory(ctx.bench.tree() / to.path, error))
              to.path =
                  (to.is_root() ? "" : to.path + "/") + from.path.substr(from.path.rfind('/') + 1);
            ENGRAMD_CHECK(ctx.bench.rename(from.path, to.path));
            return edit_reply(
                ctx, "renamed " + from.path + " to " + to.path,
                {{from.path, "", std::nullopt, false}, {to.path, std::nullopt, "", false}});
          },
          true};
}

}  // namespace engramd::agent
