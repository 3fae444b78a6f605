#include "agent/loop/trajectory_view.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "agent/loop/clean_text.h"
#include "agent/loop/step_text.h"
#include "agent/model/message_json.h"
#include "base/text.h"

namespace engramd::agent {
namespace {

using nlohmann::json;

constexpr const char *kBold = "1", *kDim = "2", *kRed = "31", *kGreen = "32", *kYellow = "33",
                     *kCyan = "36";

class Painter {
 public:
  explicit Painter(bool colour) : colour_(colour) {}
  std::string operator()(const char* code, const std::string& text) const {
    return colour_ ? "\033[" + std::string(code) + "m" + text + "\033[0m" : text;
  }

 private:
  const bool colour_;
};

std::string fixed(double value, int digits) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, "%.*f", digits, value);
  return buffer;
}

// Characters, not bytes, so that a line is cut where it looks cut.
std::string cut(std::string_view line, size_t width) {
  size_t end = 0, n = 0;
  while (end < line.size() && n < width) {
    end += utf8_length_at(line, end);
    ++n;
  }
  return end >= line.size() ? std::string(line) : std::string(line.substr(0, end)) + "…";
}

// At most so many lines, head and tail; 0: all.
std::string block(const std::string& text, size_t max_lines, size_t width,
                  const std::string& margin) {
  const std::string clean = with_visible_controls(utf8_sanitized(text));
  const std::vector<std::string_view> lines = split_lines(clean);
  const size_t n = !lines.empty() && lines.back().empty() ? lines.size() - 1 : lines.size();
  std::string out;
  const size_t half = max_lines / 2;
  for (size_t i = 0; i < n; ++i) {
    if (max_lines > 0 && n > max_lines && i == half) {
      const size_t n_left_out = n - 2 * half;
      out += margin + "… " + std::to_string(n_left_out) + " lines …\n";
      i += n_left_out - 1;
      continue;
    }
    out += margin + (width > 0 ? cut(lines[i], width) : std::string(lines[i])) + "\n";
  }
  return out;
}

std::string ending(const Trajectory& t) {
  return t.exit.empty() ? "cut off; --resume goes on" : t.exit;
}

const char* colour_of(const Trajectory& t) {
  if (t.exit == "resolved") return kGreen;
  return t.exit == "finished" || t.exit.empty() ? kYellow : kRed;
}

std::string size_text(const std::string& patch) {
  const DiffSize size = size_of_diff(patch);
  return patch.empty()
             ? "no change"
             : std::to_string(size.n_files) + (size.n_files == 1 ? " file" : " files") + " +" +
                   std::to_string(size.n_added) + " -" + std::to_string(size.n_removed);
}

std::string arguments_in_full(const std::string& arguments_json) {
  const json arguments = json::parse(arguments_json, nullptr, false);
  if (!arguments.is_object()) return "    " + arguments_json + "\n";
  std::string out;
  for (const auto& [name, value] : arguments.items()) {
    const std::string text = value.is_string()
                                 ? value.get<std::string>()
                                 : value.dump(-1, ' ', false, json::error_handler_t::replace);
    if (text.find('\n') == std::string::npos)
      out += block(name + ": " + text, 0, 0, "    ");
    else
      out += "    " + with_visible_controls(name) + ":\n" + block(text, 0, 0, "      ");
  }
  return out;
}

class View {
 public:
  View(const Trajectory& t, const ViewOptions& options)
      : t_(t), options_(options), paint_(options.colour) {}

  std::string whole() {
    head();
    each_message();
    tail();
    return std::move(out_);
  }

  std::string only_step() {
    if (options_.step > t_.steps.size())
      return "there is no step " + std::to_string(options_.step) + ", the run has " +
             std::to_string(t_.steps.size()) + "\n";
    each_message();
    return std::move(out_);
  }

 private:
  void line(const std::string& name, const std::string& value) {
    if (value.empty()) return;
    out_ += paint_(kDim, name + std::string(name.size() < 12 ? 12 - name.size() : 1, ' ')) +
            cut(with_visible_controls(utf8_sanitized(value)), options_.width) + "\n";
  }

  void head() {
    line("repository", t_.repo);
    line("model", t_.model);
    line("tests", t_.test_command);
    line("started", t_.started);
    out_ += "\n" + paint_(kBold, "task") + "\n" +
            block(t_.task, options_.max_lines_per_step, options_.width, "  ") + "\n";
  }

  void each_message() {
    size_t n_answers = 0;
    std::vector<ToolCall> open;
    size_t next_open = 0;
    for (size_t i = 0; i < t_.messages.size(); ++i) {
      const Message& message = t_.messages[i];
      switch (message.role) {
        case Message::Role::assistant:
          open = message.calls;
          next_open = 0;
          pending_text_ = message.text;
          if (options_.step == 0) flush_text();
          break;
        case Message::Role::tool: {
          const ToolCall* call = next_open < open.size() ? &open[next_open] : nullptr;
          ++next_open;
          answer(++n_answers, call, message);
          break;
        }
        case Message::Role::user:
          note(i, message);
          break;
        case Message::Role::system:
          break;
      }
    }
    if (options_.step == 0 && next_open < open.size())
      out_ +=
          paint_(kYellow, "      cut off before " + open[next_open].name + " had answered") + "\n";
  }

  void flush_text() {
    if (pending_text_.empty()) return;
    out_ += paint_(kCyan, block(pending_text_, options_.step == 0 ? options_.max_lines_per_step : 0,
                                options_.step == 0 ? options_.width : 0, "  "));
    pending_text_.clear();
  }

  void answer(size_t number, const ToolCall* call, const Message& message) {
    if (options_.step != 0 && options_.step != number) return;
    flush_text();
    const TrajectoryStep* step = number <= t_.steps.size() ? &t_.steps[number - 1] : nullptr;
    const std::string name = step != nullptr ? step->tool : call != nullptr ? call->name : "?";
    const std::string arguments = step != nullptr   ? step->arguments_json
                                  : call != nullptr ? call->arguments_json
                                                    : "{}";
    const bool ok = step == nullptr || step->ok;
    std::string digits = std::to_string(number);
    digits.insert(0, digits.size() < 3 ? 3 - digits.size() : 0, ' ');
    out_ += paint_(kDim, digits) + " " + paint_(ok ? kGreen : kRed, ok ? "✓" : "✗") + " " +
            paint_(kBold, with_visible_controls(name)) + " " +
            with_visible_controls(call_text(name, arguments)) +
            (step != nullptr ? paint_(kDim, "  " + fixed(step->seconds, 2) + " s") : "") + "\n";
    if (options_.step != 0) out_ += arguments_in_full(arguments) + "\n";
    const std::string text =
        block(message.text, options_.step == 0 ? options_.max_lines_per_step : 0,
              options_.step == 0 ? options_.width : 0, "      ");
    out_ += options_.step == 0 ? paint_(kDim, text) : text;
  }

  void note(size_t index, const Message& message) {
    if (options_.step != 0) return;
    for (const TrajectoryNote& note : t_.notes)
      if (note.message == index)
        out_ += paint_(kYellow, block("note (" + note.why + "): " + message.text, 3, options_.width,
                                      "      "));
  }

  void tail() {
    out_ += "\n" + paint_(colour_of(t_), ending(t_));
    if (!t_.problem.empty()) out_ += ": " + with_visible_controls(t_.problem);
    out_ += "\n";
    line("summary", t_.summary);
    line("patch", size_text(t_.patch));
    line("used", std::to_string(t_.n_turns()) + " turns, " + std::to_string(t_.steps.size()) +
                     " steps, " + std::to_string(t_.usage.prompt_tokens) + " prompt tokens (" +
                     std::to_string(t_.usage.cached_tokens) + " cached), " +
                     std::to_string(t_.usage.completion_tokens) + " completion tokens" +
                     (t_.cost > 0 ? ", cost " + fixed(t_.cost, 4) : "") + ", model " +
                     fixed(t_.model_s, 1) + " s");
    if (!t_.elided.empty())
      line("prompt", std::to_string(t_.elided.size()) + " old answers were left out of it");
    if (t_.n_resumed > 0) line("resumed", std::to_string(t_.n_resumed) + " times");
    if (!t_.patch.empty()) out_ += "\n" + readable_diff(t_.patch, options_.colour);
  }

  const Trajectory& t_;
  const ViewOptions& options_;
  const Painter paint_;
  std::string out_, pending_text_;
};

}  // namespace

std::string readable(const Trajectory& trajectory, const ViewOptions& options) {
  View view(trajectory, options);
  return options.step == 0 ? view.whole() : view.only_step();
}

std::string one_line(const Trajectory& t, const ViewOptions& options) {
  const Painter paint(options.colour);
  std::string end = t.exit.empty() ? "cut off" : t.exit;
  end.resize(std::max<size_t>(end.size(), 10), ' ');
  std::string when = t.started.substr(0, 16);
  std::replace(when.begin(), when.end(), 'T', ' ');
  const std::string repo = t.repo.substr(t.repo.rfind('/') + 1);
  return paint(kDim, when) + "  " + paint(colour_of(t), end) + "  " +
         cut(with_visible_controls(utf8_sanitized(repo)), 24) + "  " +
         std::to_string(t.steps.size()) + " steps, " + size_text(t.patch) + "  " +
         paint(kDim, cut(with_visible_controls(shortened_line(utf8_sanitized(t.task), 200)), 60)) +
         "\n";
}

std::string readable_diff(const std::string& patch, bool colour) {
  const Painter paint(colour);
  std::string out;
  for (const std::string_view raw : split_lines(patch)) {
    const std::string line = with_visible_controls(utf8_sanitized(raw));
    const char* code = line.starts_with("+++") || line.starts_with("---") ? kBold
                       : line.starts_with('+')                            ? kGreen
                       : line.starts_with('-')                            ? kRed
                       : line.starts_with("@@")                           ? kCyan
                                                                          : nullptr;
    out += (code != nullptr ? paint(code, line) : line) + "\n";
  }
  // split_lines gives what follows the last line end too.
  if (patch.ends_with('\n') && out.ends_with("\n\n")) out.pop_back();
  return out;
}

std::string trajectory_json(const Trajectory& t) {
  json messages = json::array(), steps = json::array(), notes = json::array();
  for (const Message& message : t.messages) messages.push_back(to_json(message));
  for (const TrajectoryStep& step : t.steps)
    steps.push_back({{"tool", step.tool},
                     {"arguments", step.arguments_json},
                     {"ok", step.ok},
                     {"seconds", step.seconds}});
  for (const TrajectoryNote& note : t.notes)
    notes.push_back({{"message", note.message}, {"why", note.why}});
  json changed = json::object();
  for (const auto& [path, text] : t.changed) changed[path] = text ? json(*text) : json();
  const json out = {
      {"format", "engramd-trajectory-2"},
      {"started", t.started},
      {"task", t.task},
      {"repo", t.repo},
      {"model", t.model},
      {"test", t.test_command},
      {"messages", messages},
      {"steps", steps},
      {"notes", notes},
      {"elided", t.elided},
      {"changed", changed},
      {"base_hashes", t.base_hashes},
      {"usage", to_json(t.usage)},
      {"cost", t.cost},
      {"model_s", t.model_s},
      {"wall_s", t.wall_s},
      {"resumed", t.n_resumed},
      {"reproduction",
       t.reproduction_json.empty() ? json() : json::parse(t.reproduction_json, nullptr, false)},
      {"exit", t.exit},
      {"summary", t.summary},
      {"problem", t.problem},
      {"patch", t.patch}};
  return out.dump(1, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace engramd::agent
