#include "agent/tests/shell_line.h"

#include <algorithm>
#include <array>

namespace engramd::agent {
namespace {

constexpr size_t kMaxCalls = 64;

bool one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

class Reader {
 public:
  explicit Reader(std::string_view line) : line_(line) {}

  std::vector<ShellCall> read() {
    while (at_ < line_.size() && calls_.size() < kMaxCalls) {
      const char c = line_[at_];
      if (c == ' ' || c == '\t' || c == '\r') {
        ++at_;
      } else if (c == '\\' && at_ + 1 < line_.size() && line_[at_ + 1] == '\n') {
        at_ += 2;  // the line goes on
      } else if (c == '#') {
        at_ = std::min(line_.find('\n', at_), line_.size());
      } else if (c == ';' || c == '&' || c == '|' || c == '\n' || c == '(' || c == ')') {
        separator();
      } else if (c == '<' || c == '>' || redirects_descriptor()) {
        redirection();
      } else {
        LineWord word = read_word();
        // What may stand in front of a command in a compound one.
        if (call_.words.empty() && word.plain &&
            one_of(word.text, {"if", "then", "else", "do", "while", "until", "!", "{", "time"}))
          continue;
        call_.words.push_back(std::move(word));
      }
    }
    finish();
    return std::move(calls_);
  }

 private:
  void finish() {
    if (!call_.words.empty()) calls_.push_back(std::move(call_));
    call_ = {};
  }

  void separator() {
    const char c = line_[at_++];
    if (c == '&' && at_ < line_.size() && line_[at_] == '>') return;  // &>file: the > comes next
    const bool pipe = c == '|' && (at_ >= line_.size() || line_[at_] != '|');
    if (pipe) call_.redirected = true;
    finish();
    if (at_ < line_.size() && (line_[at_] == '&' || line_[at_] == '|') && line_[at_] == c) ++at_;
    if (pipe) call_.redirected = true;
  }

  bool redirects_descriptor() const {
    size_t i = at_;
    while (i < line_.size() && line_[i] >= '0' && line_[i] <= '9') ++i;
    return i > at_ && i < line_.size() && (line_[i] == '<' || line_[i] == '>');
  }

  void redirection() {
    call_.redirected = true;
    while (at_ < line_.size() && line_[at_] >= '0' && line_[at_] <= '9') ++at_;
    while (at_ < line_.size() &&
           (line_[at_] == '<' || line_[at_] == '>' || line_[at_] == '&' || line_[at_] == '|'))
      ++at_;
    while (at_ < line_.size() && (line_[at_] == ' ' || line_[at_] == '\t')) ++at_;
    if (at_ < line_.size()) read_word();
  }

  // `$(…)` and backquotes are taken whole.
  void skip_substitution(LineWord& word) {
    word.plain = false;
    const size_t begin = at_;
    if (line_[at_] == '`') {
      at_ = line_.find('`', at_ + 1);
      at_ = at_ == std::string_view::npos ? line_.size() : at_ + 1;
    } else if (at_ + 1 < line_.size() && line_[at_ + 1] == '(') {
      int depth = 0;
      do {
        if (line_[at_] == '(') ++depth;
        if (line_[at_] == ')') --depth;
        ++at_;
      } while (at_ < line_.size() && (depth > 0 || at_ == begin + 1));
    } else {
      ++at_;
    }
    word.text += line_.substr(begin, at_ - begin);
  }

  LineWord read_word() {
    LineWord word;
    word.begin = at_;
    char quote = 0;
    for (; at_ < line_.size();) {
      const char c = line_[at_];
      if (quote == '\'') {
        if (c == '\'')
          quote = 0;
        else
          word.text += c;
        ++at_;
      } else if (c == '\\') {
        if (at_ + 1 < line_.size() && line_[at_ + 1] != '\n') word.text += line_[at_ + 1];
        at_ = std::min(at_ + 2, line_.size());
      } else if (c == '$' || c == '`') {
        skip_substitution(word);
      } else if (quote == '"') {
        if (c == '"')
          quote = 0;
        else
          word.text += c;
        ++at_;
      } else if (c == '\'' || c == '"') {
        quote = c;
        ++at_;
      } else if (std::string_view(" \t\r\n;&|<>()").find(c) != std::string_view::npos) {
        break;
      } else {
        if (c == '*' || c == '?' || c == '~' || c == '[' || c == '{') word.plain = false;
        word.text += c;
        ++at_;
      }
    }
    word.end = at_;
    if (at_ == word.begin) ++at_;  // a lone ')' or the like: never stand still
    if (quote != 0) word.plain = false;
    return word;
  }

  std::string_view line_;
  size_t at_ = 0;
  ShellCall call_;
  std::vector<ShellCall> calls_;
};

std::string file_name(std::string_view word) {
  std::string name(word.substr(word.rfind('/') + 1));
  for (const std::string_view end : {".cmd", ".exe", ".mjs", ".cjs", ".js"})
    if (name.size() > end.size() && name.ends_with(end)) {
      name.resize(name.size() - end.size());
      break;
    }
  return name;
}

}  // namespace

bool is_assignment(std::string_view word) {
  const size_t equals = word.find('=');
  if (equals == std::string_view::npos || equals == 0 || (word[0] >= '0' && word[0] <= '9'))
    return false;
  return std::all_of(word.begin(), word.begin() + static_cast<std::ptrdiff_t>(equals), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

std::string shell_quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::vector<ShellCall> shell_calls(std::string_view line) {
  return Reader(line).read();
}

bool ProgramCall::has(std::string_view argument) const {
  return std::find(arguments.begin(), arguments.end(), argument) != arguments.end();
}

bool ProgramCall::has_option(std::string_view option) const {
  return std::any_of(arguments.begin(), arguments.end(), [&](const std::string& argument) {
    return argument == option || (argument.starts_with(option) && argument.size() > option.size() &&
                                  argument[option.size()] == '=');
  });
}

ProgramCall program_of(const ShellCall& call) {
  const auto word = [&](size_t i) -> std::string_view {
    return i < call.words.size() ? std::string_view(call.words[i].text) : std::string_view();
  };
  size_t at = 0;
  ProgramCall program;
  // Options of a prefix, with the words that belong to those in `with_value`.
  const auto skip_options = [&](std::initializer_list<std::string_view> with_value) {
    while (word(at).starts_with("-") && word(at) != "-m")
      at += one_of(word(at), with_value) ? 2 : 1;
  };
  for (int turn = 0; turn < 12 && at < call.words.size(); ++turn) {
    const std::string name = file_name(word(at));
    if (is_assignment(word(at))) {
      ++at;
    } else if (one_of(name, {"env", "nice", "ionice", "stdbuf", "xvfb-run", "sudo", "command",
                             "exec", "dotenv", "cross-env", "dbus-run-session", "c8", "nyc"})) {
      ++at;
      skip_options({"-n", "-u", "-s", "-c"});
    } else if (name == "timeout") {
      ++at;
      skip_options({"-k", "-s"});
      ++at;  // the duration
    } else if (one_of(name, {"npx", "bunx", "pnpx"})) {
      ++at;
      skip_options({"-p", "--package"});
    } else if (one_of(name, {"pnpm", "yarn", "npm", "bun"}) &&
               one_of(word(at + 1), {"exec", "dlx", "x"})) {
      at += 2;
      skip_options({});
    } else if (name == "yarn" &&
               one_of(file_name(word(at + 1)), {"jest", "vitest", "node", "tap"})) {
      ++at;
    } else if (one_of(name, {"uv", "poetry", "pipenv", "pdm", "hatch", "rye"}) &&
               word(at + 1) == "run") {
      at += 2;
      skip_options({"--with", "-e", "-p", "--python", "--extra", "--group", "-E"});
    } else if (name == "node" && file_name(word(at + 1)) != word(at + 1) &&
               one_of(file_name(word(at + 1)), {"jest", "vitest", "tap"})) {
      ++at;  // node node_modules/jest/bin/jest.js
    } else if (name == "coverage" && word(at + 1) == "run") {
      at += 2;
      skip_options({"--source", "--omit", "--include", "--rcfile", "--data-file"});
      if (word(at) == "-m") {
        ++at;
        program.as_module = true;
      }
    } else if (name.starts_with("python") || name.starts_with("pypy")) {
      size_t next = at + 1;
      while (word(next).starts_with("-") && word(next) != "-m" && word(next) != "-c")
        next += one_of(word(next), {"-W", "-X"}) ? 2 : 1;
      if (word(next).ends_with(".py")) {  // a script: setup.py, manage.py
        at = next;
        break;
      }
      if (word(next) != "-m") break;
      at = next + 1;
      program.as_module = true;
    } else if (word(at) == "--") {
      ++at;
    } else {
      break;
    }
  }
  if (at >= call.words.size()) at = call.words.size() - 1;
  program.at = at;
  program.name = file_name(word(at));
  for (size_t i = at + 1; i < call.words.size(); ++i)
    program.arguments.push_back(call.words[i].text);
  return program;
}

}  // namespace engramd::agent
