// Parse hosts: what a hostile file can do to the process that parses it, and what it cannot do to
// us. The host is real and confined; only the grammar's part is played (tests/hosts).
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <fstream>
#include <set>
#include <thread>

#include "repoindex/git/work_tree.h"
#include "repoindex/index.h"
#include "repoindex/parse_hosts.h"
#include "repoindex/snapshot.h"
#include "repoindex/store/blob_bytes.h"
#include "tests/support/workspace.h"

using namespace engramd;
using namespace engramd::repoindex;

namespace {

ParseHostOptions failing_hosts() {
  ParseHostOptions options;
  options.argv = {ENGRAMD_FAILING_HOST};
  options.max_cpu_s = 1;
  return options;
}

const Language& c() {
  return *find_language("c");
}

Result<EncodedBlob> parse(ParseHosts& hosts, const std::string& text) {
  return hosts.parse(c(), text, git_blob_id(text), 2u << 20, {});
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;  // its runtime takes signals and memory for itself
#else
constexpr bool kSanitized = false;
#endif

// What happened to the hosts that got the text.
std::string fate_of(const std::string& text) {
  auto hosts = ParseHosts::make(failing_hosts());
  auto blob = parse(*hosts, text);
  REQUIRE_FALSE(blob);
  CHECK(blob.error().code == ErrorCode::corrupt);
  CHECK(hosts->state().n_failures == 2);
  auto good = parse(*hosts, "int good(void);\n");  // the next text is parsed as if nothing was
  CHECK(good);
  return hosts->quarantined(git_blob_id(text), "c").value_or("nothing");
}

struct Indexed {
  std::unique_ptr<RepoIndex> index;
  IndexStats stats;
  View view() const { return {index->snapshot(), nullptr}; }
  bool defines(const std::string& path, const std::string& name) const {
    FileFactsPtr facts = view().facts(path);
    if (facts == nullptr) return false;
    for (const Symbol& s : facts->symbols)
      if (s.name == name) return true;
    return false;
  }
  bool names(const std::string& path, const std::string& name) const {
    FileFactsPtr facts = view().facts(path);
    if (facts == nullptr) return false;
    for (const Occurrence& o : facts->occurrences)
      if (facts->names[o.name] == name) return true;
    return false;
  }
  std::string note_about(const std::string& path) const {
    for (const std::string& note : stats.notes)
      if (note.rfind(path + ":", 0) == 0) return note;
    return {};
  }
};

Indexed indexed(const std::filesystem::path& root, const std::filesystem::path& cache,
                std::shared_ptr<ParseHosts> hosts) {
  IndexOptions options;
  options.cache_folder = cache;
  options.use_cache = !cache.empty();
  options.parse_hosts = std::move(hosts);
  Indexed out;
  auto index = RepoIndex::open(root, options);
  REQUIRE(index);
  out.index = std::move(*index);
  auto stats = out.index->refresh();
  REQUIRE(stats);
  out.stats = *stats;
  return out;
}

}  // namespace

TEST_CASE("facts from a parse host are those that are made here") {
  auto hosts = ParseHosts::make(failing_hosts());
  size_t n = 0;
  for (const auto& entry : std::filesystem::directory_iterator(test::fixtures() / "languages")) {
    const std::string path = entry.path().string();
    const Language* language = language_for_path(path);
    auto text = read_file(entry.path());
    if (language == nullptr || !text) continue;
    INFO(path);
    auto blob = hosts->parse(*language, *text, git_blob_id(*text), 2u << 20, {});
    REQUIRE(blob);
    const EncodedBlob here = encode_blob(git_blob_id(*text), *extract_facts(path, *text));
    CHECK(bytes_of_blob(*blob) == bytes_of_blob(here));
    CHECK(blob->language == here.language);
    ++n;
  }
  CHECK(n > 20);
  CHECK(hosts->state().n_started == 1);  // one warm host did it all
}

TEST_CASE("whatever a text does to its host, it is quarantined and the next one is parsed") {
  CHECK(fate_of("int EVIL_EXIT;") == "ended without an answer");
  CHECK(fate_of("int EVIL_SPIN;") == "did not come to an end");
  if (!kSanitized) {
    CHECK(fate_of("int EVIL_ABORT;") == "crashed (Aborted)");
    CHECK(fate_of("int EVIL_SEGV;") == "crashed (Segmentation fault)");
    CHECK(fate_of("int EVIL_EAT;") == "crashed (Segmentation fault)");  // writes through null
    CHECK(fate_of("int EVIL_NEW;") == "ran out of memory");
  }
  CHECK(fate_of("int EVIL_GARBAGE;") == "gave an answer that is none");
  CHECK(fate_of("int EVIL_HUGE;") == "gave an answer that is none");
  CHECK(fate_of("int EVIL_SHORT;") == "gave an answer that is none");
  CHECK(fate_of("int EVIL_LIES;") == "gave an answer that is none");
}

TEST_CASE("a host can reach no file, socket, program or other process") {
  if (kSanitized) {
    WARN("skipped: sanitizer builds have no filter of system calls");
    return;
  }
  auto hosts = ParseHosts::make(failing_hosts());
  REQUIRE(parse(*hosts, "int good;"));
  REQUIRE(hosts->notes().empty());  // this kernel filters
  for (const char* what : {"OPEN", "SOCKET", "EXEC", "FORK", "KILL", "TGKILL", "CODE"}) {
    INFO(what);
    CHECK(fate_of(std::string("int EVIL_") + what + ";") == "made a forbidden system call");
  }
}

TEST_CASE("a file that crashes its parser costs nobody else anything, and is remembered") {
  const test::Workspace ws(R"(
//- /src/evil.c
int inviting_name(void) { return EVIL_EXIT; }
//- /src/good.c
int other(void) { return 1; }
//- /lib/tool.py
def helper(): ...
)");
  const test::Workspace cache("");
  ParseHostOptions options = failing_hosts();
  options.quarantine_file = cache.path("quarantine");
  {
    auto hosts = ParseHosts::make(options);
    Indexed repo = indexed(ws.root(), cache.path("index"), hosts);
    CHECK(repo.stats.n_indexed == 3);
    CHECK(repo.defines("src/good.c", "other"));
    CHECK(repo.defines("lib/tool.py", "helper"));
    CHECK_FALSE(repo.defines("src/evil.c", "inviting_name"));
    CHECK(repo.names("src/evil.c", "inviting_name"));  // text search of names still finds it
    CHECK(repo.note_about("src/evil.c") ==
          "src/evil.c: the c parser ended without an answer, twice; names only");
    CHECK(hosts->state().n_failures == 2);
  }
  SECTION("at the next start it ends no host, and is still told") {
    auto hosts = ParseHosts::make(options);
    Indexed repo = indexed(ws.root(), cache.path("index"), hosts);
    CHECK_FALSE(repo.note_about("src/evil.c").empty());
    CHECK(hosts->state().n_started == 0);
  }
  SECTION("without the cached facts too") {
    auto hosts = ParseHosts::make(options);
    Indexed repo = indexed(ws.root(), {}, hosts);
    CHECK_FALSE(repo.note_about("src/evil.c").empty());
    CHECK(repo.names("src/evil.c", "inviting_name"));
    CHECK(hosts->state().n_failures == 0);
  }
  SECTION("a repaired file is parsed") {
    auto hosts = ParseHosts::make(options);
    Indexed repo = indexed(ws.root(), cache.path("index"), hosts);
    ws.write("src/evil.c", "int inviting_name(void) { return 0; }\n");
    REQUIRE(repo.index->refresh_paths({"src/evil.c"}));
    CHECK(repo.defines("src/evil.c", "inviting_name"));
  }
  SECTION("a damaged quarantine is an empty one") {
    std::string bytes = cache.read("quarantine");
    for (size_t i = 0; i < bytes.size(); i += 3) {
      std::string damaged = bytes;
      damaged[i] = static_cast<char>(damaged[i] ^ 0x55);
      cache.write("quarantine", damaged);
      CHECK(ParseHosts::make(options)->state().n_quarantined == 0);
    }
  }
}

TEST_CASE("hosts killed from outside in the middle of a refresh lose nothing") {
  std::string files = "\n";
  for (int i = 0; i < 400; ++i) {
    files += "//- /f" + std::to_string(i) + ".c\n";
    for (int j = 0; j < 40; ++j)
      files += "int f" + std::to_string(i) + "_" + std::to_string(j) + "(int a) { return a; }\n";
  }
  const test::Workspace ws(files);
  auto hosts = ParseHosts::make(failing_hosts());
  std::atomic<bool> done{false};
  std::thread killer([&] {
    std::set<pid_t> killed;  // four times each that is there: one less than is held against a file
    for (int n = 0; n < 4 && !done;) {
      std::vector<pid_t> pids = hosts->pids();
      std::erase_if(pids, [&](pid_t pid) { return !killed.insert(pid).second; });
      for (pid_t pid : pids) ::kill(pid, SIGKILL);
      n += pids.empty() ? 0 : 1;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  });
  Indexed repo = indexed(ws.root(), {}, hosts);
  done = true;
  killer.join();
  CHECK(hosts->state().n_started > 1);
  CHECK(hosts->state().n_quarantined == 0);
  for (int i = 0; i < 400; ++i) {
    const std::string n = std::to_string(i);
    CHECK(repo.defines("f" + n + ".c", "f" + n + "_39"));
  }
}

TEST_CASE("a host dies with whoever started it, in the middle of a text too") {
  int fds[2];
  REQUIRE(::pipe(fds) == 0);
  const pid_t starter = ::fork();
  REQUIRE(starter >= 0);
  if (starter == 0) {
    ParseHostOptions options = failing_hosts();
    options.max_cpu_s = 1000;
    auto hosts = ParseHosts::make(options);
    std::thread asker([&] { (void)parse(*hosts, "int EVIL_SPIN;"); });
    while (hosts->pids().empty()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    std::this_thread::sleep_for(std::chrono::milliseconds(100));  // it has the text by now
    const pid_t pid = hosts->pids()[0];
    (void)!::write(fds[1], &pid, sizeof pid);
    for (;;) ::pause();
  }
  pid_t host = 0;
  REQUIRE(::read(fds[0], &host, sizeof host) == sizeof host);
  const auto is_running = [&] {
    auto status = std::ifstream("/proc/" + std::to_string(host) + "/stat");
    std::string text;
    std::getline(status, text);
    const size_t state = text.rfind(')') + 2;  // a zombie waits for init only
    return state < text.size() && text[state] != 'Z' && text[state] != 'X';
  };
  CHECK(is_running());
  ::kill(starter, SIGKILL);
  ::waitpid(starter, nullptr, 0);
  for (int i = 0; i < 1000 && is_running(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  CHECK_FALSE(is_running());
  ::close(fds[0]);
  ::close(fds[1]);
}

TEST_CASE("idle hosts go") {
  ParseHostOptions options = failing_hosts();
  options.idle = options.idle_last = std::chrono::milliseconds(50);
  auto hosts = ParseHosts::make(options);
  REQUIRE(parse(*hosts, "int a;"));
  const std::vector<pid_t> pids = hosts->pids();
  REQUIRE(pids.size() == 1);
  for (int i = 0; i < 500 && hosts->state().n_hosts != 0; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  CHECK(hosts->state().n_hosts == 0);
  CHECK(hosts->state().cpu_s > 0);
  REQUIRE(parse(*hosts, "int b;"));
  CHECK(hosts->state().n_started == 2);
}

TEST_CASE("where no host can be started files are parsed here, and that is said") {
  const test::Workspace ws("//- /a.c\nint other(void);\n");
  for (const char* program : {"/nonexistent/engramd", "/bin/true", "/bin/cat"}) {
    ParseHostOptions options;
    options.argv = {program};
    Indexed repo = indexed(ws.root(), {}, ParseHosts::make(options));
    CHECK(repo.defines("a.c", "other"));
    std::string notes;
    for (const std::string& note : repo.stats.notes) notes += note + "\n";
    INFO(notes);
    CHECK(notes.find("files are parsed in this process") != std::string::npos);
  }
}

TEST_CASE("a cancelled refresh does not wait for the host, and blames nobody") {
  const test::Workspace ws("//- /a.c\nint EVIL_SPIN;\n");
  ParseHostOptions options = failing_hosts();
  options.max_cpu_s = 1000;
  auto hosts = ParseHosts::make(options);
  IndexOptions index_options;
  index_options.use_cache = false;
  index_options.parse_hosts = hosts;
  auto index = RepoIndex::open(ws.root(), index_options);
  REQUIRE(index);
  CancelSource source;
  std::thread canceller([&] {
    while (hosts->pids().empty()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    source.cancel();
  });
  auto stats = (*index)->refresh({}, source.token());
  canceller.join();
  REQUIRE_FALSE(stats);
  CHECK(stats.error().code == ErrorCode::cancelled);
  CHECK(hosts->state().n_quarantined == 0);
  CHECK(hosts->state().n_hosts == 0);
}

TEST_CASE("an open document reaches a parser of ours only after a host has survived it") {
  auto hosts = ParseHosts::make(failing_hosts());
  auto symbols = [](Document& document) {
    std::set<std::string> out;
    for (const Symbol& s : document.publish().facts->symbols) out.insert(s.name);
    return out;
  };
  SECTION("what a host parsed is published, edits are parsed here") {
    auto document = open_guarded_document(hosts, "a.c", "int one(void);\n", 7);
    CHECK(document->publish().version == 7);
    CHECK(symbols(*document) == std::set<std::string>{"one"});
    CHECK(hosts->state().n_started == 1);
    document->edit({4, 7}, "two");
    CHECK(symbols(*document) == std::set<std::string>{"two"});
    CHECK(*document->publish().text == "int two(void);\n");
  }
  SECTION("a hostile text has names only, until it is mended and opened again") {
    const std::string evil = "int one(void) { return EVIL_EXIT; }\n";
    auto document = open_guarded_document(hosts, "a.c", evil, 1);
    CHECK(symbols(*document).empty());
    CHECK(document->publish().facts->names.size() > 1);
    CHECK(hosts->state().n_failures == 2);
    document->edit({0, 0}, "\n");  // another text, and as bad: no host is spent on each key
    CHECK(symbols(*document).empty());
    CHECK(hosts->state().n_failures == 2);
    auto again = open_guarded_document(hosts, "a.c", evil, 1);
    CHECK(symbols(*again).empty());
    CHECK(hosts->state().n_failures == 2);  // known by its blob
  }
  SECTION("a paste and a whole new text are tried first") {
    auto document = open_guarded_document(hosts, "a.c", "int one;\n", 1);
    CHECK(symbols(*document) == std::set<std::string>{"one"});
    if (GENERATE(true, false)) {
      document->edit({0, 0}, "int EVIL_EXIT;\n" + std::string(5000, '\n'));
    } else {
      document->replace("int one = EVIL_EXIT;\n");
    }
    CHECK(symbols(*document).empty());
    CHECK(hosts->state().n_failures == 2);
  }
}
