#include "daemon/wiring/repair_model.h"

#include <algorithm>

#include "base/text.h"
#include "daemon/wiring/line_judge.h"

namespace engramd::daemon {
namespace {

using engine::TokenId;

constexpr size_t kMaxProposals = 3;

class Helper {
 public:
  explicit Helper(std::unique_ptr<LineJudge> judge) : judge_(std::move(judge)) {}

  std::vector<double> rank(const std::string& path, const std::string& before,
                           const std::vector<std::string>& candidates, const CancelToken& cancel) {
    std::vector<double> gains;
    gains.reserve(candidates.size());
    for (const LineOdds& odds : judge_->odds(path, before, candidates, cancel))
      gains.push_back(odds.gain());
    return gains;
  }

  // The first is the most likely one, the others are drawn.
  std::vector<std::string> infill(const std::string& path, const std::string& text, ByteRange hole,
                                  const CancelToken& cancel) {
    const std::string_view held = std::string_view(text).substr(hole.begin, hole.size());
    const size_t indent = std::min(held.find_first_not_of(" \t"), held.size());
    const size_t n_lines = static_cast<size_t>(std::count(held.begin(), held.end(), '\n'));
    const std::vector<TokenId> prompt =
        judge_->prompt(path, std::string_view(text).substr(0, hole.begin + indent),
                       std::string_view(text).substr(hole.end));
    std::vector<std::string> found;
    for (size_t i = 0; i < kMaxProposals && !cancel.cancelled(); ++i) {
      engine::GenerateOptions options;
      options.max_tokens = 24 + 24 * n_lines;
      options.sample = {i == 0 ? 0.0f : 0.8f, 20, 0.95f, 1 + i};
      options.stop_when = [n_lines](std::string_view so_far) {
        return static_cast<size_t>(std::count(so_far.begin(), so_far.end(), '\n')) > n_lines;
      };
      auto generated = judge_->session().generate(prompt, options, cancel);
      if (!generated) break;
      std::string_view piece = generated->text;
      for (size_t at = 0, lines = 0; at < piece.size(); ++at)
        if (piece[at] == '\n' && ++lines > n_lines) piece = piece.substr(0, at);
      while (!piece.empty() && (piece.back() == '\n' || piece.back() == ' '))
        piece.remove_suffix(1);
      if (trim(piece).empty()) continue;
      std::string whole = std::string(held.substr(0, indent)) + std::string(piece);
      if (whole != held && std::find(found.begin(), found.end(), whole) == found.end())
        found.push_back(std::move(whole));
    }
    return found;
  }

 private:
  std::unique_ptr<LineJudge> judge_;
};

}  // namespace

Result<RepairModel> make_repair_model(std::shared_ptr<const engine::Model> model) {
  ENGRAMD_TRY(auto judge, LineJudge::make(std::move(model)));
  auto helper = std::make_shared<Helper>(std::move(judge));
  RepairModel repair;
  repair.ranker = [helper](const std::string& path, const std::string& before,
                           const std::vector<std::string>& candidates, const CancelToken& stop) {
    return helper->rank(path, before, candidates, stop);
  };
  repair.infill = [helper](const std::string& path, const std::string& text, ByteRange hole,
                           const CancelToken& stop) {
    return helper->infill(path, text, hole, stop);
  };
  return repair;
}

}  // namespace engramd::daemon
