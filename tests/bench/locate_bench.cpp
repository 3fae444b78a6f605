// What a question costs a resident index: the first one counts every text and reads the history,
// later ones only look.
//
//   locate_bench FOLDER [TASK ...]
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "repoindex/index.h"
#include "repoindex/locate.h"

using namespace engramd;

namespace {

double seconds(int who) {
  rusage usage{};
  ::getrusage(who, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

struct Cost {
  double own_ms = 0, git_ms = 0, wall_ms = 0;
};

template <class Work>
Cost measure(const Work& work) {
  const auto start = std::chrono::steady_clock::now();
  const double own_s = seconds(RUSAGE_SELF), git_s = seconds(RUSAGE_CHILDREN);
  work();
  return {
      1000 * (seconds(RUSAGE_SELF) - own_s), 1000 * (seconds(RUSAGE_CHILDREN) - git_s),
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count()};
}

void print(const char* name, std::vector<Cost> costs) {
  auto line = [&](double Cost::*part, double share) {
    std::sort(costs.begin(), costs.end(),
              [&](const Cost& a, const Cost& b) { return a.*part < b.*part; });
    return costs[std::min(costs.size() - 1,
                          static_cast<size_t>(share * static_cast<double>(costs.size())))].*
           part;
  };
  std::printf("%-34s CPU %.1f ms (most %.1f), of git beside it %.1f ms, wall %.1f ms\n", name,
              line(&Cost::own_ms, 0.5), line(&Cost::own_ms, 1), line(&Cost::git_ms, 0.5),
              line(&Cost::wall_ms, 0.5));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: locate_bench FOLDER [TASK ...]\n");
    return 2;
  }
  std::vector<std::string> tasks(argv + 2, argv + argc);
  if (tasks.empty())
    tasks = {"fix rejection of negative args", "the parser crashes on an empty line\n\nTraceback",
             "rounding of floats is wrong when printing a matrix with small values"};
  auto index = repoindex::RepoIndex::open(argv[1]);
  if (!index) {
    std::fprintf(stderr, "%s\n", index.error().message.c_str());
    return 1;
  }
  const auto stats = (*index)->refresh();
  if (!stats) return 1;
  std::printf("%zu files indexed, %zu lines\n", stats->n_indexed,
              static_cast<size_t>(stats->n_lines));
  repoindex::View view{(*index)->snapshot(), nullptr};
  repoindex::LocateIndex locate;
  auto ask = [&](const std::string& task) {
    return measure([&] {
      if (!locate.locate(view, task)) std::exit(1);
    });
  };
  print("first question", {ask(tasks[0])});
  std::vector<Cost> warm, after_edit;
  for (int round = 0; round < 10; ++round) {
    for (const std::string& task : tasks) warm.push_back(ask(task));
  }
  print("later questions", warm);
  // Another keystroke in an open document before each one.
  const std::string path = view.paths()[view.paths().size() / 2];
  std::string text = view.text(path).value_or("");
  for (int round = 0; round < 10; ++round) {
    text += "x";
    auto overlay = std::make_shared<repoindex::Overlay>();
    (*overlay)[path] = repoindex::Document::open(path, text, round)->publish();
    view.overlay = overlay;
    after_edit.push_back(ask(tasks[0]));
  }
  print("with an edit before each", after_edit);
  std::printf("counts held: %.1f MB\n", static_cast<double>(locate.n_bytes()) / 1e6);
  return 0;
}
