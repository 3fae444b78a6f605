#include <algorithm>

#include "agent/tools/tool_support.h"
#include "base/text.h"
#include "repoindex/search/secrets.h"
#include "repoindex/search/text.h"

namespace engramd::agent {
namespace {

constexpr size_t kMaxHits = 200;

std::string hit_line(const std::string& path, int64_t line, char mark, std::string_view text) {
  const bool secret = !repoindex::secret_lines(text).empty();
  return path + mark + std::to_string(line) + mark + " " +
         (secret ? "(hidden: looks like a secret)" : shown_line(text));
}

bool looks_like_regex(std::string_view text) {
  for (const std::string_view part :
       {".*", ".+", "\\s", "\\w", "\\d", "\\b", "\\(", "\\.", "|", "^"})
    if (text.find(part) != std::string_view::npos) return true;
  return false;
}

}  // namespace

Tool make_search_tool() {
  return {
      {"search", "Find a text in the files of the repository.",
       schema({{"text", "string", "what to find, within a line"},
               {"regex?", "boolean", "text is a regular expression"},
               {"path?", "string", "only there: a file, a folder or a glob like src/**/*.py"},
               {"context?", "integer", "lines to show around each hit"}})},
      [](ToolContext& ctx, const Arguments& args) -> Result<ToolOutcome> {
        ENGRAMD_TRY(std::string text, args.text("text"));
        while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
        if (trim(text).empty())
          return fail(ErrorCode::invalid_input, "the text to search for is empty");
        if (text.find('\n') != std::string::npos)
          return fail(ErrorCode::invalid_input,
                      "a search looks within lines; give one of the lines only");
        repoindex::TextQuery query;
        query.pattern = text;
        ENGRAMD_TRY(query.regex, args.flag_or("regex", false));
        ENGRAMD_TRY(query.ignore_case, args.flag_or("ignore_case", false));
        ENGRAMD_TRY(const int64_t context, args.number_or("context", 0));
        query.n_context = static_cast<size_t>(std::clamp<int64_t>(context, 0, 10));
        query.limit = kMaxHits;
        std::string where;
        ENGRAMD_TRY(const repoindex::View view, ctx.bench.view(ctx.cancel));
        if (const std::string given(trim(args.text_or("path", ""))); !given.empty()) {
          ENGRAMD_TRY(const PathAndLines asked, path_and_lines(ctx, given));
          if (!asked.is_root()) {
            where = asked.path;
            std::error_code error;
            const bool is_folder = std::filesystem::is_directory(ctx.bench.tree() / where, error);
            const bool is_glob = where.find_first_of("*?[{") != std::string::npos;
            if (!is_folder && !is_glob && !view.contains(where))
              return fail(ErrorCode::not_found, unknown_path(ctx, where));
            query.globs.push_back(is_folder ? "/" + where + "/**" : is_glob ? where : "/" + where);
          }
        }
        ENGRAMD_TRY(repoindex::TextResult found, repoindex::search(view, query, ctx.cancel));
        ENGRAMD_CHECK(ctx.cancel.check());
        Answer answer;
        if (found.hits.empty()) {
          std::string none = "no line holds that text" + (where.empty() ? "" : " in " + where);
          repoindex::TextQuery again = query;
          again.ignore_case = true;
          if (auto folded = repoindex::search(view, again, ctx.cancel);
              !query.ignore_case && folded && !folded->hits.empty()) {
            answer.add(none + "; in another case:");
            found = std::move(*folded);
          } else if (!query.regex && looks_like_regex(text)) {
            return ToolOutcome{none + "; say regex: true if it is a regular expression"};
          } else {
            return ToolOutcome{none};
          }
        }
        for (const repoindex::TextHit& hit : found.hits) {
          const int64_t line = hit.place.start.line + 1;
          const auto before = static_cast<int64_t>(hit.before.size());
          for (int64_t i = 0; i < before; ++i)
            answer.add(hit_line(hit.place.path, line - before + i, '-',
                                hit.before[static_cast<size_t>(i)]));
          answer.add(hit_line(hit.place.path, line, ':', hit.line));
          for (size_t i = 0; i < hit.after.size(); ++i)
            answer.add(
                hit_line(hit.place.path, line + 1 + static_cast<int64_t>(i), '-', hit.after[i]));
          if (query.n_context > 0) answer.add("--");
        }
        const std::string how = "narrow it with path or a longer text";
        std::string out = std::move(answer).done(how);
        if (!found.complete)
          out += "(the first " + std::to_string(kMaxHits) + " hits; " + how + ")\n";
        return ToolOutcome{out};
      }};
}

}  // namespace engramd::agent
