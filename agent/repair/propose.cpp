#include "agent/repair/propose.h"

#include <algorithm>
#include <map>

#include "agent/repair/code_view.h"

namespace engramd::agent {
namespace {

constexpr size_t kRanked = 768;      // candidates a ranker is asked about
constexpr double kModelShare = 1.0;  // of the order, for what reads worst
constexpr size_t kFilled = 8;        // places that a model is asked to write anew
constexpr size_t kFilledLines = 8;   // whole lines of them, per file
constexpr size_t kFilledHoles = 8;   // expressions likewise

double suspicion_of(const SuspectFile& file, uint32_t line, bool has_spectrum) {
  const auto found = file.lines.find(line);
  if (found != file.lines.end()) return found->second;
  // Lines that no statement starts on (a continued expression) inherit from just above.
  if (has_spectrum)
    for (uint32_t back = 1; back <= 6 && back <= line; ++back)
      if (const auto above = file.lines.find(line - back); above != file.lines.end())
        return above->second * (back == 1 ? 0.6 : 0.3);
  return file.other_lines;
}

struct Hole {
  ByteRange range;
  uint32_t line;
  double suspicion;
};

// The most suspicious lines and the expressions on them.
std::vector<Hole> holes_of(const SuspectFile& file, const std::string& text) {
  std::vector<std::pair<double, uint32_t>> lines;
  for (const auto& [line, score] : file.lines) lines.push_back({-score, line});
  std::sort(lines.begin(), lines.end());
  const LineIndex index(text);
  std::vector<Hole> holes;
  for (size_t i = 0; i < std::min(lines.size(), kFilledLines); ++i) {
    const ByteRange range = index.line_range(lines[i].second, text);
    if (trim(std::string_view(text).substr(range.begin, range.size())).empty()) continue;
    holes.push_back({range, lines[i].second, -lines[i].first});
    // Three lines, for what one line cannot say.
    if (i < 2 && lines[i].second + 2 < index.line_count())
      holes.push_back({{range.begin, index.line_range(lines[i].second + 2, text).end},
                       lines[i].second,
                       -lines[i].first});
  }
  const repoindex::Language* language = repoindex::language_for_path(file.path, text);
  const Spelling* spelling = language == nullptr ? nullptr : find_spelling(language->name);
  if (spelling == nullptr) return holes;
  auto tree = FlatTree::parse(text, language->name);
  if (!tree) return holes;
  const CodeView code(text, std::move(*tree), *language, *spelling);
  size_t n = 0;
  for (size_t i = 0; i < code.tree.size() && n < kFilledHoles; ++i) {
    const FlatNode& node = code.node(i);
    if (!node.named || node.end - node.begin > 80 || !code.is_expression(i)) continue;
    const auto score = file.lines.find(code.line_of(i));
    if (score == file.lines.end() || score->second < 0.8 * file.score) continue;
    if (node.field != "condition" && node.field != "right" && node.field != "value" &&
        !repoindex::contains_kind(code.kinds.return_, code.kind_of(node.parent)))
      continue;
    holes.push_back({{node.begin, node.end}, code.line_of(i), score->second});
    ++n;
  }
  return holes;
}

// n_left: holes that may still be filled, over all files.
void add_filled(const ProposeInput& input, const SuspectFile& file, const std::string& text,
                size_t& n_left, std::vector<Candidate>& candidates, const CancelToken& cancel) {
  if (!input.infill) return;
  for (const Hole& hole : holes_of(file, text)) {
    if (cancel.cancelled() || n_left == 0) break;
    --n_left;
    double cost = 1.3;
    for (std::string& filled : input.infill(file.path, text, hole.range, cancel)) {
      Candidate candidate;
      candidate.path = file.path;
      candidate.edit = {hole.range, std::move(filled)};
      candidate.line = hole.line;
      candidate.kind = "line proposed by the model";
      candidate.cost = cost;
      candidate.suspicion = hole.suspicion;
      candidate.order = cost + 1.6 * (1 - candidate.suspicion);
      candidate.likelihood = -1;
      candidates.push_back(std::move(candidate));
      cost += 0.2;
    }
  }
}

void sort_by_order(std::vector<Candidate>& candidates) {
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Candidate& a, const Candidate& b) { return a.order < b.order; });
}

// The first ones of all files, by how much likelier each makes its lines. The place among them, not
// the score, is used: scales differ from model to model.
void rank(const ProposeInput& input, std::vector<Candidate>& candidates,
          const CancelToken& cancel) {
  if (!input.ranker) return;
  const size_t n = std::min(candidates.size(), kRanked);
  std::map<std::string, std::vector<size_t>> by_path;
  for (size_t i = 0; i < n; ++i) by_path[candidates[i].path].push_back(i);
  std::vector<double> scores(n, 0);
  for (const auto& [path, own] : by_path) {
    if (cancel.cancelled()) break;
    const auto text = input.read(path);
    if (!text) return;
    std::vector<std::string> texts;
    texts.reserve(own.size());
    for (const size_t i : own) texts.push_back(apply_edit(*text, candidates[i].edit));
    const std::vector<double> found = input.ranker(path, *text, texts, cancel);
    if (found.size() != own.size()) return;
    for (size_t k = 0; k < own.size(); ++k) scores[own[k]] = found[k];
  }
  std::vector<size_t> by_score(n);
  for (size_t i = 0; i < n; ++i) by_score[i] = i;
  std::stable_sort(by_score.begin(), by_score.end(),
                   [&](size_t a, size_t b) { return scores[a] > scores[b]; });
  for (size_t place = 0; place < n; ++place) {
    Candidate& candidate = candidates[by_score[place]];
    candidate.likelihood = static_cast<double>(place) / static_cast<double>(n);
    candidate.order += kModelShare * candidate.likelihood;
  }
  // Those that were not asked about stay behind: they are what the model would put in the middle.
  for (size_t i = n; i < candidates.size(); ++i) candidates[i].order += 0.5 * kModelShare;
}

}  // namespace

Proposed propose(const ProposeInput& input, const CancelToken& cancel) {
  Proposed proposed;
  const auto after = [](double seconds) {
    return Clock::now() + std::chrono::milliseconds(static_cast<int64_t>(1000 * seconds));
  };
  // Writing lines is dearer than judging them, and must not take what judging needs.
  const CancelSource filling(cancel, after(0.6 * input.wall_s)), all(cancel, after(input.wall_s));
  size_t n_left = kFilled;
  for (const SuspectFile& file : input.places.files) {
    if (cancel.cancelled()) break;
    const auto text = input.read(file.path);
    if (!text) continue;
    auto candidates = mutate(
        file.path, *text,
        [&](uint32_t line) { return suspicion_of(file, line, input.places.has_spectrum); },
        input.mutate);
    if (!candidates) {
      proposed.notes.push_back(candidates.error().message);
      continue;
    }
    add_filled(input, file, *text, n_left, *candidates, filling.token());
    proposed.candidates.insert(proposed.candidates.end(),
                               std::make_move_iterator(candidates->begin()),
                               std::make_move_iterator(candidates->end()));
  }
  sort_by_order(proposed.candidates);
  if (!all.token().cancelled()) {
    rank(input, proposed.candidates, all.token());
    sort_by_order(proposed.candidates);
  }
  return proposed;
}

}  // namespace engramd::agent
