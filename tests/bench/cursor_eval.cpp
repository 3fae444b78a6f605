// What each kind of part in a cursor's window is worth, on lines that real commits added.
//
//   cursor_eval --model F.gguf [--holes N] [--per-commit N] [--budget N] [--seed S] [--no-model]
//               [--show] owner/name=GITDIR ...
//
// A hole is one added line of a commit that changed a few files. The tree is the commit's parent;
// the line's file is as after the commit without that line, the commit's other files are open and
// unsaved: all of the change is there but the line. The cursor stands at the start of the empty
// line. Asked with every kind of part, without each one, and with none at all:
//   loss   natural-log loss a token of the hidden line, of the network alone
//   exact  the line, generated greedily by the network alone
//   seen   of the line's names that neither prefix nor suffix shows, the share that a part shows:
//          what a window offers, whatever the model
// --saved: the commit's other files are saved and not committed, instead of open and unsaved.
// --budget: tokens of the window; without it the model's own limit. --no-model measures `seen`
// only.
#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <set>

#include "daemon/completion/prompt.h"
#include "daemon/completion/stop_rules.h"
#include "engine/api/session.h"
#include "repoindex/context.h"
#include "repoindex/git/uncommitted.h"
#include "repoindex/locate.h"
#include "repoindex/rank/terms.h"
#include "tests/bench/commit_tree.h"

using namespace engramd;
using repoindex::PartKind;

namespace {

constexpr size_t kMaxFilesOfACommit = 8;

struct Variant {
  std::string name;
  uint32_t without = 0;
};
std::vector<Variant> variants() {
  const std::pair<const char*, PartKind> kinds[] = {{"imported", PartKind::imported},
                                                    {"encloses", PartKind::encloses},
                                                    {"definition", PartKind::definition},
                                                    {"similar", PartKind::similar},
                                                    {"edited", PartKind::edited}};
  uint32_t all = 0;
  for (const auto& [name, kind] : kinds) all |= 1u << static_cast<unsigned>(kind);
  std::vector<Variant> rows{{"all parts", 0}, {"no parts", all}};
  for (const auto& [name, kind] : kinds)
    rows.push_back({std::string("without ") + name, 1u << static_cast<unsigned>(kind)});
  for (const auto& [name, kind] : kinds)
    rows.push_back({std::string("only ") + name, all & ~(1u << static_cast<unsigned>(kind))});
  return rows;
}

struct Tally {
  std::vector<double> loss;  // by hole
  std::vector<bool> exact;
  size_t n_names = 0, n_seen = 0, n_tokens = 0, n_part_tokens = 0;
};

std::set<std::string> names_in(std::string_view text) {
  std::set<std::string> names;
  repoindex::for_each_word(text, [&](size_t, std::string_view word) {
    if (word.size() > 2) names.emplace(word);
  });
  return names;
}

struct Hole {
  size_t begin = 0, end = 0;  // of the line's text in the file after the commit
};

// Added lines that say something: no comments, no strings alone, neither short nor endless.
std::vector<Hole> holes_of(const std::string& text, const std::vector<bench::AddedLines>& hunks) {
  std::vector<size_t> starts{0};
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n') starts.push_back(i + 1);
  }
  std::vector<Hole> holes;
  for (const bench::AddedLines& hunk : hunks) {
    for (size_t line = hunk.new_begin; line < hunk.new_begin + hunk.n_new; ++line) {
      if (line + 1 >= starts.size()) break;
      const std::string_view written =
          trim(std::string_view(text).substr(starts[line], starts[line + 1] - starts[line]));
      if (written.size() < 8 || written.size() > 120 || written[0] == '#' || written[0] == '"' ||
          written[0] == '\'' || written[0] == '@') {
        continue;
      }
      if (names_in(written).size() < 2) continue;
      // Prose in a docstring has no call, assignment or block.
      if (written.find_first_of("(=[") == std::string_view::npos && written.back() != ':') continue;
      // From the start of the line: a cursor behind the indentation would cut the tokenizer's
      // first word in two, and the loss would be of that.
      const size_t end = static_cast<size_t>(written.data() - text.data()) + written.size();
      holes.push_back({starts[line], end});
    }
  }
  return holes;
}

class Evaluation {
 public:
  Evaluation(std::shared_ptr<const engine::Model> model, size_t budget, bool use_model, bool show)
      : model_(std::move(model)), use_model_(use_model), show_(show) {
    style_ = daemon::prompt_style(model_->info(), model_->tokenizer().specials());
    budget_ = budget > 0 ? budget : style_.max_tokens > 0 ? style_.max_tokens : 1536;
    if (use_model_) session_ = *model_->open_session(budget_ * 2 + 256);
  }

  void ask(const repoindex::View& view, const std::string& path, size_t cursor,
           const std::string& line) {
    const engine::Tokenizer& tokenizer = model_->tokenizer();
    const std::string text = view.text(path).value_or("");
    const std::string_view before = std::string_view(text).substr(0, cursor);
    const std::string_view after = std::string_view(text).substr(cursor);
    for (const Variant& variant : variants()) {
      const auto window = repoindex::window_at(
          view, path, cursor, [&](std::string_view part) { return tokenizer.encode(part).size(); },
          repoindex::Budget{budget_, variant.without});
      if (!window) std::exit(1);
      Tally& tally = tallies_[variant.name];
      tally.n_tokens += window->n_tokens;
      const std::set<std::string> around = names_in(window->prefix + " " + window->suffix);
      std::set<std::string> in_parts;
      for (const repoindex::WindowPart& part : window->parts) {
        in_parts.merge(names_in(part.text));
        tally.n_part_tokens += part.n_tokens;
      }
      for (const std::string& name : names_in(line)) {
        if (around.count(name) > 0) continue;
        ++tally.n_names;
        tally.n_seen += in_parts.count(name);
      }
      if (!use_model_) continue;
      const auto prompt =
          daemon::build_prompt(tokenizer, style_, *window, window->prefix, window->suffix);
      const auto hidden = tokenizer.encode(line);
      const auto score = session_->score(prompt, {hidden});
      if (!score) std::exit(1);
      tally.loss.push_back(-(*score)[0] / static_cast<double>(hidden.size()));
      engine::GenerateOptions options;
      options.max_tokens = 48;
      const daemon::StopRules rules(before, after, {});
      options.stop_when = [&](std::string_view generated) { return rules.done(generated); };
      const auto generated = session_->generate(prompt, options);
      if (!generated) std::exit(1);
      std::string first = rules.trimmed(generated->text);
      first = first.substr(0, first.find('\n'));
      if (show_ && variant.without == 0)
        std::fprintf(stderr, "- %s\n+ %s\n", line.c_str(), first.c_str());
      tally.exact.push_back(trim(first) == trim(line));
    }
    ++n_holes_;
  }

  void print() const {
    const Tally& base = tallies_.at("all parts");
    std::printf("%zu holes, windows of at most %zu tokens\n", n_holes_, budget_);
    std::printf("%-20s %8s %8s %8s %9s %6s %6s\n", "", "names", "tokens", "parts", "loss", "exact",
                "seen");
    for (const Variant& variant : variants()) {
      const Tally& tally = tallies_.at(variant.name);
      const double n = static_cast<double>(n_holes_);
      double loss = 0, difference = 0, square = 0;
      size_t exact = 0, won = 0, lost = 0;
      for (size_t i = 0; i < tally.loss.size(); ++i) {
        loss += tally.loss[i] / n;
        const double d = tally.loss[i] - base.loss[i];
        difference += d / n;
        square += d * d / n;
        exact += tally.exact[i];
        won += tally.exact[i] && !base.exact[i];
        lost += !tally.exact[i] && base.exact[i];
      }
      std::printf("%-20s %8zu %8.0f %8.0f", variant.name.c_str(), tally.n_names,
                  static_cast<double>(tally.n_tokens) / n,
                  static_cast<double>(tally.n_part_tokens) / n);
      if (use_model_) {
        std::printf(" %9.4f %6.1f", loss, 100.0 * static_cast<double>(exact) / n);
      } else {
        std::printf(" %9s %6s", "-", "-");
      }
      std::printf(" %6.1f", 100.0 * static_cast<double>(tally.n_seen) /
                                static_cast<double>(std::max<size_t>(tally.n_names, 1)));
      if (use_model_ && &tally != &base) {
        const double error = std::sqrt(std::max(0.0, square - difference * difference) / n);
        std::printf("   loss %+.4f +- %.4f, exact +%zu -%zu", difference, error, won, lost);
      }
      std::printf("\n");
    }
  }

 private:
  std::shared_ptr<const engine::Model> model_;
  bool use_model_, show_;
  daemon::PromptStyle style_;
  size_t budget_ = 0, n_holes_ = 0;
  std::unique_ptr<engine::Session> session_;
  std::map<std::string, Tally> tallies_;
};

struct Commit {
  size_t age = 0;  // place in the log, newest first
  std::string id;
  std::vector<std::string> files;  // changed, existing before and after
};

std::vector<Commit> commits_of(const std::string& git_folder) {
  const std::string log = bench::git(git_folder, {"log", "--no-merges", "--no-renames",
                                                  "--name-status", "-n", "3000", "--format=@%H"});
  std::vector<Commit> commits;
  for (const std::string_view line : split_lines(log)) {
    if (line.starts_with('@')) {
      commits.push_back({commits.size(), std::string(line.substr(1)), {}});
    } else if (line.starts_with("M\t") && line.ends_with(".py") && !commits.empty()) {
      commits.back().files.emplace_back(line.substr(2));
    }
  }
  std::erase_if(commits, [](const Commit& commit) {
    return commit.files.empty() || commit.files.size() > kMaxFilesOfACommit;
  });
  return commits;
}

}  // namespace

int main(int argc, char** argv) {
  std::map<std::string, std::string> given{
      {"--holes", "100"}, {"--per-commit", "3"}, {"--budget", "0"}, {"--seed", "1"}};
  std::vector<std::string> folders;
  bool use_model = true, show = false, saved = false;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--no-model") {
      use_model = false;
    } else if (argument == "--saved") {
      saved = true;
    } else if (argument == "--show") {
      show = true;
    } else if (argument.starts_with("--") && i + 1 < argc) {
      given[argument] = argv[++i];
    } else if (const size_t equals = argument.find('='); equals != std::string::npos) {
      folders.push_back(argument.substr(equals + 1));
    }
  }
  if (given.count("--model") == 0 || folders.empty()) {
    std::fprintf(stderr,
                 "usage: cursor_eval --model F.gguf [--holes N] [--per-commit N] "
                 "[--budget N] [--seed S] [--no-model] owner/name=GITDIR ...\n");
    return 2;
  }
  const auto model = engine::Model::load(given["--model"], {});
  if (!model) {
    std::fprintf(stderr, "%s\n", model.error().message.c_str());
    return 1;
  }
  Evaluation evaluation(*model, std::stoul(given["--budget"]), use_model, show);
  const size_t n_wanted = std::stoul(given["--holes"]) / folders.size();
  const size_t per_commit = std::stoul(given["--per-commit"]);
  for (const std::string& folder : folders) {
    std::mt19937 random(static_cast<unsigned>(std::stoul(given["--seed"])));
    std::vector<Commit> commits = commits_of(folder);
    std::shuffle(commits.begin(), commits.end(), random);
    if (commits.size() > 2 * n_wanted / per_commit + 8)
      commits.resize(2 * n_wanted / per_commit + 8);
    // Oldest first.
    std::sort(commits.begin(), commits.end(),
              [](const Commit& a, const Commit& b) { return a.age > b.age; });
    bench::CommitTree tree(folder);
    size_t n = 0;
    for (const Commit& commit : commits) {
      if (n >= n_wanted) break;
      std::vector<std::pair<std::string, Hole>> holes;
      for (const std::string& path : commit.files) {
        if (repoindex::is_test_path(path)) continue;
        const std::string text = tree.text_of(commit.id, path);
        for (const Hole& hole :
             holes_of(text, bench::hunks_of(folder, commit.id + "^", commit.id, path)))
          holes.emplace_back(path, hole);
      }
      if (holes.empty()) continue;
      std::shuffle(holes.begin(), holes.end(), random);
      if (holes.size() > per_commit) holes.resize(per_commit);
      repoindex::View view = tree.at(commit.id + "^");
      auto overlay = std::make_shared<repoindex::Overlay>();
      for (const std::string& path : commit.files) {
        (*overlay)[path] =
            repoindex::Document::open(path, tree.text_of(commit.id, path), 1)->publish();
      }
      if (saved) {
        std::vector<std::pair<std::string, std::string>> texts;
        for (const auto& [path, document] : *overlay) texts.emplace_back(path, *document.text);
        view = tree.with_saved(texts);
        auto uncommitted = std::make_shared<repoindex::Uncommitted>();
        for (const auto& [path, text] : texts) {
          std::vector<repoindex::LineSpan> lines;
          for (const auto& hunk : bench::hunks_of(folder, commit.id + "^", commit.id, path)) {
            if (hunk.n_new > 0)
              lines.push_back(
                  {static_cast<uint32_t>(hunk.new_begin), static_cast<uint32_t>(hunk.n_new)});
          }
          if (!lines.empty()) uncommitted->files.push_back({path, 0, lines});
        }
        view.uncommitted = uncommitted;
        overlay->clear();
      }
      for (const auto& [path, hole] : holes) {
        if (n >= n_wanted) break;
        std::string text = tree.text_of(commit.id, path);
        const std::string line = text.substr(hole.begin, hole.end - hole.begin);
        text.erase(hole.begin, hole.end - hole.begin);
        auto open = std::make_shared<repoindex::Overlay>(*overlay);
        (*open)[path] = repoindex::Document::open(path, text, 2)->publish();
        view.overlay = open;
        evaluation.ask(view, path, hole.begin, line);
        ++n;
      }
    }
  }
  evaluation.print();
  return 0;
}
