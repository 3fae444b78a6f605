// What the agent's tools cost on a real repository: opening a run, each tool, a step of the
// scaffold (tool, diff, changes).
//   tools_bench REPO PYTHON_FILE SYMBOL [--runs 20]
// The user's tree is only read. Wall and CPU milliseconds, median and worst of the runs.
#include <sys/resource.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "agent/tools/tool.h"
#include "base/cancel.h"

using namespace engramd;
using namespace engramd::agent;

namespace {

double cpu_ms() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return 1e3 * static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_nsec);
}

struct Cost {
  std::vector<double> wall, cpu;
};

template <class Work>
void measure(Cost& cost, Work work) {
  const auto start = Clock::now();
  const double cpu = cpu_ms();
  work();
  cost.cpu.push_back(cpu_ms() - cpu);
  cost.wall.push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
}

void print(const std::string& name, Cost cost) {
  std::sort(cost.wall.begin(), cost.wall.end());
  std::sort(cost.cpu.begin(), cost.cpu.end());
  std::printf("| %s | %.1f | %.1f | %.1f | %.1f |\n", name.c_str(), cost.wall[cost.wall.size() / 2],
              cost.wall.back(), cost.cpu[cost.cpu.size() / 2], cost.cpu.back());
}

std::string json_text(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '\n')
      out += "\\n";
    else if (c == '"' || c == '\\')
      out += std::string("\\") + c;
    else
      out += c;
  }
  return out + "\"";
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: tools_bench REPO PYTHON_FILE SYMBOL [--runs N]\n");
    return 2;
  }
  const std::string repo = argv[1], file = argv[2], symbol = argv[3];
  size_t runs = 20;
  if (argc > 5 && std::strcmp(argv[4], "--runs") == 0) runs = std::strtoul(argv[5], nullptr, 10);
  const CancelToken cancel;
  std::unique_ptr<Workbench> bench;
  std::printf("| what | wall ms | worst | CPU ms | worst |\n|---|--:|--:|--:|--:|\n");
  Cost opening, first_view;
  measure(opening, [&] {
    auto opened = Workbench::open(repo, {.tests = {.command = "true"}}, cancel);
    if (!opened) {
      std::fprintf(stderr, "%s\n", opened.error().message.c_str());
      std::exit(3);
    }
    bench = std::move(*opened);
  });
  measure(first_view, [&] { (void)bench->view(cancel); });
  print("open the run (copy, sandbox)", opening);
  print("the index of it, from the user's cache", first_view);

  const auto call = [&](const std::string& name, const std::string& arguments) {
    ToolContext context{*bench, cancel};
    auto parsed = Arguments::parse(arguments);
    auto outcome = find_tool(name)->run(context, *parsed);
    if (!outcome) std::fprintf(stderr, "%s: %s\n", name.c_str(), outcome.error().message.c_str());
    // What the loop does after each step.
    (void)bench->diff();
    (void)bench->changes();
  };
  const std::string path = "{\"path\": " + json_text(file);
  const std::vector<std::pair<std::string, std::string>> reading = {
      {"locate", "{\"text\": \"" + symbol + " gives a wrong result for negative numbers\"}"},
      {"search", "{\"text\": \"def " + symbol + "\"}"},
      {"search",
       "{\"text\": \"def _?" + symbol + "s?\\\\b\", \"regex\": true, \"path\": \"**/*.py\"}"},
      {"list_files", "{}"},
      {"open", path + "}"},
      {"outline", path + "}"},
      {"definition", "{\"name\": \"" + symbol + "\"}"},
      {"references", "{\"name\": \"" + symbol + "\"}"},
      {"callers", "{\"name\": \"" + symbol + "\"}"},
      {"git_history", path + "}"},
  };
  for (const auto& [name, arguments] : reading) {
    Cost first, again;
    measure(first, [&] { call(name, arguments); });
    for (size_t i = 0; i < runs; ++i) measure(again, [&] { call(name, arguments); });
    print(name + " (first)", first);
    print(name, again);
  }
  Cost edit, wrong, patch, undo, create;
  const std::string text = bench->read(file).value_or("");
  const std::string head = text.substr(0, text.find('\n'));
  for (size_t i = 0; i < runs; ++i) {
    const std::string line = "# edit " + std::to_string(i);
    measure(edit, [&] {
      call("replace_text", path + ", \"search\": " + json_text(head) +
                               ", \"replace\": " + json_text(line + "\n" + head) + "}");
    });
    measure(wrong, [&] {
      call("open", path + ", \"first_line\": 100, \"last_line\": 120}");
      auto parsed = Arguments::parse(path +
                                     ", \"search\": \"    def nothing_like_this(self):\\n        "
                                     "return self.is_not_here\", \"replace\": \"\"}");
      ToolContext context{*bench, cancel};
      (void)find_tool("replace_text")->run(context, *parsed);
    });
    measure(patch, [&] {
      call("apply_patch",
           "{\"patch\": " +
               json_text("*** Begin Patch\n*** Update File: " + file + "\n@@\n-" + line +
                         "\n+# patched " + std::to_string(i) + "\n*** End Patch\n") +
               "}");
    });
    measure(undo, [&] { call("undo_edit", "{}"); });
    measure(create, [&] {
      call("create_file",
           "{\"path\": \"new_" + std::to_string(i) + ".py\", \"text\": \"x = 1\\n\"}");
    });
  }
  print("replace_text", edit);
  print("replace_text that finds nothing, and open", wrong);
  print("apply_patch", patch);
  print("undo_edit", undo);
  print("create_file", create);
  rusage use{};
  getrusage(RUSAGE_SELF, &use);
  std::printf("\npeak memory %ld MB\n", use.ru_maxrss / 1024);
  return 0;
}
