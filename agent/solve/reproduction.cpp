// The reproduction test of a run: taken from the model, believed only when it fails on the code as
// it is, and run again on every change that is said to be done. It lives beside the patch, never in
// it: the report holds it.
#include <nlohmann/json.hpp>

#include "agent/repair/search.h"
#include "agent/solve/evidence.h"
#include "agent/tests/steady_text.h"
#include "agent/tools/tool.h"
#include "base/text.h"

namespace engramd::agent {
namespace {

using nlohmann::json;

constexpr size_t kMaxTestBytes = 64'000;
constexpr size_t kShownBytes = 4000;
constexpr int64_t kRunMs = 60'000;
// Of pytest: wrong usage, and no test was found.
constexpr int kPytestUsage = 4, kPytestNothing = 5, kPytestCollection = 2;
constexpr int kNotExecutable = 126, kNotFound = 127;

std::string shell_quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

}  // namespace

Result<std::string> Evidence::default_command(const std::string& path) const {
  if (path.ends_with(".py")) {
    if (command_.pytest || command_.framework == Framework::pytest)
      return "python3 -m pytest -q -p no:cacheprovider " + shell_quoted(path);
    return "python3 " + shell_quoted(path);
  }
  if (path.ends_with(".js") || path.ends_with(".mjs") || path.ends_with(".cjs"))
    return "node --test " + shell_quoted(path);
  if (path.ends_with(".sh")) return "sh " + shell_quoted(path);
  return fail(ErrorCode::invalid_input,
              "say in `command` how " + path + " is run; it must fail when the problem is there");
}

Result<ProcessResult> Evidence::run_reproduction(const Reproduction& test, const Changes& changes,
                                                 const CancelToken& cancel) const {
  ENGRAMD_TRY(const Workplace place,
              Workplace::make(options_.repo, options_.sandbox, options_.unsaved, cancel));
  ENGRAMD_CHECK(put(changes, *place.tree));
  ENGRAMD_CHECK(place.tree->write(test.path, test.text));
  warm_up(place, cancel);
  SandboxCommand command;
  command.argv = {"/bin/sh", "-c",
                  in_wrapper(options_.tests.wrapper, test.command, *place.sandbox)};
  command.limits.wall_ms = kRunMs;
  command.limits.max_output_bytes = 64u << 10;
  ENGRAMD_TRY(ProcessResult ran, place.sandbox->run(command, cancel));
  ENGRAMD_CHECK(cancel.check());
  return ran;
}

Result<ToolOutcome> Evidence::reproduce(ToolContext& context, const Arguments& arguments) {
  const std::string text = arguments.text_or("text", "");
  if (text.empty()) {
    if (!reproduction_)
      return fail(ErrorCode::invalid_input,
                  "there is no reproduction test yet: give `path` and `text`");
    Comparison now;
    ENGRAMD_CHECK(check_reproduction(changes_of(context.bench), now, context.cancel));
    return ToolOutcome{(*now.reproduction_passes ? "the reproduction test passes now\n"
                                                 : "the reproduction test fails\n") +
                       capped(steady_text(now.reproduction_output), kShownBytes)};
  }
  Reproduction test;
  ENGRAMD_TRY(test.path, arguments.text("path"));
  if (!is_safe_relative_path(test.path))
    return fail(ErrorCode::invalid_input, test.path + " is not a path inside the repository");
  if (context.bench.read(test.path))
    return fail(ErrorCode::invalid_input, test.path + " exists; a reproduction test is a new file");
  if (text.size() > kMaxTestBytes)
    return fail(ErrorCode::invalid_input, "a reproduction test has at most " +
                                              std::to_string(kMaxTestBytes) + " bytes, this one " +
                                              std::to_string(text.size()));
  test.text = text;
  test.command = arguments.text_or("command", "");
  if (trim(test.command).empty()) {
    ENGRAMD_TRY(test.command, default_command(test.path));
  } else if (context.command_gate) {
    ENGRAMD_CHECK(context.command_gate(test.command));
  }
  say("does " + test.path + " fail before the change?");
  // Without any of the changes so far: what it must show is the problem.
  ENGRAMD_TRY(const ProcessResult ran, run_reproduction(test, {}, context.cancel));
  const std::string output = capped(steady_text(ran.stdout_text), kShownBytes);
  const bool is_pytest = test.command.find("pytest") != std::string::npos;
  if (ran.timed_out)
    return fail(ErrorCode::invalid_input,
                "the test did not end within a minute; nothing was "
                "recorded:\n" +
                    output);
  if (ran.ok())
    return fail(ErrorCode::invalid_input,
                "the test passes on the code as it is, so it does not show the problem; nothing "
                "was recorded:\n" +
                    output);
  if (ran.exit_code == kNotFound || ran.exit_code == kNotExecutable ||
      (is_pytest && (ran.exit_code == kPytestUsage || ran.exit_code == kPytestNothing)))
    return fail(ErrorCode::invalid_input, "the test could not be run by `" + test.command +
                                              "`; nothing was recorded:\n" + output);
  test.before_output = output;
  test.before_exit = ran.exit_code;
  reproduction_ = std::move(test);
  std::string answer = "recorded: " + reproduction_->path +
                       " fails on the code as it is, and must pass with your change. It will not "
                       "be part of the patch. Call reproduce without arguments to run it again.\n";
  if (is_pytest && ran.exit_code == kPytestCollection)
    answer +=
        "It fails while it is loaded: make sure that this is the problem of the task, and "
        "not a mistake in the test.\n";
  return ToolOutcome{answer + output};
}

std::vector<Tool> Evidence::tools() {
  return {{{"reproduce",
            "Write a test that shows the problem, before the fix: it is run on the code as it is "
            "and recorded when it fails there. It must pass when you finish. Without arguments: "
            "run the recorded one on the code as it is now.",
            schema({{"path?", "string", "a new file, such as tests/test_issue.py"},
                    {"text?", "string", "the whole test"},
                    {"command?", "string",
                     "how it is run, from the repository's root; not needed for Python and "
                     "JavaScript"}})},
           [this](ToolContext& context, const Arguments& arguments) {
             return reproduce(context, arguments);
           }}};
}

std::string Evidence::state_json() const {
  if (!reproduction_) return {};
  return json{{"path", reproduction_->path},
              {"text", reproduction_->text},
              {"command", reproduction_->command},
              {"before_exit", reproduction_->before_exit},
              {"before_output", reproduction_->before_output}}
      .dump(-1, ' ', false, json::error_handler_t::replace);
}

Status Evidence::restore(const std::string& state) {
  const json value = json::parse(state, nullptr, false);
  if (!value.is_object())
    return fail(ErrorCode::corrupt, "the saved reproduction test is not an object");
  try {
    Reproduction test{value.at("path").get<std::string>(), value.at("text").get<std::string>(),
                      value.at("command").get<std::string>(), value.value("before_output", ""),
                      value.value("before_exit", 1)};
    if (!is_safe_relative_path(test.path))
      return fail(ErrorCode::corrupt, "the saved reproduction test lies outside of the tree");
    reproduction_ = std::move(test);
  } catch (const json::exception& error) {
    return fail(ErrorCode::corrupt, std::string("the saved reproduction test: ") + error.what());
  }
  return {};
}

}  // namespace engramd::agent
