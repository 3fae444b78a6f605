// How much of each prompt a KV cache already has while somebody types a real change.
//
//   window_reuse --model F.gguf --git GITDIR --commit C --file PATH [--lines N] [--budget N]
//                [--step token|key]
//
// The file starts as it is in the commit's parent, in the parent's tree. Its hunks are typed from
// top to bottom: what they take away goes first, then the new lines come key by key or token by
// token, and after each of them a window is taken and made a prompt. A prompt's reused tokens are
// those it shares, from the first on, with the prompt before it. Reported for both
// fill-in-the-middle orders: in prefix-suffix-middle the suffix stands behind what is typed and can
// never be reused. Only the model's tokenizer is used.
#include <sys/resource.h>

#include <algorithm>
#include <map>

#include "daemon/completion/prompt.h"
#include "repoindex/context.h"
#include "tests/bench/commit_tree.h"

using namespace engramd;

namespace {

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

struct Reuse {
  std::vector<engine::TokenId> last;
  size_t n_tokens = 0, n_reused = 0, n_prompts = 0, n_low = 0;
  void add(std::vector<engine::TokenId> prompt) {
    if (n_prompts++ > 0) {  // the first one has nothing to reuse
      size_t same = 0;
      while (same < std::min(last.size(), prompt.size()) && last[same] == prompt[same]) ++same;
      n_tokens += prompt.size();
      n_reused += same;
      n_low += same * 2 < prompt.size();
    }
    last = std::move(prompt);
  }
  void print(const char* name) const {
    std::printf(
        "%-22s %zu prompts, %.0f tokens each, %.1f %% of them reused; %.1f %% of the prompts"
        " reuse less than half\n",
        name, n_prompts,
        static_cast<double>(n_tokens) / static_cast<double>(std::max<size_t>(n_prompts, 2) - 1),
        100.0 * static_cast<double>(n_reused) / static_cast<double>(std::max<size_t>(n_tokens, 1)),
        100.0 * static_cast<double>(n_low) / static_cast<double>(std::max<size_t>(n_prompts, 1)));
  }
};

size_t offset_of_line(const std::string& text, size_t line) {
  size_t at = 0;
  for (; line > 0 && at < text.size(); --line) {
    const size_t end = text.find('\n', at);
    at = end == std::string::npos ? text.size() : end + 1;
  }
  return at;
}

}  // namespace

int main(int argc, char** argv) {
  std::map<std::string, std::string> given{
      {"--lines", "200"}, {"--budget", "1536"}, {"--step", "token"}};
  for (int i = 1; i + 1 < argc; i += 2) given[argv[i]] = argv[i + 1];
  for (const char* needed : {"--model", "--git", "--commit", "--file"}) {
    if (given.count(needed) > 0) continue;
    std::fprintf(stderr,
                 "usage: window_reuse --model F.gguf --git GITDIR --commit C --file PATH "
                 "[--lines N] [--budget N] [--step token|key]\n");
    return 2;
  }
  const auto model = engine::Model::load(given["--model"], {});
  if (!model) {
    std::fprintf(stderr, "%s\n", model.error().message.c_str());
    return 1;
  }
  const engine::Tokenizer& tokenizer = (*model)->tokenizer();
  const repoindex::TokenCounter count = [&](std::string_view text) {
    return tokenizer.encode(text).size();
  };
  const repoindex::Budget budget{std::stoul(given["--budget"]), 0};
  const std::string &commit = given["--commit"], parent = commit + "^", path = given["--file"];
  bench::CommitTree tree(given["--git"]);
  repoindex::View view = tree.at(parent);
  const std::string after = tree.text_of(commit, path);
  auto document = repoindex::Document::open(path, tree.text_of(parent, path), 1);

  Reuse psm, spm;
  size_t lines_left = std::stoul(given["--lines"]);
  double window_s = 0;
  // What the first difference between a window's parts and the last one's was.
  std::map<std::string, size_t> breaks;
  std::optional<repoindex::Window> last;
  auto compare = [&](const repoindex::Window& window) {
    if (last) {
      size_t i = 0;
      const size_t n = std::min(last->parts.size(), window.parts.size());
      while (i < n && last->parts[i].text == window.parts[i].text) ++i;
      if (i < window.parts.size()) {
        ++breaks[window.parts[i].why];
      } else if (i < last->parts.size()) {
        ++breaks["gone: " + last->parts[i].why];
      } else if (window.suffix != last->suffix) {
        ++breaks["suffix"];
      } else if (!window.prefix.starts_with(last->prefix)) {
        ++breaks["prefix"];
      }
    }
    last = window;
  };
  auto look = [&](size_t offset) {
    auto overlay = std::make_shared<repoindex::Overlay>();
    (*overlay)[path] = document->publish();
    view.overlay = overlay;
    const double begin_s = cpu_seconds();
    const auto window = repoindex::window_at(view, path, offset, count, budget);
    window_s += cpu_seconds() - begin_s;
    if (!window) std::exit(1);
    compare(*window);
    daemon::PromptStyle style;
    style.order = daemon::PromptOrder::prefix_suffix_middle;
    psm.add(daemon::build_prompt(tokenizer, style, *window, window->prefix, window->suffix));
    style.order = daemon::PromptOrder::suffix_prefix_middle;
    spm.add(daemon::build_prompt(tokenizer, style, *window, window->prefix, window->suffix));
  };
  for (const bench::AddedLines& hunk : bench::hunks_of(tree.git_folder(), parent, commit, path)) {
    if (lines_left == 0) break;
    // Everything above is as it will be, so the new text's line numbers hold.
    const size_t line = hunk.new_begin;
    const size_t begin = offset_of_line(document->text(), line);
    document->edit({begin, offset_of_line(document->text(), line + hunk.n_old)}, "");
    const size_t n_lines = std::min(hunk.n_new, lines_left);
    lines_left -= n_lines;
    const size_t from = offset_of_line(after, hunk.new_begin);
    const std::string typed =
        after.substr(from, offset_of_line(after, hunk.new_begin + n_lines) - from);
    size_t at = begin;
    std::vector<std::string> steps;
    if (given["--step"] == "key") {
      for (const char c : typed) steps.emplace_back(1, c);
    } else {
      for (const engine::TokenId token : tokenizer.encode(typed))
        steps.emplace_back(tokenizer.bytes(token));
    }
    for (const std::string& step : steps) {
      document->edit({at, at}, step);
      at += step.size();
      look(at);
    }
    if (n_lines < hunk.n_new) break;
  }
  psm.print("prefix, suffix, middle");
  spm.print("suffix, prefix, middle");
  for (const auto& [why, n] : breaks)
    std::printf("  changed first %zu times: %s\n", n, why.c_str());
  std::printf("%.1f ms CPU a window\n",
              1000 * window_s / static_cast<double>(std::max<size_t>(spm.n_prompts, 1)));
  return 0;
}
