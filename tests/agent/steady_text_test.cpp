#include "agent/tests/steady_text.h"

#include <catch2/catch.hpp>

#include "agent/verify/shortest_failure.h"

using namespace engramd::agent;

TEST_CASE("addresses are numbered: who is who can still be told") {
  CHECK(
      steady_text("<Basket object at 0x7f3c2a1b4d90> != <Basket object at 0x7f3c2a1b4d10>, again "
                  "<Basket object at 0x7f3c2a1b4d90>") ==
      "<Basket object at 0xADDR1> != <Basket object at 0xADDR2>, again <Basket object at 0xADDR1>");
  CHECK(steady_text("#0 0x55d0c8a1e2f3 in main, READ of size 4 at 0x602000000014\n"
                    "0x00007ffdb1c2a3e0") ==
        "#0 0xADDR1 in main, READ of size 4 at 0xADDR2\n0xADDR3");
  CHECK(steady_text("<A at 0x1f3c20>") == "<A at 0xADDR1>");
  // Values that a test is about.
  for (const char* value : {"assert 0xdeadbeef == 0xfeedface", "0x1F at offset 0x20",
                            "0xcafebabe12345678", "x0x7f3c2a1b4d90"})
    CHECK(steady_text(value) == value);
}

TEST_CASE("process ids and the times of frameworks say nothing") {
  CHECK(steady_text("==4711==ERROR: AddressSanitizer\n==4711==ABORTING") ==
        "==PID==ERROR: AddressSanitizer\n==PID==ABORTING");
  CHECK(steady_text("worker (pid 812) died, PID: 77, pid=5") ==
        "worker (pid PID) died, PID: PID, pid=PID");
  CHECK(steady_text("1 failed, 2 passed in 0.12s") == "1 failed, 2 passed in _s");
  CHECK(steady_text("Ran 3 tests in 1.204s") == "Ran 3 tests in _s");
  CHECK(steady_text("--- FAIL: TestAdd (0.31s)\nFAIL\tm/pkg\t0.312s\nok") ==
        "--- FAIL: TestAdd (_s)\nFAIL\tm/pkg\t_s\nok");
  CHECK(steady_text("  ✓ adds (5 ms)\n  duration_ms: 12.31\nnot ok (1.204ms)") ==
        "  ✓ adds (_ ms)\n  duration_ms: _\nnot ok (_ms)");
  CHECK(steady_text("1/2 Test #1: unit ....   Passed    0.05 sec") ==
        steady_text("1/2 Test #1: unit ....   Passed   10.25 sec"));
  CHECK(steady_text("<testcase name=\"a\" time=\"0.25\">") == "<testcase name=\"a\" time=\"_\">");
  for (const char* value : {"assert '1.5s' == '2.5s'", "expected 5 seconds, got 6 seconds",
                            "a == 12", "in 5 s", "stupid 3", "x.pid3", "f(3)", "(2 s)"})
    CHECK(steady_text(value) == value);
}

TEST_CASE("temporary folders have the same name in every run") {
  CHECK(steady_text("open('/tmp/tmpk3j_x9ab/a.txt')") == "open('/tmp/tmpXXXXXXXX/a.txt')");
  CHECK(steady_text("/tmp/pytest-of-root/pytest-17/test_x0/out.txt") ==
        "/tmp/pytest-of-root/pytest-N/test_x0/out.txt");
  CHECK(steady_text("/tmp/go-build3172364/b001/x.test /tmp/TestRead2871263918/001") ==
        "/tmp/go-buildN/b001/x.test /tmp/TestReadN/001");
  CHECK(steady_text("/tmp/app-aB3dE9/x /tmp/tmp.Qx81jKc09Z") ==
        "/tmp/app-XXXXXX/x /tmp/tmp.XXXXXX");
  for (const char* given : {"/tmp/my-folder/x", "/tmp/data2024/x", "/tmp/out.tar.gz", "/tmp/",
                            "/home/u/tmp/tmpk3j_x9ab", "/tmp"})
    CHECK(steady_text(given) == given);
}

TEST_CASE("two runs that differ in such things alone show the model the same failure") {
  const auto run = [](const char* address, const char* time) {
    TestRun made;
    TestCase red;
    red.id = "test_a.py::test_x";
    red.status = TestStatus::failed;
    red.message = std::string("E  assert <A object at ") + address + "> is None\ntook " + time;
    made.tests = {red, red};
    // As long as the first one with other digits: neither may win by its digits.
    made.tests[1].id = "test_a.py::test_y";
    made.tests[1].message = "E  assert <A object at 0x7f3c2a1b4d9> is None\ntook 10.5s";
    return made;
  };
  const std::string one = shortest_failure(run("0x7f3c2a1b4d90", "1.5s"));
  CHECK(one == shortest_failure(run("0x7ffe2a1b4dff", "101.25s")));
  CHECK(one.find("0xADDR1") != std::string::npos);
}
