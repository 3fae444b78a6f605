// tests/bench/complete_eval.cpp - how often the list of completions holds the name that was there.
//
//   complete_eval FOLDER LANGUAGE N SEED [--cut-line] [--misses] [--sites FILE]
//
// At N random calls behind a dot the name is hidden, and at N random calls without one all but its
// first two letters; the rest of the line stays, or goes with --cut-line. Then complete_at() is
// asked. Printed: rank 1, 5 and 10 hit rates, CPU time of a question, and how many of the hidden
// names the repository knows at all. --sites writes one line a site: kind, path, offset, name,
// rank, whether the receiver is known; completion_list_eval.py asks other servers the same
// questions.
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <random>

#include "base/file.h"
#include "repoindex/complete/complete.h"
#include "repoindex/complete/typing_cache.h"
#include "repoindex/index.h"
#include "repoindex/snapshot.h"

using namespace engramd;
using namespace engramd::repoindex;

namespace {

double cpu_us() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

struct Site {
  std::string path, name;
  size_t offset = 0;
  bool dot = false;
};

struct Tally {
  size_t n = 0, top1 = 0, top5 = 0, top10 = 0, listed = 0;
  void add(size_t rank) {  // 0: not there
    ++n;
    top1 += rank == 1;
    top5 += rank >= 1 && rank <= 5;
    top10 += rank >= 1 && rank <= 10;
    listed += rank >= 1;
  }
  void print(const char* what) const {
    if (n == 0) return;
    const auto share = [&](size_t k) {
      return 100.0 * static_cast<double>(k) / static_cast<double>(n);
    };
    std::printf("%-34s n=%-5zu top1 %5.1f %%  top5 %5.1f %%  top10 %5.1f %%  listed %5.1f %%\n",
                what, n, share(top1), share(top5), share(top10), share(listed));
  }
};

std::vector<Site> choose(const View& view, const std::string& language, size_t n, uint32_t seed) {
  std::vector<std::string> paths;
  view.snapshot->for_each_file([&](const FileEntry& file) {
    if (file.indexed && file.origin == FileOrigin::source &&
        view.snapshot->summary(file).language == language) {
      paths.push_back(file.path);
    }
  });
  std::mt19937 random(seed);
  std::vector<Site> sites;
  size_t n_dot = 0, n_plain = 0;
  for (size_t tries = 0; tries < 100000 && !paths.empty() && (n_dot < n || n_plain < n); ++tries) {
    const std::string& path = paths[random() % paths.size()];
    const FileFactsPtr facts = view.facts(path);
    if (facts == nullptr || facts->occurrences.empty()) continue;
    const Occurrence& o = facts->occurrences[random() % facts->occurrences.size()];
    const std::string& name = facts->names[o.name];
    const bool dot = o.receiver != kNone;
    const bool use =
        o.role == Role::call || (dot && (o.role == Role::reference || o.role == Role::write));
    if (!use || o.end - o.begin != name.size()) continue;
    if (!dot && name.size() < 4) continue;
    if ((dot ? n_dot : n_plain) >= n) continue;
    const bool twice = std::any_of(sites.begin(), sites.end(), [&](const Site& s) {
      return s.path == path && s.offset == o.begin;
    });
    if (twice) continue;
    const auto text = view.text(path);
    if (!text || text->compare(o.begin, name.size(), name) != 0) continue;
    // A named argument has no receiver that is written.
    const char front = o.begin == 0 ? ' ' : (*text)[o.begin - 1];
    if (dot && front != '.' && front != '>' && front != ':') continue;
    ++(dot ? n_dot : n_plain);
    sites.push_back({path, name, o.begin, dot});
  }
  return sites;
}

void report_times(std::vector<double> times, const char* what) {
  if (times.empty()) return;
  std::sort(times.begin(), times.end());
  std::printf("%-34s p50 %.2f ms  p99 %.2f ms  max %.2f ms (CPU)\n", what,
              times[times.size() / 2] / 1e3, times[times.size() * 99 / 100] / 1e3,
              times.back() / 1e3);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) {
    std::fprintf(
        stderr,
        "usage: complete_eval FOLDER LANGUAGE N SEED [--cut-line] [--misses] [--sites FILE]\n");
    return 2;
  }
  bool cut = false, misses = false;
  std::string sites_file;
  for (int i = 5; i < argc; ++i) {
    if (std::strcmp(argv[i], "--cut-line") == 0) cut = true;
    if (std::strcmp(argv[i], "--misses") == 0) misses = true;
    if (std::strcmp(argv[i], "--sites") == 0 && i + 1 < argc) sites_file = argv[i + 1];
  }
  IndexOptions options;
  options.use_cache = false;
  auto index = RepoIndex::open(argv[1], options);
  if (!index || !(*index)->refresh()) {
    std::fprintf(stderr, "cannot index %s\n", argv[1]);
    return 1;
  }
  const View view{(*index)->snapshot(), nullptr};
  const std::string language = argv[2];
  const std::vector<Site> sites = choose(view, language, std::strtoul(argv[3], nullptr, 10),
                                         static_cast<uint32_t>(std::strtoul(argv[4], nullptr, 10)));
  Tally dot, known, unknown, plain;
  std::vector<double> dot_times, plain_times;
  std::string lines;
  for (const Site& site : sites) {
    std::string text = view.text(site.path).value_or("");
    const size_t kept = site.dot ? 0 : 2;
    size_t end = site.offset + site.name.size();
    if (cut) end = std::min(text.find('\n', site.offset), text.size());
    text.erase(site.offset + kept, end - site.offset - kept);
    auto document = Document::open(site.path, std::move(text), 1, language);
    Overlay overlay;
    overlay[site.path] = document->publish();
    View edited = view;
    edited.overlay = std::make_shared<const Overlay>(std::move(overlay));
    // An editor has the file open for a while: the first parse of it is not the question's.
    TypingCache typing;
    const std::string before = view.text(site.path).value_or("");
    if (site.dot) typing.with_name(site.path, language, before, 0);
    const double start = cpu_us();
    const CandidateList list = complete_at(edited, site.path, site.offset + kept, 200, &typing);
    const double took = cpu_us() - start;
    (site.dot ? dot_times : plain_times).push_back(took);
    if (misses && took > 10e3) {
      std::printf("slow %.1f ms %s:%zu %s\n", took / 1e3, site.path.c_str(), site.offset,
                  site.name.c_str());
    }
    size_t rank = 0;
    std::vector<std::string> seen;
    for (size_t i = 0; i < list.items.size() && rank == 0; ++i) {
      if (list.items[i].name == site.name) rank = i + 1;
    }
    if (site.dot) {
      dot.add(rank);
      (list.receiver_known ? known : unknown).add(rank);
    } else {
      plain.add(rank);
    }
    if (misses && (rank == 0 || rank > 10)) {
      const std::string source = view.text(site.path).value_or("");
      const size_t begin = source.rfind('\n', site.offset) + 1;
      std::printf("%s rank %zu of %zu%s  %s  %s:  %s   first: %s\n", site.dot ? "dot" : "name",
                  rank, list.items.size(), list.receiver_known ? " known" : "", site.name.c_str(),
                  site.path.c_str(),
                  std::string(trim(std::string_view(source).substr(
                                  begin, std::min<size_t>(source.find('\n', begin) - begin, 120))))
                      .c_str(),
                  list.items.empty() ? "" : list.items[0].name.c_str());
    }
    lines += std::string(site.dot ? "dot" : "name") + "\t" + site.path + "\t" +
             std::to_string(site.offset) + "\t" + site.name + "\t" + std::to_string(rank) + "\t" +
             (list.receiver_known ? "1" : "0") + "\n";
  }
  dot.print("behind a dot");
  known.print("  of a receiver we know");
  unknown.print("  of one we do not");
  plain.print("two letters typed");
  report_times(dot_times, "behind a dot");
  report_times(plain_times, "two letters typed");
  if (!sites_file.empty()) {
    if (const Status written = write_file_atomic(sites_file, lines); !written) {
      std::fprintf(stderr, "%s\n", written.error().message.c_str());
      return 1;
    }
  }
  return 0;
}
