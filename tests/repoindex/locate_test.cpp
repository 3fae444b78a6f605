#include "repoindex/locate.h"

#include <catch2/catch.hpp>

#include "repoindex/index.h"
#include "repoindex/rank/corpus.h"
#include "repoindex/rank/history.h"
#include "repoindex/rank/mentions.h"
#include "repoindex/rank/signals.h"
#include "repoindex/rank/terms.h"
#include "tests/support/workspace.h"

using namespace engramd;
using namespace engramd::repoindex;
using engramd::test::Workspace;

namespace {

View view_of(const Workspace& workspace) {
  IndexOptions options;
  options.use_cache = false;
  auto index = RepoIndex::open(workspace.root(), options);
  REQUIRE(index);
  REQUIRE((*index)->refresh());
  return View{(*index)->snapshot(), nullptr};
}

LocateResult located(std::string_view files, std::string_view task,
                     const LocateOptions& options = {}) {
  const Workspace workspace(files);
  auto result = locate(view_of(workspace), task, options);
  REQUIRE(result);
  return *result;
}

void check_first(std::string_view files, std::string_view task, const std::string& path,
                 const std::string& function, const LocateOptions& options = {}) {
  const LocateResult result = located(files, task, options);
  REQUIRE(!result.files.empty());
  CHECK(result.files[0].path == path);
  if (function.empty()) return;
  REQUIRE(!result.functions.empty());
  CHECK(result.functions[0].path == path);
  CHECK(result.functions[0].name == function);
}

constexpr std::string_view kShop = R"(
//- /shop/cart.py
class Cart:
    def add(self, item, quantity):
        self.lines.append((item, quantity))

    def total(self):
        return sum(item.price * quantity for item, quantity in self.lines)
//- /shop/discount.py
def apply_coupon(total, coupon):
    if coupon.expired:
        return total
    return total - coupon.amount

def percentage(total, rate):
    return total * rate
//- /shop/mail.py
def send_receipt(address, text):
    connect(address).send(text)
//- /tests/test_discount.py
def test_expired_coupon_is_ignored():
    assert apply_coupon(10, expired_coupon) == 10
)";

std::vector<std::string> mentions(std::string_view text, const std::vector<std::string>& paths) {
  std::vector<std::string> found;
  for (const Mention& mention : find_mentions(text, paths)) {
    found.push_back(mention.path + (mention.line ? ":" + std::to_string(mention.line) : ""));
  }
  return found;
}

}  // namespace

TEST_CASE("words of an issue find the function that is about them") {
  check_first(kShop, "An expired coupon should not change the amount", "shop/discount.py",
              "apply_coupon");
  check_first(kShop, "receipts are sent to the wrong address", "shop/mail.py", "send_receipt");
}

TEST_CASE("a method carries the name of its class") {
  check_first(kShop, "Cart.total is wrong when the quantity is zero", "shop/cart.py", "Cart.total");
}

TEST_CASE("a traceback points at its functions") {
  check_first(kShop, R"(It fails for me.
Traceback (most recent call last):
  File "/home/me/shop/shop/cart.py", line 3, in add
    self.lines.append((item, quantity))
AttributeError: 'Cart' object has no attribute 'lines')",
              "shop/cart.py", "Cart.add");
}

TEST_CASE("places that the caller mentions are ranked up") {
  LocateOptions options;
  options.mentioned = {"shop/mail.py:2"};
  check_first(kShop, "something is wrong", "shop/mail.py", "send_receipt", options);
}

TEST_CASE("tests are ranked only when asked for") {
  for (const RankedFile& file : located(kShop, "expired coupon is ignored").files) {
    CHECK(file.path != "tests/test_discount.py");
  }
  LocateOptions options;
  options.include_tests = true;
  const LocateResult with_tests = located(kShop, "expired coupon is ignored", options);
  CHECK(std::any_of(with_tests.files.begin(), with_tests.files.end(),
                    [](const RankedFile& file) { return file.path == "tests/test_discount.py"; }));
}

TEST_CASE("the same question has the same answer, kept or not") {
  const Workspace workspace(kShop);
  const View view = view_of(workspace);
  LocateIndex index;
  const auto first = index.locate(view, "total of the cart after a coupon");
  const auto again = index.locate(view, "total of the cart after a coupon");
  const auto fresh = locate(view, "total of the cart after a coupon");
  REQUIRE(first);
  REQUIRE(!first->functions.empty());
  for (const auto* other : {&again, &fresh}) {
    REQUIRE(*other);
    REQUIRE((*other)->files.size() == first->files.size());
    for (size_t i = 0; i < first->files.size(); ++i) {
      CHECK((*other)->files[i].path == first->files[i].path);
      CHECK((*other)->files[i].score == first->files[i].score);
    }
  }
  CHECK(index.n_bytes() > 0);
  LocateIndex tiny(100);
  REQUIRE(tiny.locate(view, "total"));
  CHECK(tiny.n_bytes() <= 100);
}

TEST_CASE("limits, an empty task and an empty repository") {
  LocateOptions options;
  options.k_files = 1;
  options.k_functions = 2;
  const LocateResult result = located(kShop, "total coupon receipt quantity", options);
  CHECK(result.files.size() == 1);
  CHECK(result.functions.size() == 2);
  CHECK(located(kShop, "").files.empty());
  CHECK(located("//- /notes.txt\nno code here\n", "code").files.empty());
}

TEST_CASE("a cancelled question is an error of that kind") {
  const Workspace workspace(kShop);
  CancelSource source;
  source.cancel();
  const auto result = locate(view_of(workspace), "total", {}, source.token());
  REQUIRE(!result);
  CHECK(result.error().code == ErrorCode::cancelled);
}

TEST_CASE("tracebacks of the usual languages are understood") {
  const std::vector<std::string> paths = {"a/b/Core.java",   "cmd/main.go", "lib/util.js",
                                          "pkg/__init__.py", "pkg/core.py", "pkg/deep/core.py",
                                          "src/engine.cpp"};
  using Strings = std::vector<std::string>;
  CHECK(mentions("File \"/x/pkg/core.py\", line 12, in run", paths) == Strings{"pkg/core.py:12"});
  CHECK(mentions("    at run (/home/u/app/lib/util.js:10:5)", paths) == Strings{"lib/util.js:10"});
  CHECK(mentions("\t/go/src/x/cmd/main.go:44 +0x1d", paths) == Strings{"cmd/main.go:44"});
  CHECK(mentions("\tat a.b.Core.run(Core.java:7)", paths) ==
        Strings{"a/b/Core.java", "a/b/Core.java:7"});
  CHECK(mentions("src/engine.cpp:3:14: error: expected ';'", paths) == Strings{"src/engine.cpp:3"});
  CHECK(mentions("C:\\work\\pkg\\deep\\core.py(5)", paths) == Strings{"pkg/deep/core.py:5"});
  CHECK(mentions("call pkg.core.run() please", paths) == Strings{"pkg/core.py"});
  CHECK(mentions("see core.py", paths) == Strings{"pkg/core.py", "pkg/deep/core.py"});
  CHECK(mentions("/usr/lib/python3/json/core.py", paths).empty());
  CHECK(mentions("e.g. this. And that... 3.14", paths).empty());
}

TEST_CASE("identifiers fall into their parts") {
  using Views = std::vector<std::string_view>;
  CHECK(identifier_parts("parse_http_header") == Views{"parse", "http", "header"});
  CHECK(identifier_parts("HTTPServer2") == Views{"HTTP", "Server", "2"});
  CHECK(identifier_parts("camelCaseName") == Views{"camel", "Case", "Name"});
  CHECK(identifier_parts("__init__") == Views{"init"});
  CHECK(identifier_parts("ABC") == Views{"ABC"});
}

TEST_CASE("test files are known by place and name") {
  for (const char* path :
       {"tests/x.py", "a/test/b.py", "test_a.py", "a_test.go", "src/__tests__/a.js", "a.spec.ts",
        "src/FooTest.java", "conftest.py", "testing/x.py"}) {
    CAPTURE(path);
    CHECK(is_test_path(path));
  }
  for (const char* path : {"src/a.py", "contest.py", "numpy/testing/utils.py", "latest.js",
                           "Test/a.py", "attest/x.go"}) {
    CAPTURE(path);
    CHECK(!is_test_path(path));
  }
}

namespace {

// Three modules whose own words say nothing of what they are for; the history does.
Workspace with_history() {
  Workspace workspace(R"(
#init git
//- /a.py
def one(x):
    return x
//- /b.py
def two(x):
    return x
//- /c.py
def three(x):
    return x
)");
  auto change = [&](std::initializer_list<const char*> paths, const char* message) {
    for (const char* path : paths) workspace.write(path, workspace.read(path) + "# more\n");
    workspace.git({"commit", "-q", "-a", "-m", message});
  };
  change({"b.py"}, "The invoice rounds its taxes");
  change({"a.py"}, "Greet politely");
  change({"a.py", "c.py"}, "Greet and wave");
  return workspace;
}

}  // namespace

TEST_CASE("similar messages of past changes lead to the files they changed") {
  const Workspace workspace = with_history();
  const View view = view_of(workspace);
  LocateOptions options;
  const auto found = locate(view, "taxes of an invoice are rounded twice", options);
  REQUIRE(found);
  REQUIRE(!found->files.empty());
  CHECK(found->files[0].path == "b.py");
  options.use_history = false;
  const auto without = locate(view, "taxes of an invoice are rounded twice", options);
  REQUIRE(without);
  CHECK(without->files.empty());
}

TEST_CASE("the log is read newest first, with files that changed together") {
  const Workspace workspace = with_history();
  const auto log = read_change_log(workspace.root(), {}, {});
  REQUIRE(log);
  REQUIRE((*log)->changes.size() == 4);
  REQUIRE((*log)->changes[0].paths.size() == 2);
  const PastChanges past(*log);
  const auto id = [&](const std::string& path) {
    const auto& paths = past.paths();
    return static_cast<uint32_t>(std::find(paths.begin(), paths.end(), path) - paths.begin());
  };
  const auto with_c = past.changed_with(id("c.py"));
  const auto likely = [&](const std::string& path) {
    for (const auto& [other, value] : with_c) {
      if (other == id(path)) return value;
    }
    return 0.0;
  };
  CHECK(likely("a.py") > likely("b.py"));
  CHECK(past.churn()[id("a.py")] > past.churn()[id("b.py")]);
  // Seen from before the last two changes.
  const PastChanges earlier(*log, 2);
  CHECK(earlier.n_changes() == 2);
  CHECK(earlier.churn()[id("a.py")] < past.churn()[id("a.py")]);
}

TEST_CASE("a folder without git, or without a commit, has no history") {
  const Workspace plain(kShop);
  const auto log = read_change_log(plain.root(), {}, {});
  REQUIRE(log);
  CHECK((*log)->changes.empty());
  plain.git({"init", "-q"});
  ChangeLogCache cache;
  const auto empty = cache.log(plain.root(), "", {});
  REQUIRE(empty);
  CHECK((*empty)->changes.empty());
}

TEST_CASE("the log is read again when HEAD has moved, and only then") {
  const Workspace workspace = with_history();
  ChangeLogCache cache(0);
  const auto first = cache.log(workspace.root(), "", {});
  const auto again = cache.log(workspace.root(), "", {});
  REQUIRE(first);
  REQUIRE(again);
  CHECK(*first == *again);
  workspace.write("b.py", "x = 1\n");
  workspace.git({"commit", "-q", "-a", "-m", "Anew"});
  const auto moved = cache.log(workspace.root(), "", {});
  REQUIRE(moved);
  CHECK((*moved)->changes.size() == (*first)->changes.size() + 1);
}

TEST_CASE("a repository's own settings cannot make the log run programs") {
  const Workspace workspace = with_history();
  const std::string mark = workspace.path("ran").string();
  workspace.git({"config", "diff.external", "touch " + mark + " #"});
  workspace.git({"config", "core.fsmonitor", "touch " + mark + " #"});
  workspace.git({"config", "core.pager", "touch " + mark + " #"});
  const auto log = read_change_log(workspace.root(), {}, {});
  REQUIRE(log);
  CHECK((*log)->changes.size() == 4);
  CHECK(!std::filesystem::exists(mark));
}

TEST_CASE("files that change together with the first ones come with them") {
  const Workspace workspace = with_history();
  const View view = view_of(workspace);
  CorpusCache cache(1u << 20);
  const auto corpus = cache.corpus(view, false, {});
  REQUIRE(corpus);
  const auto log = read_change_log(workspace.root(), {}, {});
  REQUIRE(log);
  const PastChanges past(*log);
  TermTable table;
  const std::string task = "three";
  SignalTable signals = measure_signals(**corpus, read_task(task, table), task, {}, &past);
  std::vector<double> first((*corpus)->files.size(), 0);
  first[(*corpus)->find("c.py")] = 1;
  measure_neighbours(**corpus, first, &past, signals);
  const auto& together = signals[Signal::together];
  CHECK(together[(*corpus)->find("a.py")] > together[(*corpus)->find("b.py")]);
}

TEST_CASE("a corpus counts again only what changed, open documents included") {
  const Workspace workspace(kShop);
  View view = view_of(workspace);
  CorpusCache cache(1u << 20);
  const auto first = cache.corpus(view, false, {});
  const auto again = cache.corpus(view, false, {});
  REQUIRE(first);
  REQUIRE(again);
  CHECK(*first == *again);
  auto overlay = std::make_shared<Overlay>();
  (*overlay)["shop/mail.py"] =
      Document::open("shop/mail.py", "def send_gift(address):\n    pass\n", 1)->publish();
  view.overlay = overlay;
  const auto edited = cache.corpus(view, false, {});
  REQUIRE(edited);
  const size_t mail = (*edited)->find("shop/mail.py"), cart = (*edited)->find("shop/cart.py");
  CHECK((*edited)->files[cart].counted == (*first)->files[cart].counted);
  CHECK((*edited)->files[mail].counted != (*first)->files[mail].counted);
  const auto found = locate(view, "send_gift", {});
  REQUIRE(found);
  REQUIRE(!found->files.empty());
  CHECK(found->files[0].path == "shop/mail.py");
}
