#include "daemon/handlers/rewrite.h"

#include <algorithm>

#include "agent/edit/parse_check.h"

namespace engramd::daemon {
namespace {

using repoindex::SymbolHit;

constexpr const char* kWholeDefinition =
    " Answer with the complete new text of the definition, decorators and comments before it "
    "included if the definition above has them, in one fenced code block and nothing else.";

bool is_undocumented(const SymbolHit& hit, const std::string&) {
  return hit.symbol.doc.empty();
}

// A body that only says that it is to be written. Words that stand in many languages; few enough
// lines that a real body with a to-do in it does not count.
bool is_stub(const SymbolHit&, const std::string& text) {
  constexpr size_t kMaxLines = 12;
  if (static_cast<size_t>(std::count(text.begin(), text.end(), '\n')) > kMaxLines) return false;
  for (const char* mark :
       {"NotImplementedError", "NotImplementedException", "todo!(", "unimplemented!(",
        "not implemented", "Not implemented", "TODO", "FIXME", "UnsupportedOperationException"})
    if (text.find(mark) != std::string::npos) return true;
  // Nothing after the head but "pass", "..." or an empty block.
  std::string end = text;
  while (!end.empty() && std::isspace(static_cast<unsigned char>(end.back()))) end.pop_back();
  const auto ends_with = [&](const std::string& tail) {
    return end.size() > tail.size() &&
           end.compare(end.size() - tail.size(), tail.size(), tail) == 0 &&
           !std::isalnum(static_cast<unsigned char>(end[end.size() - tail.size() - 1]));
  };
  if (ends_with("pass") || ends_with("...")) return true;
  if (end.empty() || end.back() != '}') return false;
  end.pop_back();
  while (!end.empty() && std::isspace(static_cast<unsigned char>(end.back()))) end.pop_back();
  return !end.empty() && end.back() == '{';
}

// The text of the first fenced block, or the whole text when there is none.
std::string code_in(const std::string& answer) {
  const size_t fence = answer.find("```");
  if (fence == std::string::npos) return answer;
  const size_t begin = answer.find('\n', fence);
  if (begin == std::string::npos) return {};
  const size_t end = answer.find("\n```", begin);
  return answer.substr(begin + 1, end == std::string::npos ? end : end - begin);
}

std::string indentation(const std::string& line) {
  return line.substr(0, std::min(line.find_first_not_of(" \t"), line.size()));
}

// Models answer with the definition at the margin or as it stood: the first line decides by how
// much all are moved.
std::string indented_as(const std::string& indent, std::string code) {
  while (!code.empty() && (code.back() == '\n' || code.back() == ' ')) code.pop_back();
  while (!code.empty() && code.front() == '\n') code.erase(0, 1);
  const std::string had = indentation(code);
  std::string out;
  bool first = true;
  for (size_t begin = 0; begin <= code.size();) {
    const size_t end = std::min(code.find('\n', begin), code.size());
    std::string line = code.substr(begin, end - begin);
    if (line.compare(0, had.size(), had) == 0) line.erase(0, had.size());
    if (!first) out += '\n';
    // The definition's own first line keeps the indentation that stands before it in the file.
    if (!first && !line.empty()) out += indent;
    out += line;
    first = false;
    begin = end + 1;
  }
  return out;
}

}  // namespace

const std::vector<Rewrite>& rewrites() {
  static const std::vector<Rewrite> kRewrites = {
      {"implement", "Implement", "refactor.rewrite",
       "Write the body of the definition, as its name, signature, comments and callers ask for.",
       is_stub},
      {"document", "Document", "refactor.rewrite",
       "Write a documentation comment (or docstring) for the definition in the style of the "
       "language and of the code around it. Change no code.",
       is_undocumented},
  };
  return kRewrites;
}

const Rewrite* find_rewrite(const std::string& what) {
  for (const Rewrite& rewrite : rewrites())
    if (what == rewrite.what) return &rewrite;
  return nullptr;
}

std::optional<SymbolHit> definition_at(const Asked& asked, lsp::Position position) {
  PlaceMapper places(asked);
  const auto offset = places.offset(asked.path, position);
  if (!offset) return std::nullopt;
  return repoindex::enclosing_symbol(asked.view, asked.path, *offset);
}

Result<FixedFile> rewritten(const Ports& ports, const Asked& asked, lsp::Position position,
                            const Rewrite& rewrite, const CancelToken& cancel) {
  const auto hit = definition_at(asked, position);
  const auto text = asked.view.text(asked.path);
  if (!hit || !text || hit->full_range.end > text->size())
    return fail(ErrorCode::not_found, "there is no definition at this place any more");
  AskQuery query{asked.view, asked.path, hit->full_range, rewrite.instruction};
  query.instruction += kWholeDefinition;
  ENGRAMD_TRY(const std::string answer, ports.ask(query, cancel));
  const size_t line_start =
      hit->full_range.begin == 0 ? 0 : text->rfind('\n', hit->full_range.begin - 1) + 1;
  const std::string code = indented_as(
      indentation(text->substr(line_start, hit->full_range.begin - line_start)), code_in(answer));
  if (code.empty()) return fail(ErrorCode::unavailable, "the model's answer holds no code");
  std::string after = *text;
  after.replace(hit->full_range.begin, hit->full_range.end - hit->full_range.begin, code);
  if (Status ok = agent::check_still_parses(asked.path, *text, after); !ok)
    return fail(ErrorCode::unavailable, "the model's text was refused: " + ok.error().message);
  return FixedFile{asked.path, *text, std::move(after)};
}

}  // namespace engramd::daemon
