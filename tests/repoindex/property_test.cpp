// Whatever happened to a repository, the index says what a new one would say. Only the public API
// is used, so the story holds for any store below it. ENGRAMD_FULL=1 runs more of it.
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <random>

#include "base/file.h"
#include "repoindex/index.h"
#include "repoindex/query.h"
#include "repoindex/view.h"
#include "tests/support/workspace.h"

using namespace engramd;
using namespace engramd::repoindex;
using engramd::test::Workspace;
namespace fs = std::filesystem;

namespace {

bool full_run() {
  const char* full = std::getenv("ENGRAMD_FULL");
  return full != nullptr && std::string_view(full) == "1";
}

// All that an index says of a file, as text.
std::string said_of(const View& view, const std::string& path) {
  std::string out = path + "\n";
  const FileFactsPtr facts = view.facts(path);
  if (facts == nullptr) return out + "  no facts\n";
  const auto number = [&](uint64_t n) { out += " " + std::to_string(n); };
  out += "  " + facts->language;
  for (const uint64_t n :
       {uint64_t{facts->n_bytes}, uint64_t{facts->n_lines}, uint64_t{facts->has_errors},
        uint64_t{facts->truncated}, uint64_t{facts->marked_generated}})
    number(n);
  out += "\n";
  for (const Symbol& s : facts->symbols) {
    out += "  symbol " + s.name + " " + std::string(to_string(s.kind)) + " " + s.signature;
    for (const uint32_t n : {s.name_begin, s.begin, s.end, s.parent}) number(n);
    out += "\n";
    // The inverted lists must agree with the files.
    if (!s.local) {
      out += "  defined";
      for (const SymbolHit& hit : definitions_of(view, s.name, 200))
        out += " " + hit.place.path + ":" + std::to_string(hit.place.range.begin);
      out += "\n";
    }
  }
  for (const Occurrence& o : facts->occurrences) {
    out += "  name " + facts->names[o.name] + " " + std::string(to_string(o.role));
    number(o.begin);
    number(o.scope);
    out += "\n";
  }
  for (const Import& i : facts->imports) out += "  import " + i.target + " " + i.name + "\n";
  return out;
}

std::string said_of_all(const RepoIndex& index) {
  const View view{index.snapshot(), nullptr};
  std::string out;
  for (const std::string& path : view.paths()) out += said_of(view, path);
  return out;
}

std::unique_ptr<RepoIndex> opened(const fs::path& root, const fs::path& cache) {
  IndexOptions options;
  options.use_cache = !cache.empty();
  options.cache_folder = cache;
  options.n_threads = 2;
  options.max_parse_bytes = 20000;
  auto index = RepoIndex::open(root, options);
  REQUIRE(index);
  return std::move(*index);
}

// The first line in which two texts differ: a dump of everything helps nobody.
std::string first_difference(const std::string& a, const std::string& b) {
  size_t at = 0;
  while (at < a.size() && at < b.size() && a[at] == b[at]) ++at;
  const auto around = [&](const std::string& text) {
    const size_t begin = at < 200 ? 0 : text.rfind('\n', at - 100) + 1;
    return text.substr(begin, 400);
  };
  return "index:\n" + around(a) + "\nfrom scratch:\n" + around(b);
}

// A repository to which random things happen.
class Life {
 public:
  explicit Life(unsigned seed) : random_(seed), ws_("#init git\n//- /seed.py\ndef seed(): ...\n") {
    // Whatever the user's configuration says; a filter that is no LFS and behaves like it.
    git({"config", "core.autocrlf", "false"});
    git({"config", "filter.shout.clean", "tr A-Z a-z"});
    git({"config", "filter.shout.smudge", "tr a-z A-Z"});
    git({"config", "core.safecrlf", "false"});
  }

  const fs::path& root() const { return ws_.root(); }
  unsigned below(unsigned n) { return static_cast<unsigned>(random_() % n); }

  // One random event; says what, and which paths an editor would tell (empty: it tells nothing).
  std::string happen(std::vector<std::string>* touched) {
    touched->clear();
    switch (below(26)) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4:
      case 5: {
        const std::string path = some_path();
        if (!write(path, some_text(path))) return "nothing";
        touched->push_back(path);
        return "write " + path;
      }
      case 6:
      case 7: {
        const std::string from = some_file(), to = some_path();
        if (from.empty() || !make_parent(to)) return "nothing";
        std::error_code error;
        fs::rename(ws_.path(from), ws_.path(to), error);
        *touched = {from, to};
        return "rename " + from + " " + to;
      }
      case 8:
      case 9: {
        const std::string path = some_file();
        std::error_code error;
        if (!path.empty()) fs::remove(ws_.path(path), error);
        *touched = {path};
        return "remove " + path;
      }
      case 10: {
        const std::string folder = "d" + std::to_string(below(4));
        std::error_code error;
        fs::remove_all(ws_.path(folder), error);
        *touched = {folder};
        return "remove folder " + folder;
      }
      case 11:
      case 12:
        git({"add", "-A"});
        git({"commit", "-q", "--allow-empty", "-m", "c"});
        return "commit";
      case 13: {
        const std::string branch = "b" + std::to_string(below(4));
        git({"checkout", "-q", "-B", branch});
        return "new branch " + branch;
      }
      case 14:
      case 15:
      case 16: {
        const std::string branch = below(4) == 0 ? "main" : "b" + std::to_string(below(4));
        if (below(2) == 0)
          git({"checkout", "-q", branch});
        else
          git({"checkout", "-q", "-f", branch});
        return "checkout " + branch;
      }
      case 17:
        git({"stash", "push", "-q", "-u"});
        return "stash";
      case 18:
        git({"stash", "pop", "-q"});
        return "stash pop";
      case 19: {
        std::string text;
        for (unsigned i = below(3); i > 0; --i) {
          const char* const lines[] = {"*.py ident\n",
                                       "*.py text eol=crlf\n",
                                       "* text=auto\n",
                                       "*.c working-tree-encoding=UTF-16LE\n",
                                       "d1/* filter=shout\n",
                                       "*.py -text\n",
                                       "d2/* linguist-generated\n",
                                       "*.py eol=lf\n"};
          text += lines[below(8)];
        }
        write(".gitattributes", text);
        *touched = {".gitattributes"};
        return "attributes " + text;
      }
      case 20: {
        const char* const values[] = {"true", "input", "false"};
        git({"config", "core.autocrlf", values[below(3)]});
        return "autocrlf";
      }
      case 21: {
        std::string text;
        for (unsigned i = below(3); i > 0; --i) {
          const char* const lines[] = {"*.c\n",    "d1/\n", "/d2/*\n",
                                       "!f1.py\n", "f2*\n", "d?/f3.py\n"};
          text += lines[below(6)];
        }
        const char* const files[] = {".gitignore", "d0/.gitignore", ".engramdignore",
                                     ".git/info/exclude"};
        const std::string file = files[below(4)];
        if (write(file, text) && file[1] != 'g') *touched = {file};
        return "ignore " + file + " " + text;
      }
      case 22:
        // Written out again by the rules of now.
        if (below(2) == 0)
          git({"rm", "-q", "-r", "--cached", "--ignore-unmatch", "d1"});
        else
          git({"checkout-index", "-f", "-a"});
        return "checkout-index or rm --cached";
      case 23:
      case 24: {
        // Nothing is racy any more, and git vouches for what it knows.
        git({"add", "-A"});
        timespec times[2]{};
        ::clock_gettime(CLOCK_REALTIME, &times[0]);
        times[0].tv_sec -= 100 + below(100);
        times[1] = times[0];
        for (const std::string& path : files())
          ::utimensat(AT_FDCWD, ws_.path(path).c_str(), times, 0);
        git({"update-index", "-q", "--refresh"});
        return "age";
      }
      default:
        git({"add", "-f", "."});
        return "add -f";
    }
  }

 private:
  // Git may refuse (a conflict, an empty stash): whatever state that leaves is one more state.
  void git(std::initializer_list<std::string> arguments) {
    try {
      ws_.git(arguments);
    } catch (const std::exception&) {
    }
  }

  std::string some_path() {
    static const char* const kEnds[] = {".py", ".c", ".js", "", ".txt"};
    std::string path;
    if (below(4) != 0) path = "d" + std::to_string(below(4)) + "/";
    if (below(6) == 0) path += "deep/";
    if (below(30) == 0) path += "\xE9";
    return path + "f" + std::to_string(below(8)) + kEnds[below(5)];
  }

  std::vector<std::string> files() const {
    std::vector<std::string> out;
    for (auto it = fs::recursive_directory_iterator(root()); it != fs::end(it); ++it) {
      const std::string path = it->path().lexically_relative(root()).string();
      if (path == ".git")
        it.disable_recursion_pending();
      else if (it->is_regular_file())
        out.push_back(path);
    }
    std::sort(out.begin(), out.end());
    return out;
  }

  std::string some_file() {
    const auto all = files();
    return all.empty() ? "" : all[below(static_cast<unsigned>(all.size()))];
  }

  std::string some_text(const std::string& path) {
    const std::string end = below(3) == 0 ? "\r\n" : "\n";
    std::string text;
    if (below(5) == 0) text += (path.ends_with(".c") ? "// $Id$" : "# $Id$") + end;
    if (below(12) == 0) text += "# DO NOT EDIT" + end;
    if (below(20) == 0) text += std::string(30000, 'x') + end;  // too large to parse
    if (below(20) == 0) text += std::string("\0binary", 7) + end;
    // Few texts, so that the same content comes again with other line ends.
    for (unsigned n = below(4); n > 0; --n) {
      const std::string name = "f" + std::to_string(below(6));
      const std::string used = "g" + std::to_string(n);
      if (path.ends_with(".c"))
        text += "int " + name + "(int x) { return " + used + "(x); }" + end;
      else if (path.ends_with(".js"))
        text += "function " + name + "(x) { return " + used + "(x) }" + end;
      else
        text += "def " + name + "(x): return " + used + "(x)" + end;
    }
    return text;
  }

  bool make_parent(const std::string& path) {
    std::error_code error;
    fs::create_directories(ws_.path(path).parent_path(), error);
    return !error;
  }

  bool write(const std::string& path, const std::string& text) {
    if (!make_parent(path)) return false;
    return static_cast<bool>(write_file_atomic(ws_.path(path), text));
  }

  std::mt19937 random_;
  Workspace ws_;
};

// A process that refreshes into the same cache and is killed in the middle of it.
void refresh_and_be_killed(Life& life, const fs::path& cache, int after_us) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    IndexOptions options;
    options.cache_folder = cache;
    options.max_parse_bytes = 20000;
    options.n_threads = 2;
    for (int i = 0; i < 50; ++i) {
      auto index = RepoIndex::open(life.root(), options);
      if (index) (void)(*index)->refresh();
    }
    ::_exit(0);
  }
  ::usleep(static_cast<useconds_t>(after_us));
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
}

void live(unsigned seed, int n_steps) {
  Life life(seed);
  auto cache = TemporaryFolder::make("engramd-property");
  REQUIRE(cache);
  auto index = opened(life.root(), cache->path());
  REQUIRE(index->refresh());
  std::string story;
  for (int step = 0; step < n_steps; ++step) {
    std::vector<std::string> touched;
    const std::string what = life.happen(&touched);
    story += std::to_string(step) + " " + what + "\n";
    // Sometimes an editor tells the paths first, sometimes only a later refresh finds out.
    if (!touched.empty() && life.below(2) == 0) {
      REQUIRE(index->refresh_paths(touched));
      story += "  refresh_paths\n";
    }
    if (life.below(25) == 0) {
      refresh_and_be_killed(life, cache->path(), static_cast<int>(life.below(60'000)));
      story += "  another process was killed\n";
    }
    if (life.below(25) == 0) {
      index = opened(life.root(), cache->path());  // the next day
      story += "  reopened\n";
    }
    if (life.below(4) != 0) continue;
    REQUIRE(index->refresh());
    const auto fresh = opened(life.root(), {});
    REQUIRE(fresh->refresh());
    const std::string a = said_of_all(*index), b = said_of_all(*fresh);
    if (a == b) continue;
    INFO("seed " << seed << "\n" << story.substr(story.size() > 1500 ? story.size() - 1500 : 0));
    INFO(first_difference(a, b));
    REQUIRE((a == b));
  }
}

}  // namespace

TEST_CASE("property: after any series of edits, git commands and kills, equal to a rebuild (1)") {
  live(1, full_run() ? 2000 : 250);
}

TEST_CASE("property: after any series of edits, git commands and kills, equal to a rebuild (2)") {
  live(2, full_run() ? 2000 : 250);
}

TEST_CASE("property: many short lives, equal to a rebuild") {
  for (unsigned seed = 100; seed < (full_run() ? 160u : 104u); ++seed) live(seed, 40);
}

TEST_CASE("property: told every path, never refreshed, equal to a rebuild") {
  // What a daemon does all day: single paths only, as long as no rules change.
  Life life(7);
  auto cache = TemporaryFolder::make("engramd-property");
  auto index = opened(life.root(), cache->path());
  REQUIRE(index->refresh());
  for (int step = 0; step < (full_run() ? 1000 : 150); ++step) {
    std::vector<std::string> touched;
    const std::string what = life.happen(&touched);
    if (touched.empty() || what.starts_with("ignore") || what.starts_with("attributes")) {
      REQUIRE(index->refresh());
      continue;
    }
    REQUIRE(index->refresh_paths(touched));
    const auto fresh = opened(life.root(), {});
    REQUIRE(fresh->refresh());
    const std::string a = said_of_all(*index), b = said_of_all(*fresh);
    INFO("step " << step << " " << what);
    INFO(first_difference(a, b));
    REQUIRE((a == b));
  }
}
