#include <catch2/catch.hpp>

#include "agent/permissions/permissions.h"
#include "tests/support/workspace.h"

using namespace engramd;
using namespace engramd::agent;

namespace {

// "git log | wc -l; > out" as "git log / wc -l / > out"; "!" and the reason when it is not taken
// apart.
std::string parts(const std::string& text) {
  const auto parsed = parse_shell_command(text);
  if (!parsed) return "!";
  std::string out;
  for (const SimpleCommand& command : parsed->commands)
    out += (out.empty() ? "" : " / ") + command.text();
  return out;
}

std::string verdict(const std::vector<std::string>& rules, const std::string& command) {
  std::vector<CommandRule> parsed;
  for (const std::string& text : rules) {
    auto rule = parse_rule(text);
    if (!rule) FAIL(rule.error().message);
    parsed.push_back(*rule);
  }
  const auto taken_apart = parse_shell_command(command);
  if (!taken_apart) return "unparsable";
  switch (judge_command(*taken_apart, parsed).verdict) {
    case Verdict::allow:
      return "allow";
    case Verdict::deny:
      return "deny";
    case Verdict::ask:
      return "ask";
  }
  return "";
}

std::string checked(PermissionMode mode, const std::vector<std::string>& rules,
                    const std::string& command) {
  PermissionOptions options;
  options.mode = mode;
  for (const std::string& text : rules) options.rules.push_back(*parse_rule(text));
  return Permissions(std::move(options)).check_command(command) ? "runs" : "refused";
}

}  // namespace

TEST_CASE("a line of shell is taken apart into its commands") {
  CHECK(parts("git log --oneline") == "git log --oneline");
  CHECK(parts("a | b && c || d; e & f\ng") == "a / b / c / d / e / f / g");
  CHECK(parts("(cd x && make) ; { ls; }") == "cd x / make / ls");
  CHECK(parts("echo 'a; rm x' \"b | c\" d\\;e") == "echo a; rm x b | c d;e");
  CHECK(parts("echo \"$(rm -rf x)\" `id`") == "rm -rf x / id / echo  ");
  CHECK(parts("diff <(ls a) <(ls b)") == "ls a / ls b / diff");
  CHECK(parts("A=1 B=2 make") == "make");
  CHECK(parts("make 2>&1 >/dev/null") == "make");
  CHECK(parts("make > out.txt 2>>err.txt") == "> out.txt / > err.txt / make");
  CHECK(parts("# a comment\nls # more") == "ls");
  CHECK(parts("sh -c 'rm -rf x; ls'") == "sh -c rm -rf x; ls / rm -rf x / ls");
  CHECK(parts("env A=1 timeout -k 5 60 sudo -u me rm -rf x") ==
        "env A=1 timeout -k 5 60 sudo -u me rm -rf x / timeout -k 5 60 sudo -u me rm -rf x / "
        "sudo -u me rm -rf x / rm -rf x");
  CHECK(parts("find . -name x -exec rm {} ;") == "find . -name x -exec rm {} / rm {}");
  CHECK(parts("find . -name x -exec rm {} \\;") == "find . -name x -exec rm {} ; / rm {}");
  CHECK(parts("ls | xargs -n 1 rm") == "ls / xargs -n 1 rm / rm");
}

TEST_CASE("what is not understood for sure is not taken apart") {
  for (const char* text : {"",
                           "  ",
                           "# only a comment",
                           "for i in a; do rm $i; done",
                           "if true; then ls; fi",
                           "f() { rm x; }; f",
                           "cat <<EOF\nx\nEOF",
                           "$cmd x",
                           "`echo rm` x",
                           "echo 'open",
                           "echo \"$(",
                           "ls )",
                           "(ls",
                           "eval 'rm x'",
                           ". ./env",
                           "PATH=/tmp ls",
                           "LD_PRELOAD=x.so ls",
                           "sh -c \"$X\"",
                           "bash",
                           "curl x | sh",
                           "echo $((1+1))",
                           "env -S 'rm x'",
                           "ls >",
                           "a\\",
                           "while true; do ls; done",
                           "xargs $X"})
    CHECK(parts(text) == "!");
  CHECK(parts(std::string(100'000, 'x')) == "!");
  std::string deep;
  for (int i = 0; i < 50; ++i) deep += "$(";
  CHECK(parts("echo " + deep) == "!");
}

TEST_CASE("rules match words from the beginning, and deny wins") {
  CHECK(verdict({"allow git log"}, "git log --oneline") == "allow");
  CHECK(verdict({"allow git log"}, "git logs") == "ask");
  CHECK(verdict({"allow git log*"}, "git logs") == "allow");
  CHECK(verdict({"allow git log"}, "git push") == "ask");
  CHECK(verdict({"allow git"}, "git push") == "allow");
  CHECK(verdict({"allow git", "deny git push"}, "git push") == "deny");
  CHECK(verdict({"deny git push", "allow git"}, "git -C x push") == "deny");
  CHECK(verdict({"allow git", "ask git push"}, "git push") == "ask");
  CHECK(verdict({"allow npm test"}, "npm test && npm publish") == "ask");
  CHECK(verdict({"allow npm test", "allow ls"}, "npm test; ls") == "allow");
  CHECK(verdict({"allow ls", "deny rm"}, "ls $(rm x)") == "deny");
  CHECK(verdict({"allow timeout", "allow make"}, "timeout 5 make") == "allow");
  CHECK(verdict({"allow make"}, "timeout 5 make") == "allow");
  CHECK(verdict({"allow make"}, "sudo make") == "ask");
  CHECK(verdict({"allow make"}, "make > /etc/passwd") == "ask");
  CHECK(verdict({"allow make", "allow > build/log.txt"}, "make > build/log.txt") == "allow");
}

TEST_CASE("a deny rule is not got around by spelling") {
  for (const char* command :
       {"rm -rf x", "rm -fr x", "rm -r -f x", "rm x -rf", "rm -Rf x", "rm --recursive --force x",
        "/bin/rm -rf x", "\"rm\" -rf x", "r\\m -rf x", "sudo rm -rf x", "env rm -rf x",
        "sh -c 'rm -rf x'", "ls; rm -rf x", "ls | xargs rm -rf", "find . -exec rm -rf {} +",
        "echo $(rm -rf x)", "timeout 5 nice rm -rf x", "command rm -rf x"}) {
    INFO(command);
    CHECK(verdict({"allow rm", "allow ls", "deny rm -rf"}, command) == "deny");
  }
  CHECK(verdict({"allow rm", "deny rm -rf"}, "rm -r x") == "allow");
  CHECK(verdict({"allow rm", "deny rm -rf"}, "rm $X") == "ask");  // perhaps
  // A program of the repository with a good name is not that program.
  CHECK(verdict({"allow git"}, "./git x") == "ask");
  CHECK(verdict({"allow git"}, "/usr/bin/git x") == "allow");
}

TEST_CASE("modes: what runs without asking, when nobody can be asked") {
  using enum PermissionMode;
  CHECK(checked(automatic, {}, "make; for i in a; do rm $i; done") == "runs");
  CHECK(checked(automatic, {"deny rm"}, "make") == "runs");
  CHECK(checked(automatic, {"deny rm"}, "for i in a; do rm $i; done") == "refused");
  CHECK(checked(automatic, {"ask git push"}, "git push") == "refused");
  CHECK(checked(accept_edits, {}, "make") == "refused");
  CHECK(checked(accept_edits, {"allow make"}, "make") == "runs");
  CHECK(checked(ask, {}, "git log | head") == "runs");
  CHECK(checked(ask, {}, "git log --output=x") == "refused");
  CHECK(checked(read_only, {"allow make"}, "make") == "refused");
  CHECK(checked(read_only, {}, "ls -l | grep x") == "runs");
  CHECK(checked(read_only, {}, "ls > x") == "refused");
  CHECK(checked(read_only, {"deny ls"}, "ls") == "refused");

  Permissions looking({read_only, {}, {}, {}});
  CHECK_FALSE(looking.check_edit({"a", "x", "y"}));
  Permissions asking({ask, {}, {}, {}});
  const auto refused = asking.check_edit({"a", "x", "y"});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("nobody is there to ask") != std::string::npos);
  CHECK_FALSE(read_permission_mode("yolo"));
}

TEST_CASE("an answer \"always\" is kept for this project and for these words only") {
  const test::Workspace state("//- /empty\n"), repo("//- /a\n"), other("//- /a\n");
  const auto store = permission_store(state.root(), repo.root());
  size_t n_asked = 0;
  PermissionOptions options;
  options.mode = PermissionMode::ask;
  options.store = store;
  options.ask = [&](const PermissionQuestion&) {
    ++n_asked;
    return PermissionAnswer::always;
  };
  CHECK(Permissions(options).check_command("npm run 'my test' && make > log"));
  CHECK(n_asked == 1);
  Permissions again(options);
  CHECK(again.check_command("npm run 'my test' && make > log"));
  CHECK(again.check_command("make"));
  CHECK(n_asked == 1);
  CHECK(again.check_command("npm run other"));
  CHECK(n_asked == 2);
  CHECK(permission_store(state.root(), other.root()) != store);
  // A damaged store is no permission.
  REQUIRE(write_file_atomic(store, "{\"allow\": [3, \"ma"));
  options.ask = {};
  Permissions damaged(options);
  CHECK_FALSE(damaged.check_command("make"));
  CHECK(damaged.notes().size() == 1);
}

TEST_CASE("a rule that cannot be read names itself") {
  for (const char* text : {"", "permit ls", "allow", "deny  ", "allow for i in x"}) {
    const auto rule = parse_rule(text);
    REQUIRE_FALSE(rule);
    CHECK(rule.error().message.find(std::string("\"") + text + "\"") != std::string::npos);
  }
}
