#include "agent/repair/static_suspects.h"

#include <algorithm>

#include "agent/repair/code_view.h"

namespace engramd::agent {
namespace {

using repoindex::contains_kind;

constexpr double kOfSignature = 0.5, kOfDefinition = 0.6;

std::optional<CodeView> view_of(const std::string& path, const std::string& text) {
  const repoindex::Language* language = repoindex::language_for_path(path, text);
  const Spelling* spelling = language == nullptr ? nullptr : find_spelling(language->name);
  if (spelling == nullptr) return std::nullopt;
  auto tree = FlatTree::parse(text, language->name);
  if (!tree) return std::nullopt;
  return std::optional<CodeView>(std::in_place, text, std::move(*tree), *language, *spelling);
}

double score_in(const SuspectFile& file, uint32_t first, uint32_t last) {
  double score = 0;
  for (auto at = file.lines.lower_bound(first); at != file.lines.end() && at->first <= last; ++at)
    score = std::max(score, at->second);
  return score;
}

void raise(SuspectFile& file, uint32_t first, uint32_t last, double score) {
  if (score <= 0 || last - first > 60) return;
  for (uint32_t line = first; line <= last; ++line) {
    double& now = file.lines[line];
    now = std::max(now, score);
  }
}

}  // namespace

void add_static_suspects(std::map<std::string, SuspectFile>& files,
                         const std::map<std::string, std::string>& texts) {
  std::map<std::string, CodeView> views;
  std::map<std::string, double> used;  // name -> the most suspicious line that uses it
  for (const auto& [path, file] : files) {
    const auto text = texts.find(path);
    if (text == texts.end()) continue;
    auto view = view_of(path, text->second);
    if (!view) continue;
    const CodeView& code = views.emplace(path, std::move(*view)).first->second;
    for (size_t i = 0; i < code.tree.size(); ++i) {
      if (!contains_kind(code.kinds.identifier, code.kind_of(i))) continue;
      const auto score = file.lines.find(code.line_of(i));
      if (score == file.lines.end()) continue;
      double& now = used[code.text_of(i)];
      now = std::max(now, score->second);
    }
  }
  for (auto& [path, code] : views) {
    SuspectFile& file = files[path];
    std::vector<std::pair<std::pair<uint32_t, uint32_t>, double>> raised;
    for (size_t i = 0; i < code.tree.size(); ++i) {
      const FlatNode& node = code.node(i);
      if (!node.named) continue;
      const uint32_t first = code.line_of(i), last = code.lines.position(node.end).line;
      if (contains_kind(code.kinds.function, node.kind)) {
        const size_t body = code.tree.child_by_field(i, "body");
        if (body == kNoNode) continue;
        const uint32_t begins = code.line_of(body);
        const uint32_t header = begins > first && code.is_python ? begins - 1 : begins;
        raised.push_back({{first, std::max(first, std::min(header, begins))},
                          kOfSignature * score_in(file, begins, last)});
      } else if (contains_kind(code.kinds.assignment, node.kind) &&
                 code.function_of(i) == kNoNode) {
        const size_t left = code.assignment_left(i);
        if (left == kNoNode) continue;
        const auto user = used.find(code.text_of(left));
        if (user != used.end()) raised.push_back({{first, last}, kOfDefinition * user->second});
      }
    }
    for (const auto& [lines, score] : raised) raise(file, lines.first, lines.second, score);
  }
}

}  // namespace engramd::agent
