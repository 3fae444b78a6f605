#include <map>

#include "agent/tools/tool_support.h"
#include "base/text.h"
#include "repoindex/query.h"

namespace engramd::agent {
namespace {

using namespace repoindex;

constexpr size_t kMaxHits = 150;

std::string last_part(std::string name) {
  name = std::string(trim(name));
  if (name.ends_with("()")) name.erase(name.size() - 2);
  const size_t at = name.find_last_of(".:#");
  return at == std::string::npos ? name : name.substr(at + 1);
}

// The text of a place's line; files are read once each.
class Lines {
 public:
  explicit Lines(const View& view) : view_(view) {}
  std::string of(const Place& place) {
    auto [known, is_new] = texts_.try_emplace(place.path);
    if (is_new) known->second = view_.text(place.path).value_or("");
    const LineIndex index(known->second);
    if (place.start.line >= index.line_count()) return {};
    const ByteRange range = index.line_range(place.start.line, known->second);
    return shown_line(trim(std::string_view(known->second).substr(range.begin, range.size())));
  }

 private:
  const View& view_;
  std::map<std::string, std::string> texts_;
};

std::string at(const Place& place) {
  return place.path + ":" + std::to_string(place.start.line + 1);
}

}  // namespace

Tool make_references_tool() {
  return {{"references", "Where a name is used.", schema({{"name", "string", "an identifier"}})},
          [](ToolContext& ctx, const Arguments& args) -> Result<ToolOutcome> {
            ENGRAMD_TRY(const std::string given, args.text("name"));
            const std::string name = last_part(given);
            ENGRAMD_TRY(const View view, ctx.bench.view(ctx.cancel));
            const auto hits = references_of(view, name, kMaxHits);
            if (hits.empty())
              return ToolOutcome{"nothing here uses " + name + like_names(view, name)};
            Answer answer;
            Lines lines(view);
            for (const ReferenceHit& hit : hits)
              answer.add(at(hit.place) + "\t" + std::string(to_string(hit.role)) + "\t" +
                         lines.of(hit.place));
            std::string out = std::move(answer).done("search with a path shows the others");
            if (hits.size() == kMaxHits)
              out += "(the first " + std::to_string(kMaxHits) +
                     "; search with a path shows the others)\n";
            return ToolOutcome{out};
          }};
}

Tool make_callers_tool() {
  return {{"callers", "Which functions call a function or method.",
           schema({{"name", "string", "the function's name"}})},
          [](ToolContext& ctx, const Arguments& args) -> Result<ToolOutcome> {
            ENGRAMD_TRY(const std::string given, args.text("name"));
            const std::string name = last_part(given);
            ENGRAMD_TRY(const View view, ctx.bench.view(ctx.cancel));
            const auto hits = calls_of(view, name, kMaxHits);
            if (hits.empty())
              return ToolOutcome{"nothing here calls " + name + like_names(view, name)};
            Answer answer;
            Lines lines(view);
            for (const ReferenceHit& hit : hits) {
              const auto around = enclosing_symbol(view, hit.place.path, hit.place.range.begin);
              answer.add(at(hit.place) + "\tin " +
                         (around ? (around->container.empty() ? "" : around->container + ".") +
                                       around->symbol.name
                                 : "the top level") +
                         "\t" + lines.of(hit.place));
            }
            std::string out = std::move(answer).done("references and search show others");
            if (hits.size() == kMaxHits)
              out += "(the first " + std::to_string(kMaxHits) + " calls)\n";
            return ToolOutcome{out};
          }};
}

}  // namespace engramd::agent
