// Instances in all the forms they come in, and what is said of bad ones.
#include <catch2/catch.hpp>

#include "agent/swebench/environment.h"
#include "agent/swebench/grading.h"
#include "agent/swebench/guard.h"
#include "agent/swebench/instance.h"
#include "agent/swebench/predictions.h"
#include "tests/support/workspace.h"

using namespace engramd;
using namespace engramd::agent::swebench;
using engramd::test::Workspace;

namespace {

const std::string kLite =
    R"({"instance_id": "django__django-1", "repo": "django/django", "base_commit": "0123456789abcdef0123456789abcdef01234567", )"
    R"("problem_statement": "It breaks", "hints_text": "", "patch": "p", "test_patch": "t", "version": "3.0", )"
    R"("created_at": "2020-01-01", "environment_setup_commit": "0123456789abcdef0123456789abcdef01234567", )"
    R"("FAIL_TO_PASS": "[\"a [x\\\\y]\", \"b\"]", "PASS_TO_PASS": ["c"]})";
const std::string kPro =
    R"({"instance_id": "instance_a__b-2", "repo": "a/b", "base_commit": "0123456789abcdef", "repo_language": "go", )"
    R"("fail_to_pass": "['TestX', \"it's\"]", "pass_to_pass": "[]", "selected_test_files_to_run": "[\"x_test.go\"]", )"
    R"("problem_statement": "y", "dockerhub_tag": "z", "difficulty": null, "image_assets": {"patch": []}})";

std::string error_of(const std::string& text, const std::string& name = "f.jsonl") {
  const Workspace ws("//- /x\n");
  ws.write(name, text);
  const auto read = read_instances(ws.path(name));
  return read ? "" : read.error().message;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("swebench instances: lines, an array and an object by id read alike") {
  const Workspace ws("//- /x\n");
  ws.write("lines.jsonl", kLite + "\n\n" + kPro + "\n");
  ws.write("array.json", "[" + kLite + ",\n" + kPro + "]");
  ws.write("object.json", "{\"one\": " + kLite + ", \"two\": " + kPro + "}");
  for (const char* name : {"lines.jsonl", "array.json", "object.json"}) {
    INFO(name);
    const auto read = read_instances(ws.path(name));
    if (!read) FAIL(read.error().message);
    REQUIRE(read->size() == 2);
    CHECK(read->front().fail_to_pass == std::vector<std::string>{"a [x\\y]", "b"});
    CHECK(read->front().pass_to_pass == std::vector<std::string>{"c"});
    CHECK(read->back().fail_to_pass == std::vector<std::string>{"TestX", "it's"});
    CHECK(read->back().test_files == std::vector<std::string>{"x_test.go"});
    CHECK(read->back().language == "go");
  }
  // What a child process is handed is what was read.
  const Instance once = read_instances(ws.path("lines.jsonl"))->front();
  const auto again = instance_from_json(to_json_line(once), "again");
  REQUIRE(again);
  CHECK(to_json_line(*again) == to_json_line(once));
}

TEST_CASE("swebench instances: a bad file is one error that names the line") {
  CHECK(has(error_of("{\"instance_id\": \"a\"}\n"), "f.jsonl:1: expected repo"));
  CHECK(has(error_of(kLite + "\n" + kLite + "\n"),
            "f.jsonl:2: instance_id django__django-1 was in f.jsonl:1"));
  CHECK(has(error_of(kLite + "\nnot json\n"), "f.jsonl:2: is no JSON"));
  CHECK(has(error_of("\n\n"), "holds no instance"));
  CHECK(has(error_of("[1]", "f.json"), "f.json: entry 1: expected an object"));
  const auto with = [](std::string from, const std::string& to) {
    std::string text = kPro;
    text.replace(text.find(from), from.size(), to);
    return error_of(text);
  };
  CHECK(has(with("instance_a__b-2", "../../etc"), "is no name for a folder"));
  CHECK(has(with("\"a/b\"", "\"a/../../b\""), "expected owner/name"));
  CHECK(has(with("0123456789abcdef", "--upload-pack=x"), "is no commit"));
  CHECK(has(with("\"['TestX', \\\"it's\\\"]\"", "\"TestX\""), "fail_to_pass holds no list"));
  CHECK(has(with("\"['TestX', \\\"it's\\\"]\"", "[1]"), "holds something that is no text"));
}

TEST_CASE("swebench instances: a task folder") {
  const Workspace ws(R"(
//- /sweb.yaml
datasets: [x/y]
splits:
  - test
//- /tasks/a__b-1/task.yaml
instance_id: a__b-1
repo: a/b
base_commit: 0123456789abcdef
version: "1.0"
split: test
datasets:
  - x/y
image: some/image
//- /tasks/a__b-1/tests.json
{"FAIL_TO_PASS": ["t::f"], "PASS_TO_PASS": []}
//- /tasks/a__b-1/problem_statement.md
the issue
//- /tasks/a__b-1/gold.patch
gold
//- /tasks/a__b-1/test.patch
tests
//- /tasks/a__b-1/eval.sh
#!/bin/bash
cd /testbed
: '>>>>> Start Test Output'
pytest -rA t.py
: '>>>>> End Test Output'
git checkout x
//- /tasks/a__b-2/task.yaml
instance_id: a__b-2
repo: a/b
base_commit: 0123456789abcdef
split: deprecated
//- /tasks/a__b-2/tests.json
{}
//- /tasks/a__b-2/problem_statement.md
x
//- /tasks/a__b-2/gold.patch
x
//- /tasks/a__b-2/test.patch
x
)");
  const auto read = read_instances(ws.root());
  if (!read) FAIL(read.error().message);
  REQUIRE(read->size() == 1);
  CHECK(read->front().problem == "the issue\n");
  CHECK(read->front().version == "1.0");
  CHECK(test_command_for(read->front()) == "pytest -rA t.py");
  const auto error = [&] {
    const auto again = read_instances(ws.root());
    return again ? std::string() : again.error().message;
  };
  ws.write("tasks/a__b-1/task.yaml", "instance_id: [\n");
  CHECK(has(error(), "tasks/a__b-1/task.yaml:"));
  ws.write("tasks/a__b-1/task.yaml",
           "instance_id: other\nrepo: a/b\nbase_commit: 0123456789abcdef\n");
  CHECK(has(error(), "expected the folder's name"));
  std::filesystem::remove(ws.path("tasks/a__b-1/gold.patch"));
  CHECK(has(error(), "expected the file gold.patch"));
}

TEST_CASE("swebench instances: shards part the work, filters name it") {
  std::vector<Instance> all(7);
  for (size_t i = 0; i < all.size(); ++i) all[i].id = "r__n-" + std::to_string(i);
  std::string taken;
  for (size_t shard = 0; shard < 3; ++shard)
    if (const auto mine = select_instances(all, {}, {shard, 3}); mine)
      for (const Instance& instance : *mine) taken += instance.id.back();
  CHECK(taken == "0361425");
  CHECK(select_instances(all, {"r__n-[12]"})->size() == 2);
  CHECK(has(select_instances(all, {"typo*"}).error().message, "names no instance"));
  CHECK(read_shard("2/8")->index == 2);
  for (const char* wrong : {"", "8/8", "1", "a/b", "1/0", "-1/2", "1/2/3"})
    CHECK_FALSE(read_shard(wrong));
}

TEST_CASE("swebench instances: test commands") {
  Instance instance;
  instance.repo = "django/django";
  CHECK(has(with_files(test_command_for(instance), {"tests/admin/test_a.py"}), "admin.test_a"));
  instance.repo = "x/y";
  CHECK(has(with_files(test_command_for(instance), {"a b.py"}), "-m pytest"));
  CHECK(has(with_files("pytest {files}", {"a b.py", "c.py"}), "'a b.py' c.py"));
}

TEST_CASE("swebench grading: the rules") {
  using R = TestResult;
  const TestResults results = {{"p", R::passed},
                               {"f", R::failed},
                               {"s", R::skipped},
                               {"x", R::xfailed},
                               {"X", R::xpassed},
                               {"e", R::error},
                               {"t[log(ph 1]", R::passed},
                               {"t[log(ph 2]", R::passed},
                               {"u[a 1]", R::passed},
                               {"u[a 2]", R::failed},
                               {"a/t.py::test_n", R::passed},
                               {"b/t.py::test_n", R::failed}};
  const auto resolved = [&](std::vector<std::string> to_pass, std::vector<std::string> holds) {
    return grade_tests(to_pass, holds, results).resolved();
  };
  CHECK(resolved({"p"}, {"p", "s", "x"}));
  CHECK(resolved({"x"}, {}));
  CHECK_FALSE(resolved({"s"}, {}));
  CHECK_FALSE(resolved({"X"}, {}));
  CHECK_FALSE(resolved({"p", "missing"}, {}));
  CHECK_FALSE(resolved({"p"}, {"missing"}));
  CHECK_FALSE(resolved({"p"}, {"f"}));
  CHECK_FALSE(resolved({"p"}, {"e"}));
  CHECK_FALSE(resolved({}, {"p"}));  // nothing to show
  CHECK(resolved({"t[log(ph"}, {}));
  CHECK_FALSE(resolved({"u[a"}, {}));
  CHECK_FALSE(resolved({"t"}, {}));  // only cut ids are prefixes
  CHECK_FALSE(resolved({"test_n"}, {}));
  CHECK(contradiction({}, 0, false) == "no test gave a result");
  CHECK(has(contradiction({{"p", R::passed}}, 1, false), "status 1"));
  CHECK(contradiction({{"p", R::passed}}, 0, true).empty());
  CHECK(contradiction({{"f", R::failed}}, 1, true).empty());
  CHECK(has(contradiction({{"f", R::failed}}, 0, true), "status 0"));
}

TEST_CASE("swebench predictions: three forms in, one out") {
  const Workspace ws("//- /x\n");
  ws.write("a.jsonl",
           "{\"instance_id\": \"a\", \"model_name_or_path\": \"m\", \"model_patch\": null}\n"
           "{\"instance_id\": \"b\", \"model_patch\": \"d\"}\n");
  ws.write("b.json", "{\"a\": {\"model_patch\": \"\"}, \"b\": {\"model_patch\": \"d\"}}");
  for (const char* name : {"a.jsonl", "b.json"}) {
    const auto read = read_predictions(ws.path(name));
    if (!read) FAIL(read.error().message);
    REQUIRE(read->size() == 2);
    CHECK(read->back().patch == "d");
  }
  REQUIRE(write_predictions({{"a", "m/n", ""}, {"b", "m/n", "x\n"}}, ws.path("out.jsonl")));
  CHECK(ws.read("out.jsonl") ==
        "{\"instance_id\":\"a\",\"model_name_or_path\":\"m/n\",\"model_patch\":\"\"}\n"
        "{\"instance_id\":\"b\",\"model_name_or_path\":\"m/n\",\"model_patch\":\"x\\n\"}\n");
  ws.write("twice.jsonl", "{\"instance_id\": \"a\"}\n{\"instance_id\": \"a\"}\n");
  CHECK(has(read_predictions(ws.path("twice.jsonl")).error().message, "twice"));
  ws.write("bad.jsonl", "{\"instance_id\": \"a\"}\nx\n");
  CHECK(has(read_predictions(ws.path("bad.jsonl")).error().message, "bad.jsonl:2"));
  CHECK(file_name_of_model("a/b") == "a__b");
  CHECK(file_name_of_model("..") == "_..");
}

TEST_CASE("swebench submission: tests, CI, locks and scratch files stay out of a patch") {
  const auto file = [](const std::string& path, const char* header = "") {
    return "diff --git a/" + path + " b/" + path + "\n" + header + "--- a/" + path + "\n+++ b/" +
           path + "\n@@ -1 +1 @@\n-a\n+b\n";
  };
  const std::string kept = file("src/a.py") + file("docs/test_notes.md");
  const Submission submission = submission_of(
      file("src/a.py") + file("tests/test_a.py") + file(".github/workflows/ci.yml") +
      file("poetry.lock") + file("conftest.py") +
      file("reproduce_bug.py", "new file mode 100644\n") + file("docs/test_notes.md"));
  CHECK(submission.patch == kept);
  CHECK(submission.left_out.size() == 5);
  CHECK(files_of_patch(kept) == std::vector<std::string>{"docs/test_notes.md", "src/a.py"});
  // A removed line that looks like a header is none.
  CHECK(files_of_patch("--- a/x.sql\n+++ b/x.sql\n@@ -1,1 +1,1 @@\n--- a/y\n+++ b/y\n") ==
        std::vector<std::string>{"x.sql"});
}

TEST_CASE("swebench environments: how commands are wrapped") {
  Instance instance;
  instance.id = "a__b-1";
  instance.repo = "a/b";
  instance.version = "1.0";
  CHECK(Environment::read("host")->wrapper(instance).empty());
  CHECK(Environment::read("conda:e")->wrapper(instance) ==
        "conda run --no-capture-output -n e {command}");
  const std::string docker = Environment::read("docker:img.{id}:{version}")->wrapper(instance);
  CHECK(has(docker, "--network none"));
  CHECK(has(docker, "-v {reports}:{reports}"));
  CHECK(docker.ends_with(" img.a__b-1:1.0 {command}"));
  CHECK(Environment::read("cmd:srun {command} {repo}")->wrapper(instance) == "srun {word} a__b");
  CHECK(Environment::read("docker:x")->sandbox_mode(agent::SandboxMode::automatic) ==
        agent::SandboxMode::container);
  CHECK(Environment::read("host")->sandbox_mode(agent::SandboxMode::automatic) ==
        agent::SandboxMode::automatic);
  for (const char* wrong :
       {"", "conda", "docker:", "cmd:echo", "host:x", "venv:/no/such", "podman:x"}) {
    INFO(wrong);
    CHECK_FALSE(Environment::read(wrong));
  }
}
