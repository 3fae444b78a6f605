// daemon/wiring/line_judge.h - how likely a model finds the lines that an edit makes, and those
// that were there, with the text on both sides of them.
//
// The difference says more than either: a strange line stays strange after most edits of it. Edits
// of the same lines share a prompt, which is read once. A session of its own; one thread at a time.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "daemon/completion/prompt.h"
#include "engine/api/model.h"
#include "engine/api/session.h"

namespace engramd::daemon {

// What differs between two texts, as whole lines, at least one on each side where there is one.
struct ChangedLines {
  size_t begin = 0;  // in both
  size_t before_end = 0, after_end = 0;
};
ChangedLines changed_lines(std::string_view before, std::string_view after);

struct LineOdds {
  size_t n_before = 0, n_after = 0;  // tokens; n_after 0: not judged
  double before = 0, after = 0;      // log2 probability of all of them
  // A token on average: above 0 the edit made the lines likelier.
  double gain() const {
    return n_after == 0 || n_before == 0
               ? 0
               : after / static_cast<double>(n_after) - before / static_cast<double>(n_before);
  }
};

class LineJudge {
 public:
  static Result<std::unique_ptr<LineJudge>> make(std::shared_ptr<const engine::Model> model);

  // One per text, each an edited `before`. Ends early when cancelled: the rest is not judged.
  std::vector<LineOdds> odds(const std::string& path, std::string_view before,
                             const std::vector<std::string>& edited, const CancelToken& cancel);
  // The prompt behind which a model writes what stands between the two.
  std::vector<engine::TokenId> prompt(const std::string& path, std::string_view prefix,
                                      std::string_view suffix) const;
  engine::Session& session() { return *session_; }
  const engine::Model& model() const { return *model_; }

 private:
  LineJudge(std::shared_ptr<const engine::Model> model, std::unique_ptr<engine::Session> session);

  std::shared_ptr<const engine::Model> model_;
  std::unique_ptr<engine::Session> session_;
  PromptStyle style_;
};

}  // namespace engramd::daemon
