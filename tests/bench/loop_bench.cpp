// loop_bench REPO [--steps N] [--context TOKENS] - what the scaffold costs per step, outside of the
// model and of tests, and how much of each prompt was in the one before.
//
// A scripted run that looks, searches and edits the way agents do, over a real repository, saved
// after every step. The same run again without a trajectory file shows what saving costs.
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>

#include "agent/loop/loop.h"
#include "agent/loop/trajectory.h"
#include "base/file.h"
#include "repoindex/index.h"
#include "repoindex/query.h"

using namespace engramd;
using namespace engramd::agent;

namespace {

double cpu_s() {
  rusage own{};
  ::getrusage(RUSAGE_SELF, &own);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(own.ru_utime) + seconds(own.ru_stime);
}

// Thinks nothing: the turns are laid out before.
class Turns final : public ChatModel {
 public:
  explicit Turns(std::vector<std::pair<std::string, std::string>> calls)
      : calls_(std::move(calls)) {}
  std::string name() const override { return "turns"; }
  Result<ChatReply> reply(const std::vector<Message>& history, const std::vector<ToolDescription>&,
                          const std::function<void(std::string_view)>&,
                          const CancelToken&) override {
    const auto turn =
        static_cast<size_t>(std::count_if(history.begin(), history.end(), [](const Message& m) {
          return m.role == Message::Role::assistant;
        }));
    ChatReply reply;
    reply.message.role = Message::Role::assistant;
    reply.message.text = "I look at this part next, because the name in the report is used there.";
    const auto& call = turn < calls_.size() ? calls_[turn]
                                            : std::pair<std::string, std::string>(
                                                  "finish", R"({"summary": "done"})");
    reply.message.calls.push_back({"call_" + std::to_string(turn), call.first, call.second});
    return reply;
  }

 private:
  const std::vector<std::pair<std::string, std::string>> calls_;
};

std::string json_text(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c == '\n' ? std::string("\\n") : c == '\t' ? std::string("\\t") : std::string(1, c);
  }
  return out + "\"";
}

// Looks, searches, edits, in turn, over files that are there.
std::vector<std::pair<std::string, std::string>> make_turns(const std::filesystem::path& repo,
                                                            size_t n) {
  std::vector<std::string> files;
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator at(repo, error), end; at != end;
       at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (name.starts_with('.') || name == "tests") {
      at.disable_recursion_pending();
      continue;
    }
    if (at->path().extension() == ".py" && at->is_regular_file(error) &&
        at->file_size(error) > 4000 && at->file_size(error) < 400'000)
      files.push_back(at->path().lexically_relative(repo).string());
  }
  std::sort(files.begin(), files.end());
  std::vector<std::pair<std::string, std::string>> turns;
  for (size_t i = 0; turns.size() < n && !files.empty(); ++i) {
    const std::string& file = files[(i * 37) % files.size()];
    const auto text = read_file(repo / file);
    if (!text) continue;
    std::string line, name = "value";
    for (size_t begin = 0, end; begin < text->size(); begin = end + 1) {
      end = std::min(text->find('\n', begin), text->size());
      const std::string now = text->substr(begin, end - begin);
      if (now.starts_with("def ") && now.find('(') != std::string::npos) {
        name = now.substr(4, now.find('(') - 4);
        line = now;
        break;
      }
    }
    turns.push_back(
        {"locate", "{\"text\": " + json_text("wrong result of " + name + " in " + file) + "}"});
    turns.push_back(
        {"open", "{\"path\": " + json_text(file) + ", \"first_line\": 1, \"last_line\": 120}"});
    turns.push_back({"search", "{\"text\": " + json_text(name + "(") + "}"});
    turns.push_back({"outline", "{\"path\": " + json_text(file) + "}"});
    turns.push_back({"references", "{\"name\": " + json_text(name) + "}"});
    if (!line.empty())
      turns.push_back(
          {"replace_text", "{\"path\": " + json_text(file) + ", \"search\": " + json_text(line) +
                               ", \"replace\": " + json_text("# looked at\n" + line) + "}"});
  }
  turns.resize(std::min(turns.size(), n));
  return turns;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: loop_bench REPO [--steps N] [--context TOKENS]\n");
    return 2;
  }
  size_t n_steps = 60;
  int64_t context_tokens = 128'000;
  for (int i = 2; i + 1 < argc; i += 2) {
    if (std::strcmp(argv[i], "--steps") == 0) n_steps = std::strtoul(argv[i + 1], nullptr, 10);
    if (std::strcmp(argv[i], "--context") == 0) context_tokens = std::atoll(argv[i + 1]);
  }
  const auto turns = make_turns(argv[1], n_steps);
  auto folder = TemporaryFolder::make("engramd-loop-bench");
  if (!folder) return 1;
  for (const bool saving : {true, false}) {
    Turns model(turns);
    std::map<std::string, std::vector<double>> by_tool;
    double first_step_at = 0, last_step_at = 0, first_cpu = 0, last_cpu = 0;
    std::vector<double> steps, steps_cpu;
    LoopOptions options;
    options.repo = argv[1];
    options.task = "a benchmark";
    options.limits.max_steps = 1000;
    options.limits.max_tokens = INT64_MAX;
    options.limits.max_repeats = 1000;
    options.limits.context.max_tokens = context_tokens;
    options.limits.context.reply_tokens = std::min<int64_t>(8000, context_tokens / 4);
    if (saving) options.trajectory = folder->path() / "run.jsonl";
    const Clock::time_point start = Clock::now();
    const auto now = [&] { return std::chrono::duration<double>(Clock::now() - start).count(); };
    double before = 0, before_cpu = 0;
    options.workbench.tests.command = "true";
    std::vector<double> saves;
    double running_since = 0;
    options.on_event = [&](const LoopEvent& event) {
      if (event.kind == LoopEvent::Kind::running) running_since = now();
      // All of a step that is not the tool: the diff, the record, the sync.
      if (event.kind == LoopEvent::Kind::step)
        saves.push_back(now() - running_since - event.seconds);
      // From one request to the next: building the prompt, the tool, saving, everything.
      if (event.kind != LoopEvent::Kind::thinking) return;
      const double at = now(), cpu = cpu_s();
      if (before > 0) {
        steps.push_back(at - before);
        steps_cpu.push_back(cpu - before_cpu);
      } else {
        first_step_at = at;
        first_cpu = cpu;
      }
      last_step_at = at;
      last_cpu = cpu;
      before = at;
      before_cpu = cpu;
    };
    auto report = run_loop(model, options);
    if (!report) {
      std::fprintf(stderr, "%s\n", report.error().message.c_str());
      return 1;
    }
    std::vector<double> sorted = steps_cpu;
    std::sort(sorted.begin(), sorted.end());
    const auto n = static_cast<double>(std::max<size_t>(steps.size(), 1));
    std::error_code error;
    const auto bytes = saving ? std::filesystem::file_size(options.trajectory, error) : 0;
    std::printf(
        "%s: %zu steps, exit %s, opened in %.2f s; a step: %.1f ms wall, %.1f ms CPU, "
        "median %.1f ms CPU, p90 %.1f ms CPU; of it tools %.1f ms wall; reused %.1f %%",
        saving ? "saved" : "not saved", report->n_steps, report->exit.c_str(), first_step_at,
        1e3 * (last_step_at - first_step_at) / n, 1e3 * (last_cpu - first_cpu) / n,
        1e3 * sorted[sorted.size() / 2], 1e3 * sorted[sorted.size() * 9 / 10],
        1e3 * report->tools_s / n, 100 * report->reused);
    const auto median_of = [](std::vector<double> values) {
      std::sort(values.begin(), values.end());
      return values.empty() ? 0.0 : 1e3 * values[values.size() / 2];
    };
    const auto quarter = static_cast<std::ptrdiff_t>(saves.size() / 4);
    std::printf("; around the tool %.2f ms (median; first quarter %.2f, last quarter %.2f)",
                median_of(saves), median_of({saves.begin(), saves.begin() + quarter}),
                median_of({saves.end() - quarter, saves.end()}));
    if (saving) std::printf("; file %.2f MB", 1e-6 * static_cast<double>(bytes));
    std::printf("\n");
  }
  return 0;
}
