#include "agent/loop/loop.h"

#include <algorithm>

#include "agent/loop/clean_text.h"
#include "agent/loop/prompts.h"
#include "agent/loop/repetition.h"
#include "agent/loop/step_text.h"
#include "agent/tests/steady_text.h"
#include "agent/tools/tool.h"

namespace engramd::agent {
namespace {

using Kind = LoopEvent::Kind;

constexpr size_t kMaxReplyBytes = 200'000;  // of a reply's text, kept; the rest is babble
constexpr size_t kMaxArgumentBytes = 4u << 20;

// Ends that leave something to do: a resumed run goes on after them.
bool can_go_on_after(const std::string& exit) {
  return exit != "resolved" && exit != "finished" && exit != "unresolved";
}

bool says_too_long(const Error& error) {
  std::string text = error.message;
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const auto has = [&](const char* word) { return text.find(word) != std::string::npos; };
  return has("context length") || has("context window") || has("context size") ||
         has("context_length") || has("prompt is too long") || has("too many tokens") ||
         has("maximum context");
}

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::vector<Tool> tools_for(const LoopOptions& options) {
  std::vector<Tool> tools;
  for (const Tool& tool : all_tools())
    if (options.can_edit || !tool.changes) tools.push_back(tool);
  if (options.judge != nullptr && options.can_edit)
    for (Tool& tool : options.judge->tools()) {
      // Before finish, which stays last.
      const auto at = tools.empty() ? tools.end() : std::prev(tools.end());
      tools.insert(at, std::move(tool));
    }
  return tools;
}

std::vector<ToolDescription> descriptions_of(const std::vector<Tool>& tools) {
  std::vector<ToolDescription> out;
  for (const Tool& tool : tools) out.push_back(tool.description);
  return out;
}

// What the tests of the workbench say, where nobody else judges.
class BenchJudge final : public FinishJudge {
 public:
  explicit BenchJudge(Workbench& bench) : bench_(bench) {}
  Result<FinishVerdict> judge(const Changes&, const CancelToken& cancel) override {
    if (!bench_.has_tests()) return FinishVerdict{true, false, {}};
    ENGRAMD_TRY(const TestRun run, bench_.run_tests(cancel));
    if (run.green) return FinishVerdict{true, true, {}};
    std::string complaint = "the tests fail.\n";
    for (const std::string& id : run.red_ids()) complaint += "red: " + id + "\n";
    return FinishVerdict{false, true, complaint + run.problem + steady_text(run.output)};
  }

 private:
  Workbench& bench_;
};

class Loop {
 public:
  Loop(ChatModel& model, const LoopOptions& options, const CancelToken& outer)
      : model_(model),
        options_(options),
        limits_(options.limits),
        cancelled_by_caller_(outer),
        source_(outer, Clock::now() + std::chrono::milliseconds(options.limits.wall_ms)),
        cancel_(source_.token()),
        tools_(tools_for(options)),
        descriptions_(descriptions_of(tools_)),
        context_(options.limits.context, descriptions_),
        repetition_(options.limits.max_repeats) {}

  Result<LoopReport> run() {
    ENGRAMD_TRY(bench_, Workbench::open(options_.repo, options_.workbench, cancel_));
    if (options_.judge == nullptr) bench_judge_ = std::make_unique<BenchJudge>(*bench_);
    judge_ = options_.judge != nullptr ? options_.judge : bench_judge_.get();
    std::error_code error;
    const bool resume = options_.resume && !options_.trajectory.empty() &&
                        std::filesystem::exists(options_.trajectory, error);
    ENGRAMD_CHECK(resume ? pick_up() : begin());
    model_.know_repository([this] { return bench_->view(cancel_); });
    std::string exit = trajectory_.exit.empty() ? go_on_with_last_turn() : trajectory_.exit;
    while (exit.empty()) exit = turn();
    return conclude(exit);
  }

 private:
  void tell(LoopEvent event) const {
    if (options_.on_event) options_.on_event(event);
  }
  void tell_note(std::string detail) const {
    LoopEvent event;
    event.kind = Kind::note;
    event.step = trajectory_.steps.size();
    event.detail = std::move(detail);
    tell(std::move(event));
  }

  // --- beginning -----------------------------------------------------------------------------

  Status begin() {
    TaskPrompt prompt;
    prompt.task = options_.task;
    prompt.test_command = bench_->test_command();
    prompt.briefing = judge_->briefing();
    prompt.instructions =
        options_.instructions ? *options_.instructions : read_project_instructions(options_.repo);
    prompt.can_edit = options_.can_edit;
    notes_ = task_notes(prompt);
    trajectory_.task = capped(options_.task, prompt.max_task_bytes);
    trajectory_.repo = options_.repo.string();
    trajectory_.model = model_.name();
    trajectory_.test_command = bench_->test_command();
    trajectory_.test_report = options_.workbench.tests.report_glob;
    trajectory_.messages = {
        {Message::Role::system, system_prompt(options_.can_edit), {}, {}},
        {Message::Role::user, task_prompt(prompt), {}, {}},
    };
    for (const Message& message : trajectory_.messages) context_.add(message);
    if (!options_.trajectory.empty()) {
      ENGRAMD_TRY(file_, TrajectoryFile::create(options_.trajectory, trajectory_));
    }
    tell({Kind::started, 0, "", shortened_line(options_.task, 100)});
    return {};
  }

  Status pick_up() {
    ENGRAMD_TRY(file_, TrajectoryFile::reopen(options_.trajectory, trajectory_));
    std::string different;
    for (const auto& [path, hash] : trajectory_.base_hashes)
      if (trajectory_.changed.contains(path) && bench_->base_hash(path) != hash)
        different += (different.empty() ? "" : ", ") + path;
    if (!different.empty())
      return fail(ErrorCode::invalid_input,
                  "cannot resume: " + different +
                      " has changed since the run began; the patch so far is in " +
                      options_.trajectory.string() + " (engramd trajectory --diff)");
    for (const auto& [path, text] : trajectory_.changed)
      ENGRAMD_CHECK(text ? bench_->restore(path, *text) : bench_->restore_removed(path));
    if (!trajectory_.reproduction_json.empty())
      ENGRAMD_CHECK(judge_->restore(trajectory_.reproduction_json));
    for (const Message& message : trajectory_.messages) context_.add(message);
    context_.elide(trajectory_.elided);
    for (const Message& message : trajectory_.messages)
      n_output_bytes_ += message.role == Message::Role::tool ? message.text.size() : 0;
    for (size_t i = 0, step = 0; i < trajectory_.messages.size(); ++i)
      if (trajectory_.messages[i].role == Message::Role::tool && step++ < trajectory_.steps.size())
        n_false_finishes_ += trajectory_.messages[i].text.starts_with(kRefusedFinish) ? 1 : 0;
    n_malformed_ = trajectory_.notes.size();
    tell({Kind::resumed, trajectory_.steps.size(), "", ""});
    if (!trajectory_.exit.empty() && !can_go_on_after(trajectory_.exit)) return {};
    // A cap on things in a row begins anew: somebody has looked, and wants to go on.
    return file_.add_resumption(trajectory_);
  }

  // A kill may have come between a reply and the answers to its calls.
  std::string go_on_with_last_turn() {
    const auto& messages = trajectory_.messages;
    size_t turn = messages.size();
    while (turn > 0 && messages[turn - 1].role == Message::Role::tool) --turn;
    if (turn == 0 || messages[turn - 1].role != Message::Role::assistant) return {};
    if (messages[turn - 1].calls.empty()) return without_call("stop");
    if (turn < messages.size() && !trajectory_.steps.empty() &&
        trajectory_.steps.back().tool == "finish" && trajectory_.steps.back().ok)
      return finish_again();
    return answer_calls(turn);
  }

  // It had finished, and was killed before it could say so: it is judged once more.
  std::string finish_again() {
    summary_ = trajectory_.messages.back().text;
    const auto judged = judge_finish();
    if (!judged) return cancel_.cancelled() ? limit_reached() : broken(judged.error());
    if (!judged->exit.empty()) return judged->exit;
    const Message note{Message::Role::user, judged->complaint, {}, {}};
    context_.add(note);
    if (Status saved = file_.add_note(trajectory_, note, "tests"); !saved)
      return broken(saved.error());
    return {};
  }

  // --- a turn --------------------------------------------------------------------------------

  // Why the run must stop now; empty when it may go on.
  std::string limit_reached() const {
    if (cancelled_by_caller_.cancelled()) return "cancelled";
    if (cancel_.cancelled()) return "wall";
    if (static_cast<int>(trajectory_.n_turns()) >= limits_.max_steps) return "steps";
    if (trajectory_.usage.prompt_tokens + trajectory_.usage.completion_tokens >= limits_.max_tokens)
      return "tokens";
    if (limits_.max_cost > 0 && trajectory_.cost >= limits_.max_cost) return "cost";
    if (n_output_bytes_ >= limits_.max_output_bytes) return "output";
    return {};
  }

  // One reply of the model and the tools it calls. Returns the exit, or empty to go on.
  std::string turn() {
    if (const std::string limit = limit_reached(); !limit.empty()) return limit;
    if (Status done = leave_out(context_.make_room()); !done) return broken(done.error());
    if (!context_.fits()) {
      problem_ = "the conversation no longer fits into " +
                 std::to_string(limits_.context.max_tokens) + " tokens";
      return "context";
    }
    const Clock::time_point start = Clock::now();
    auto reply = ask();
    if (!reply && says_too_long(reply.error())) {
      const std::vector<size_t> left_out = context_.make_room_after_refusal();
      if (Status done = leave_out(left_out); !done) return broken(done.error());
      if (!left_out.empty()) reply = ask();
    }
    const double seconds = seconds_since(start);
    model_s_ += seconds;
    if (!reply) return failed(reply.error());
    return take(std::move(*reply), seconds);
  }

  Result<ChatReply> ask() {
    tell({Kind::thinking, trajectory_.steps.size()});
    // Nobody reads along: so a reply that broke off may be asked for again.
    try {
      return model_.reply(context_.prompt(), descriptions_, {}, cancel_);
    } catch (const std::exception& error) {
      return fail(ErrorCode::internal, std::string("the model's client failed: ") + error.what());
    }
  }

  std::string take(ChatReply reply, double seconds) {
    context_.sent(reply.usage.prompt_tokens);
    Usage usage = reply.usage;
    if (usage.prompt_tokens == 0) usage.prompt_tokens = context_.tokens();
    Message& message = reply.message;
    message.role = Message::Role::assistant;
    if (usage.completion_tokens == 0)
      usage.completion_tokens = 1 + static_cast<int64_t>(message.text.size() / 4);
    message.text = capped(message.text, kMaxReplyBytes);
    for (size_t i = 0; i < message.calls.size(); ++i) {
      ToolCall& call = message.calls[i];
      if (call.id.empty())
        call.id = "call_" + std::to_string(trajectory_.n_turns()) + "_" + std::to_string(i);
      if (call.arguments_json.size() > kMaxArgumentBytes) call.arguments_json.clear();
      // Endpoints that check the history refuse arguments that are no object.
      if (call.arguments_json.empty()) call.arguments_json = "{}";
    }
    context_.add(message);
    if (Status saved =
            file_.add_reply(trajectory_, message, usage,
                            limits_.prices ? cost_of(usage, *limits_.prices) : 0.0, seconds);
        !saved)
      return broken(saved.error());
    if (!message.text.empty() && !message.calls.empty()) {
      LoopEvent event;
      event.kind = Kind::said;
      event.detail = message.text;
      tell(std::move(event));
    }
    if (message.calls.empty()) return without_call(reply.finish_reason);
    return answer_calls(trajectory_.messages.size());
  }

  Status leave_out(const std::vector<size_t>& messages) {
    if (messages.empty()) return {};
    tell_note(std::to_string(messages.size()) + " old answers left the prompt to make room");
    return file_.add_elision(trajectory_, messages);
  }

  std::string failed(const Error& error) {
    if (const std::string limit = limit_reached(); !limit.empty()) return limit;
    problem_ = error.message;
    return "model";
  }

  // The run itself cannot go on: a full disk, say.
  std::string broken(const Error& error) {
    error_ = error;
    return "broken";
  }

  std::string without_call(const std::string& finish_reason) {
    ++n_malformed_;
    if (++n_malformed_in_row_ >= limits_.max_malformed) {
      problem_ = std::to_string(n_malformed_in_row_) +
                 " replies in a row called no tool that there is; a model that has not learned to "
                 "call tools needs --strategy repair";
      return "format";
    }
    const bool is_empty = trajectory_.messages.back().text.empty();
    const char* why = finish_reason == "length" ? "length" : is_empty ? "empty" : "format";
    const Message note{Message::Role::user,
                       without_call_note(finish_reason, is_empty, n_malformed_in_row_,
                                         limits_.max_malformed, descriptions_),
                       {},
                       {}};
    context_.add(note);
    if (Status saved = file_.add_note(trajectory_, note, why); !saved) return broken(saved.error());
    tell_note(finish_reason == "length" ? "the reply was cut off before it called a tool"
              : is_empty                ? "the reply was empty"
                                        : "the reply called no tool");
    return {};
  }

  // Those calls of the assistant's message before `turn` that have no answer yet: all of them in a
  // fresh turn, the rest of them after a kill in the middle of one.
  std::string answer_calls(size_t turn) {
    const std::vector<ToolCall> calls = trajectory_.messages[turn - 1].calls;
    for (size_t i = trajectory_.messages.size() - turn; i < calls.size(); ++i)
      if (const std::string exit = answer(calls[i], i); !exit.empty()) return exit;
    return n_malformed_in_row_ >= limits_.max_malformed ? "format" : "";
  }

  std::string answer(const ToolCall& call, size_t place) {
    LoopEvent event;
    event.kind = Kind::running;
    event.step = trajectory_.steps.size() + 1;
    event.tool = call.name;
    event.detail = call_text(call.name, call.arguments_json);
    tell(event);
    const Clock::time_point start = Clock::now();
    Result<ToolOutcome> outcome =
        place >= limits_.max_calls_per_turn
            ? Result<ToolOutcome>(ToolOutcome{too_many_calls_answer(limits_.max_calls_per_turn)})
            : run_tool(call);
    std::string exit;
    bool ok = outcome.has_value();
    std::string text = ok ? outcome->text : "error: " + outcome.error().message;
    if (ok && outcome->finished && !cancel_.cancelled()) {
      summary_ = outcome->text;
      auto judged = judge_finish();
      if (!judged) {
        exit = cancel_.cancelled() ? "" : broken(judged.error());
      } else {
        exit = judged->exit;
        ok = judged->complaint.empty();
        if (!ok) text = judged->complaint;
      }
    }
    // What a cancelled tool says is not what it would have said: it is asked again on resuming.
    if (cancel_.cancelled()) return limit_reached();
    const double seconds = seconds_since(start);
    tools_s_ += seconds;
    text = capped(with_visible_controls(utf8_sanitized(text)), limits_.max_tool_bytes);
    if (const std::string stuck = look_for_repetition(call, text); !stuck.empty() && exit.empty())
      exit = stuck;
    n_output_bytes_ += text.size();
    if (Status saved = save(call, ok, text, seconds, event.detail); !saved)
      return broken(saved.error());
    event.kind = Kind::step;
    event.ok = ok;
    event.seconds = seconds;
    if (ok && event.detail.empty()) event.detail = shortened_line(text, 80);
    if (!ok)
      event.detail += (event.detail.empty() ? "" : ": ") +
                      shortened_line(outcome ? text : outcome.error().message, 120);
    tell(std::move(event));
    return exit;
  }

  // One answer, and what the call did to the files; detail gets "+3 -1" where it did something.
  Status save(const ToolCall& call, bool ok, const std::string& text, double seconds,
              std::string& detail) {
    const Changes now = changes_of(*bench_);
    FileRecords files;
    std::map<std::string, std::string> hashes, base;
    const auto note_base = [&](const std::string& path) {
      base[path] = bench_->base_text(path).value_or("");
      if (!trajectory_.base_hashes.contains(path)) hashes[path] = bench_->base_hash(path);
    };
    for (const auto& [path, content] : now) {
      const auto was = trajectory_.changed.find(path);
      if (was != trajectory_.changed.end() && was->second == content) continue;
      files.written[path] = content;
      note_base(path);
    }
    for (const auto& [path, content] : trajectory_.changed)
      if (!now.contains(path)) {
        files.as_before.push_back(path);
        note_base(path);
      }
    std::optional<std::string> patch;
    if (!files.written.empty() || !files.as_before.empty()) {
      patch = bench_->diff();
      if (const std::string change = change_text(trajectory_.changed, now, base); !change.empty())
        detail = change;
    }
    const Message message{Message::Role::tool, text, {}, call.id};
    context_.add(message);
    ENGRAMD_CHECK(file_.add_answer(
        trajectory_, message, {call.name, call.arguments_json, ok, seconds}, files, hashes, patch));
    if (const std::string state = judge_->state_json(); state != trajectory_.reproduction_json)
      ENGRAMD_CHECK(file_.add_reproduction(trajectory_, state));
    return {};
  }

  Result<ToolOutcome> run_tool(const ToolCall& call) {
    const auto tool = std::find_if(tools_.begin(), tools_.end(), [&](const Tool& candidate) {
      return candidate.description.name == call.name;
    });
    if (tool == tools_.end()) {
      ++n_malformed_;
      ++n_malformed_in_row_;
      return fail(ErrorCode::invalid_input, unknown_tool_answer(call.name, descriptions_));
    }
    auto arguments = Arguments::parse(call.arguments_json);
    if (!arguments) {
      ++n_malformed_;
      ++n_malformed_in_row_;
      return fail(arguments.error());
    }
    n_malformed_in_row_ = 0;
    ToolContext context{*bench_, cancel_, options_.command_gate};
    try {
      return tool->run(context, *arguments);
    } catch (const std::exception& error) {
      return fail(ErrorCode::internal, "the tool failed: " + std::string(error.what()));
    }
  }

  std::string look_for_repetition(const ToolCall& call, std::string& text) {
    switch (repetition_.step(call.name, call.arguments_json, text, trajectory_.patch)) {
      case Repetition::Finding::none:
        return {};
      case Repetition::Finding::nudge:
        text += repetition_nudge(limits_.max_repeats);
        tell_note("the same step for the " + std::to_string(limits_.max_repeats) +
                  "rd time: the model is told");
        return {};
      case Repetition::Finding::stuck:
        problem_ = "the model repeated " + call.name + " " +
                   call_text(call.name, call.arguments_json) + " without any progress";
        return "stuck";
    }
    return {};
  }

  // --- ends ----------------------------------------------------------------------------------

  struct Judged {
    std::string exit;       // empty: it goes on
    std::string complaint;  // what the model is told; empty: nothing
  };
  Result<Judged> judge_finish() {
    if (!options_.can_edit) return Judged{"finished", ""};
    ENGRAMD_TRY(const FinishVerdict verdict, judge_->judge(changes_of(*bench_), cancel_));
    if (verdict.accepted) return Judged{verdict.tested ? "resolved" : "finished", ""};
    problem_ = shortened_line(verdict.complaint, 200);
    const int n_left = limits_.max_false_finishes - ++n_false_finishes_;
    if (n_left < 0) return Judged{"unresolved", refused_finish(verdict.complaint, 0)};
    tell_note("finish is refused: " + problem_);
    return Judged{"", refused_finish(verdict.complaint, n_left)};
  }

  Result<LoopReport> conclude(const std::string& exit) {
    if (exit == "broken") return fail(error_);
    const bool was_over = trajectory_.exit == exit;  // a finished run that was resumed
    const double wall_s = seconds_since(start_);
    if (exit == "resolved" || exit == "finished") problem_.clear();
    if (!was_over) ENGRAMD_CHECK(file_.add_end(trajectory_, exit, summary_, problem_, wall_s));
    LoopReport report;
    report.exit = exit;
    report.patch = bench_->diff();
    report.changed = changes_of(*bench_);
    report.summary = trajectory_.summary;
    report.problem = trajectory_.problem;
    report.tests_pass = exit == "resolved";
    report.n_steps = trajectory_.steps.size();
    report.n_turns = trajectory_.n_turns();
    report.n_malformed = static_cast<size_t>(n_malformed_);
    report.usage = trajectory_.usage;
    report.cost = trajectory_.cost;
    report.reused = context_.reused();
    report.wall_s = wall_s;
    report.model_s = model_s_;
    report.tools_s = tools_s_;
    report.test_command = bench_->test_command();
    report.notes = notes_;
    return report;
  }

  ChatModel& model_;
  const LoopOptions& options_;
  const LoopLimits& limits_;
  const Clock::time_point start_ = Clock::now();
  const CancelToken& cancelled_by_caller_;
  CancelSource source_;
  const CancelToken cancel_;
  const std::vector<Tool> tools_;
  const std::vector<ToolDescription> descriptions_;
  PromptContext context_;
  Repetition repetition_;
  std::unique_ptr<Workbench> bench_;
  std::unique_ptr<BenchJudge> bench_judge_;
  FinishJudge* judge_ = nullptr;
  Trajectory trajectory_;
  TrajectoryFile file_;
  std::vector<std::string> notes_;
  size_t n_malformed_ = 0, n_output_bytes_ = 0;
  int n_malformed_in_row_ = 0, n_false_finishes_ = 0;
  double model_s_ = 0, tools_s_ = 0;
  std::string summary_, problem_;
  Error error_;
};

}  // namespace

Result<LoopReport> run_loop(ChatModel& model, const LoopOptions& options,
                            const CancelToken& cancel) {
  return Loop(model, options, cancel).run();
}

}  // namespace engramd::agent
