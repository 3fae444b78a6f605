// The real program as a user meets it: commands, exit statuses, and bad input. Every case has its
// own home, cache and state folders.
#include <unistd.h>

#include <algorithm>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/process.h"
#include "tests/support/workspace.h"

using namespace engramd;

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const std::string kEngramd = std::string(ENGRAMD_BINARY_DIR) + "/engramd";

class User {
  TemporaryFolder folder_ = *TemporaryFolder::make("engramd-user");  // before env, which names it

 public:
  std::vector<std::pair<std::string, std::string>> env = {
      {"HOME", home()},
      {"PATH", "/usr/local/bin:/usr/bin:/bin"},
      {"XDG_CACHE_HOME", home() + "/cache"},
      {"XDG_STATE_HOME", home() + "/state"},
      {"XDG_CONFIG_HOME", home() + "/config"},
      {"XDG_RUNTIME_DIR", home()},
  };
  std::string home() const { return folder_.path().string(); }
  fs::path path(const std::string& name) const { return folder_.path() / name; }

  ProcessResult run(std::vector<std::string> arguments, const std::string& input = {}) const {
    return start(kEngramd, std::move(arguments), input);
  }
  ProcessResult start(const std::string& program, std::vector<std::string> arguments,
                      const std::string& input = {}) const {
    ProcessOptions options;
    options.argv = {program};
    options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
    options.env = env;
    options.stdin_text = input;
    options.wall_ms = 120'000;
    auto result = run_process(options);
    if (!result) FAIL(result.error().message);
    REQUIRE_FALSE(result->timed_out);
    // One clear line: whatever went wrong, no signal and no sanitizer report.
    REQUIRE(result->signal == 0);
    REQUIRE(result->stderr_text.find("runtime error") == std::string::npos);
    return *result;
  }
};

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

constexpr const char* kProject = R"(
//- /pkg/__init__.py
//- /pkg/core.py
def combine(left, right):
    """Joins two halves."""
    return left + right
//- /app.py
from pkg.core import combine

print(combine(1, 2))
)";

json parsed(const ProcessResult& result) {
  INFO(result.stdout_text << result.stderr_text);
  json value = json::parse(result.stdout_text, nullptr, false);
  REQUIRE_FALSE(value.is_discarded());
  return value;
}

}  // namespace

TEST_CASE("help and wrong usage: a person learns what is there, a script gets status 2") {
  const User user;
  const ProcessResult help = user.run({"--help"});
  CHECK(help.exit_code == 0);
  for (const char* command : {"lsp", "index", "query", "fix", "doctor"})
    CHECK(holds(help.stdout_text, command));
  CHECK(user.run({}).exit_code == 2);
  CHECK(user.run({"no-such-command"}).exit_code == 2);
  CHECK(user.run({"query", "def"}).exit_code == 2);
  CHECK(user.run({"index", "--repo", "/no/such/folder"}).exit_code == 2);
  CHECK(user.run({"complete", "--at", "x"}).exit_code == 2);
}

TEST_CASE("a folder without git is indexed, and asked") {
  const User user;
  const test::Workspace ws(kProject);
  const std::string repo = ws.root().string();
  const json stats = parsed(user.run({"index", "--repo", repo, "--json"}));
  CHECK(stats["files"] == 3);
  CHECK(stats["git"] == false);
  CHECK(user.run({"query", "def", "combine", "--repo", repo}).stdout_text ==
        "pkg/core.py:1:5: function combine\n");
  const json references = parsed(user.run({"query", "refs", "combine", "--repo", repo, "--json"}));
  CHECK(references.size() >= 2);
  CHECK(user.run({"query", "def", "nothing", "--repo", repo}).exit_code == 1);
  CHECK(user.run({"query", "why", "combine", "--repo", repo}).exit_code == 2);
}

TEST_CASE("a second index of unchanged files parses nothing, also from another clone") {
  const User user;
  const test::Workspace ws(std::string("#init git\n") + (kProject + 1));
  const std::string repo = ws.root().string();
  CHECK(parsed(user.run({"index", "--repo", repo, "--json"}))["parsed"] >= 2);
  CHECK(parsed(user.run({"index", "--repo", repo, "--json"}))["parsed"] == 0);
  const std::string clone = user.path("clone").string();
  REQUIRE(user.start("git", {"clone", "-q", repo, clone}).ok());
  CHECK(parsed(user.run({"index", "--repo", clone, "--json"}))["parsed"] == 0);
}

TEST_CASE("exported facts start another machine; what is no such file is refused") {
  const User here, there;
  const test::Workspace ws(std::string("#init git\n") + (kProject + 1));
  const std::string repo = ws.root().string(), file = here.path("facts.zst").string();
  CHECK(here.run({"index", "export", file, "--repo", repo}).exit_code == 0);
  CHECK(parsed(there.run({"index", "import", file, "--repo", repo, "--json"}))["parsed"] == 0);
  CHECK(there.run({"index", "import", (ws.root() / "pkg/core.py").string(), "--repo", repo})
            .exit_code == 2);
  CHECK(there.run({"index", "import", "--repo", repo}).exit_code == 2);
  CHECK(there.run({"index", "polish", file, "--repo", repo}).exit_code == 2);
}

TEST_CASE("odd repositories: empty, binary, huge, broken UTF-8, unreadable cache") {
  User user;
  const test::Workspace empty("#init git\n");
  CHECK(parsed(user.run({"index", "--repo", empty.root().string(), "--json"}))["files"] == 0);

  const test::Workspace odd(kProject);
  odd.write("binary.py", std::string("\x7f"
                                     "ELF\0\0\0\1",
                                     8));
  odd.write("latin.py", "name = '\xE9\xFF'\ndef caf\xE9(): pass\n");
  REQUIRE(::truncate((odd.write("huge.py", ""), odd.path("huge.py").c_str()), 200 << 20) == 0);
  const json stats = parsed(user.run({"index", "--repo", odd.root().string(), "--json"}));
  CHECK(stats["files"] == 6);
  CHECK(stats["binary"].get<int>() + stats["too_large"].get<int>() == 2);
  CHECK(stats["peak_rss_bytes"].get<uint64_t>() < (150u << 20));

  // A cache that cannot be used is said, and the answer is the same.
  user.env[2].second = "/proc/no-such-place";
  const json without = parsed(user.run({"index", "--repo", odd.root().string(), "--json"}));
  CHECK(without["symbols"] == stats["symbols"]);
  CHECK_FALSE(without["notes"].empty());
}

TEST_CASE("a full disk costs the cache, not the answer") {
  const User user;
  const test::Workspace ws(kProject);
  // A file system of 16 KiB for everything engramd writes.
  const ProcessResult result =
      user.start("bwrap", {"--bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--size",
                           "16384", "--tmpfs", user.home(), kEngramd, "query", "def", "combine",
                           "--repo", ws.root().string()});
  CHECK(result.exit_code == 0);
  CHECK(holds(result.stdout_text, "pkg/core.py:1:5"));
}

TEST_CASE("files that are no model are each one clear error") {
  const User user;
  const fs::path shipped = fs::path(ENGRAMD_SOURCE_DIR) / "models/engramd-small.gguf";
  const std::string good = *read_file(shipped);
  const auto refuse = [&](const std::string& bytes, const std::string& because) {
    REQUIRE(write_file_atomic(user.path("m.gguf"), bytes));
    const ProcessResult result =
        user.run({"generate", "x", "--model", user.path("m.gguf").string()});
    INFO(result.stderr_text);
    CHECK(result.exit_code == 2);
    CHECK(holds(result.stderr_text, because));
    CHECK(std::count(result.stderr_text.begin(), result.stderr_text.end(), '\n') == 1);
  };
  refuse("", "m.gguf");
  refuse("<html>not found</html>", "m.gguf");
  refuse(good.substr(0, 100), "m.gguf");
  refuse(good.substr(0, good.size() / 2), "m.gguf");
  std::string unknown = good;
  for (size_t at = unknown.find("engramd"); at != std::string::npos && at < 100'000;
       at = unknown.find("engramd", at))
    unknown.replace(at, 7, "nobodys");
  refuse(unknown, "nobodys");
  CHECK(user.run({"model", "verify", shipped.string()}).exit_code == 0);
  CHECK(holds(user.run({"model", "info", shipped.string()}).stdout_text,
              "general.architecture = \"engramd\""));
}

TEST_CASE("a model file is explained, converted and verified") {
  const User user;
  const std::string shipped = (fs::path(ENGRAMD_SOURCE_DIR) / "models/engramd-small.gguf").string();
  const std::string out = user.path("small.gguf").string();
  const json info = parsed(user.run({"model", "info", shipped, "--json"}));
  CHECK(info["runs"] == true);
  CHECK(info["tokenizer_works"] == true);
  CHECK(info["active_parameters"] < info["parameters"]);
  const json report = parsed(user.run({"model", "convert", shipped, out, "--type", "q4_0", "--keep",
                                       "*attn_v*=q8_0", "--keep", "token_embd*=q4_0", "--json"}));
  CHECK(report["bytes_after"] < report["bytes_before"]);
  for (const json& tensor : report["tensors"])
    if (tensor["to"] == "Q4_0") CHECK(tensor["relative_rms_error"] < 0.12);
  const json check = parsed(user.run({"model", "verify", out, "--json"}));
  CHECK(check["ok"] == true);
  CHECK(check["digest"] != parsed(user.run({"model", "verify", shipped, "--json"}))["digest"]);
  const auto again = user.run({"model", "convert", shipped, out});
  CHECK(again.exit_code == 2);
  CHECK(holds(again.stderr_text, "exists"));
}

TEST_CASE("tokens, generation and logits of the shipped model") {
  const User user;
  const json tokens = parsed(user.run({"tokenize", "def main():\n    return 0\n"}));
  REQUIRE(tokens.size() > 4);
  REQUIRE(write_file_atomic(user.path("ids.json"), tokens.dump()));
  const std::string out = user.path("logits.f32").string();
  REQUIRE(user.run({"logits", "--tokens", user.path("ids.json").string(), "--out", out}).ok());
  const json info =
      parsed(user.run({"bench", "--prompt", "8", "--gen", "4", "--repeat", "1", "--json"}));
  CHECK(info["generation_tokens_per_s"] > 0);
  CHECK(fs::file_size(out) % (tokens.size() * sizeof(float)) == 0);
  const auto generate = [&](const char* seed) {
    return user
        .run({"generate", "import os\n", "--max-tokens", "8", "--temperature", "1", "--seed", seed})
        .stdout_text;
  };
  CHECK(generate("1") == generate("1"));
  REQUIRE(write_file_atomic(user.path("ids.json"), "[999999999]"));
  CHECK(user.run({"logits", "--tokens", user.path("ids.json").string(), "--out", out}).exit_code ==
        2);
}

TEST_CASE("a completion reuses what the repository says elsewhere") {
  const User user;
  const test::Workspace ws(R"(
//- /a.py
def load_settings_of_the_printer(path):
    return read_configuration_file(path, "printer-settings")


def load_settings_of_the_scanner(path):
    return read_configuration_file(path, "scanner-settings")
//- /b.py
def load_settings_of_the_plotter(path):
    return read_conf
)");
  const json completion =
      parsed(user.run({"complete", "--repo", ws.root().string(), "--at", "b.py:2:21", "--json"}));
  INFO(completion.dump(2));
  CHECK(holds(completion["text"], "iguration_file(path, "));
  CHECK(completion["from_memory"] > 0.5);
}

TEST_CASE("settings and their origins, and a doctor that finds what is missing") {
  User user;
  const test::Workspace ws("//- /.engramd.toml\n[agent]\ntest = \"make test\"\n");
  const ProcessResult shown =
      user.run({"config", "show", "--origin", "--repo", ws.root().string()});
  CHECK(holds(shown.stdout_text, "make test"));
  CHECK(holds(shown.stdout_text, ".engramd.toml"));
  CHECK(user.run({"doctor"}).exit_code == 0);
  const ProcessResult gpu = user.run({"doctor", "--gpu"});
  CHECK(gpu.exit_code == 0);  // every operator within its bound, or no device to run it on
  CHECK(holds(gpu.stdout_text, "gpu "));
  user.env.push_back({"ENGRAMD_MODEL", "/no/such.gguf"});
  const ProcessResult sick = user.run({"doctor"});
  CHECK(sick.exit_code == 3);
  CHECK(holds(sick.stdout_text, "/no/such.gguf does not exist"));
}

TEST_CASE("fix: green already, hanging, forking, absent command, absent sandbox") {
  User user;
  const test::Workspace ws(
      "#init git\n//- /a.py\ndef one():\n    return 1\n//- /test_a.py\nfrom a import one\n\ndef "
      "test_one():\n    assert one() == 1\n");
  const std::string repo = ws.root().string();
  const auto fix = [&](const std::string& command) {
    return user.run({"fix", "--repo", repo, "--test", command, "--seconds", "8", "--no-model"});
  };
  CHECK(fix("/usr/bin/python3 -m pytest -q").exit_code == 0);
  const ProcessResult hanging = fix("sleep 1000");
  CHECK(hanging.exit_code != 0);
  CHECK(holds(hanging.stdout_text + hanging.stderr_text, "did not end"));
  CHECK(fix(":(){ :|:& };:; sleep 1000").exit_code != 0);
  CHECK(fix("no-such-test-command-anywhere").exit_code == 3);
  CHECK(ws.git({"status", "--porcelain"}).empty());

  // Everything but bubblewrap on PATH.
  const fs::path bin = user.path("bin");
  REQUIRE(make_directories(bin));
  for (const char* program : {"sh", "python3", "git", "env"})
    fs::create_symlink(find_program(program), bin / program);
  user.env[1].second = bin.string();
  const ProcessResult refused = user.run(
      {"fix", "--repo", repo, "--test", "/usr/bin/python3 -m pytest -q", "--sandbox", "bwrap"});
  CHECK(refused.exit_code == 3);
  CHECK(holds(refused.stderr_text, "bubblewrap"));
}

TEST_CASE("fix reads the reports of tests whose framework it does not know") {
  const User user;
  const test::Workspace ws(R"(#init git
//- /.engramd.toml
[agent]
test = "/usr/bin/python3 check.py"
test_report = "out/**/TEST-*.xml"
//- /span.py
def width(low, high):
    return high + low
//- /check.py
import os
from span import width
def case(name, good):
    return '<testcase classname="span" name="%s">%s</testcase>' % (name, '' if good else '<failure message="wrong"/>')
cases = [('zero', width(0, 3) == 3), ('wide', width(2, 7) == 5)]
os.makedirs('out/sub', exist_ok=True)
with open('out/sub/TEST-all.xml', 'w') as report:
    report.write('<testsuite>' + ''.join(case(*each) for each in cases) + '</testsuite>')
raise SystemExit(not all(good for _, good in cases))
)");
  std::vector<std::string> arguments = {
      "fix", "--repo", ws.root().string(), "--no-model", "--min-confidence", "0", "--seconds",
      "60",  "--json"};
  const ProcessResult found = user.run(arguments);
  INFO(found.stdout_text << found.stderr_text);
  const json report = parsed(found);
  CHECK(report["before"]["passed"] == 1);
  REQUIRE(report["tests"].size() == 1);
  CHECK(report["tests"][0]["id"] == "span::wide");
  CHECK(report["state"] == "resolved");
  CHECK(report["tests"][0]["after"] == "passed");
  arguments.insert(arguments.end(), {"--test-report", "/etc/*.xml"});
  const ProcessResult outside = user.run(arguments);
  CHECK(outside.exit_code == 2);
  CHECK(holds(outside.stderr_text, "stays inside"));
}

TEST_CASE("fix leaves the work tree as it was, applies when told to, and can be undone") {
  const User user;
  const test::Workspace ws(
      "#init git\n//- /span.py\ndef width(low, high):\n    return high + low\n"
      "//- /test_span.py\nfrom span import width\n\ndef test_width():\n    assert width(2, 7) == "
      "5\n    assert width(0, 3) == 3\n"
      "//- /notes.txt\nhello\n");
  const std::string repo = ws.root().string();
  ws.write("notes.txt", "uncommitted work\n");
  const std::string before = ws.read("span.py");
  const std::vector<std::string> arguments = {"fix",
                                              "--repo",
                                              repo,
                                              "--test",
                                              "/usr/bin/python3 -m pytest -q",
                                              "--min-confidence",
                                              "0.2",
                                              "--out",
                                              user.path("p.diff").string()};
  const ProcessResult found = user.run(arguments);
  INFO(found.stdout_text << found.stderr_text);
  REQUIRE(found.exit_code == 0);
  CHECK(ws.read("span.py") == before);
  CHECK(holds(*read_file(user.path("p.diff")), "+    return high - low"));

  std::vector<std::string> applying = arguments;
  applying.push_back("--apply");
  REQUIRE(user.run(applying).exit_code == 0);
  CHECK(holds(ws.read("span.py"), "high - low"));
  CHECK(ws.read("notes.txt") == "uncommitted work\n");
  const ProcessResult listed = user.run({"undo", "--list", "--json", "--repo", repo});
  INFO(listed.stdout_text << listed.stderr_text);
  const json entry = parsed(listed)["entries"].at(0);
  CHECK(entry["state"] == "applied");
  CHECK(entry["files"].at(0)["path"] == "span.py");
  CHECK(user.run({"undo"}).exit_code == 0);
  CHECK(ws.read("span.py") == before);
  CHECK(holds(user.run({"undo", "--list"}).stdout_text, "undone"));
  const ProcessResult nothing = user.run({"undo", "--repo", repo});
  CHECK(nothing.exit_code == 2);
  CHECK(holds(nothing.stderr_text, "there is no applied change to take back"));
  const std::string id = entry["id"];
  CHECK(user.run({"undo", "--redo", id}).exit_code == 0);
  CHECK(holds(ws.read("span.py"), "high - low"));
  CHECK(user.run({"undo", "--back-to", id}).exit_code == 0);
  CHECK(ws.read("span.py") == before);
}

// A sanitizer's runtime takes signals and memory for itself: no parse host lives under one.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST_CASE("index parses in a confined child of the same program") {
  const User user;
  const test::Workspace project(kProject);
  const ProcessResult result = user.run({"index", "--repo", project.root().string(), "--json"});
  REQUIRE(result.exit_code == 0);
  const json stats = parsed(result);
  CHECK(stats["parsed"] == 3);
  CHECK(stats["parse_hosts"]["started"] >= 1);
  CHECK(stats["parse_hosts"]["failures"] == 0);
  for (const json& note : stats["notes"]) CHECK_FALSE(holds(note.get<std::string>(), "parse host"));
  // Nothing left to parse, nobody started.
  const json again = parsed(user.run({"index", "--repo", project.root().string(), "--json"}));
  CHECK(again["parse_hosts"]["started"] == 0);
}
#endif

TEST_CASE("parse-host is not for people") {
  const User user;
  CHECK_FALSE(holds(user.run({"--help"}).stdout_text, "parse-host"));
  const ProcessResult result = user.run({"parse-host"}, "int a;");
  CHECK(result.exit_code == 2);
  CHECK(holds(result.stderr_text, "parse-host is started by engramd itself"));
}

TEST_CASE("locate and context: an issue is a text, a file or what is piped in") {
  const User user;
  const test::Workspace project(kProject);
  const std::string repo = project.root().string(), issue = "combine() joins the halves wrongly\n";
  REQUIRE(write_file_atomic(user.path("issue.txt"), issue));

  const auto first_file = [&](const ProcessResult& ran) {
    return parsed(ran)["files"][0]["path"].get<std::string>();
  };
  const std::vector<std::string> locate = {"locate", "--repo", repo, "--json"};
  const auto with = [](std::vector<std::string> all, std::vector<std::string> more) {
    all.insert(all.end(), more.begin(), more.end());
    return all;
  };
  CHECK(first_file(user.run(with(locate, {"--issue", issue}))) == "pkg/core.py");
  CHECK(first_file(user.run(with(locate, {"--task", user.path("issue.txt").string()}))) ==
        "pkg/core.py");
  CHECK(first_file(user.run(with(locate, {"--task", "-"}), issue)) == "pkg/core.py");

  const ProcessResult window = user.run({"context", "--repo", repo, "--issue", issue});
  CHECK(holds(window.stdout_text, "return left + right"));

  for (const auto& wrong : {with(locate, {}), with(locate, {"--issue", "a", "--task", "b"})}) {
    const ProcessResult refused = user.run(wrong);
    CHECK(refused.exit_code == 2);
    CHECK(holds(refused.stderr_text, "give one of --task FILE and --issue TEXT"));
  }
}
