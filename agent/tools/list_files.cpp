#include <algorithm>
#include <map>

#include "agent/tools/tool_support.h"
#include "repoindex/git/ignore.h"

namespace engramd::agent {
namespace {

constexpr size_t kMaxListed = 300;

}  // namespace

Tool make_list_files_tool() {
  return {
      {"list_files", "What a folder holds, or the files that fit a glob.",
       schema({{"path?", "string", "a folder (default: the root) or a glob like **/*_util.py"}})},
      [](ToolContext& ctx, const Arguments& args) -> Result<ToolOutcome> {
        std::string given = args.text_or("path", ".");
        if (given.empty()) given = ".";
        ENGRAMD_TRY(const PathAndLines asked, path_and_lines(ctx, given));
        ENGRAMD_TRY(const repoindex::View view, ctx.bench.view(ctx.cancel));
        Answer answer;
        if (asked.path.find_first_of("*?[") != std::string::npos) {
          repoindex::IgnoreRules rules;
          rules.add_pattern(asked.path, "");
          size_t n = 0;
          for (const std::string& path : view.paths())
            if (rules.ignored(path, false) && ++n <= kMaxListed) answer.add(path);
          if (n == 0) return ToolOutcome{"no file fits " + asked.path};
          std::string out = std::move(answer).done("a narrower glob shows them");
          if (n > kMaxListed)
            out += "(" + std::to_string(n - kMaxListed) + " more; a narrower glob shows them)\n";
          return ToolOutcome{out};
        }
        const std::string folder = asked.is_root() ? "" : asked.path + "/";
        // Folders with how many files are below them, then files.
        std::map<std::string, size_t> folders;
        std::vector<std::string> files;
        for (const std::string& path : view.paths()) {
          if (!path.starts_with(folder)) continue;
          const std::string_view rest = std::string_view(path).substr(folder.size());
          if (const size_t slash = rest.find('/'); slash != std::string_view::npos)
            ++folders[std::string(rest.substr(0, slash))];
          else
            files.emplace_back(rest);
        }
        if (folders.empty() && files.empty()) {
          std::error_code error;
          if (std::filesystem::is_directory(ctx.bench.tree() / asked.path, error))
            return ToolOutcome{asked.path + " holds no files (but those that git ignores)"};
          if (std::filesystem::is_regular_file(ctx.bench.tree() / asked.path, error))
            return ToolOutcome{asked.path + " is a file; open shows it"};
          return fail(ErrorCode::not_found, unknown_path(ctx, asked.path));
        }
        for (const auto& [name, n] : folders)
          answer.add(folder + name + "/  (" + std::to_string(n) + (n == 1 ? " file)" : " files)"));
        for (const std::string& name : files) answer.add(folder + name);
        return ToolOutcome{std::move(answer).done("a glob like " + folder + "a*.* shows a part")};
      }};
}

}  // namespace engramd::agent
