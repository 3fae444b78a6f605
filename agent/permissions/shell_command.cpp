#include "agent/permissions/shell_command.h"

#include <algorithm>

namespace engramd::agent {
namespace {

constexpr size_t kMaxBytes = 64u << 10;
constexpr int kMaxDepth = 8;
constexpr size_t kMaxCommands = 200;

constexpr std::string_view kReserved[] = {"if",     "then",     "elif",   "else", "fi",   "for",
                                          "while",  "until",    "do",     "done", "case", "esac",
                                          "select", "function", "coproc", "[[",   "let"};

// Programs that run the rest of their words; how many of their own words to pass over is worked out
// from options that take a value.
struct Wrapper {
  std::string_view name;
  std::string_view options_with_value;  // short ones, as letters
  size_t n_operands;                    // before the command
};
constexpr Wrapper kWrappers[] = {
    {"env", "uCS", 0},       {"timeout", "ks", 1}, {"nice", "n", 0},         {"nohup", "", 0},
    {"time", "fo", 0},       {"stdbuf", "ioe", 0}, {"setsid", "", 0},        {"ionice", "cnp", 0},
    {"sudo", "ugpCDhRT", 0}, {"doas", "uC", 0},    {"xargs", "adEILnPs", 0}, {"command", "", 0},
    {"builtin", "", 0},      {"exec", "a", 0},     {"chroot", "", 1},        {"unshare", "", 0},
};
constexpr std::string_view kShells[] = {"sh", "bash", "dash", "zsh", "ksh"};

std::string base_name(const std::string& program) {
  return program.substr(program.rfind('/') + 1);  // npos + 1 is 0
}

bool is_name_char(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

bool is_assignment(const ShellWord& word) {
  const size_t equals = word.text.find('=');
  if (equals == std::string::npos || equals == 0) return false;
  const size_t end = word.text[equals - 1] == '+' ? equals - 1 : equals;
  return end > 0 && !(word.text[0] >= '0' && word.text[0] <= '9') &&
         std::all_of(word.text.begin(), word.text.begin() + static_cast<std::ptrdiff_t>(end),
                     is_name_char);
}

class Parser {
 public:
  Parser(std::string_view text, int depth, ParsedCommand& out)
      : text_(text), depth_(depth), out_(out) {}

  Status run() {
    if (text_.size() > kMaxBytes) return unsupported("it is too long");
    if (depth_ > kMaxDepth) return unsupported("it is nested too deeply");
    return list(false);
  }

 private:
  static Status unsupported(const std::string& what) {
    return fail(ErrorCode::unsupported, "the command cannot be taken apart: " + what);
  }
  bool at_end() const { return at_ >= text_.size(); }
  char peek(size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }

  // Commands up to the end of the text or, inside brackets, up to the closing one.
  Status list(bool inside) {
    while (!at_end()) {
      const char c = peek();
      if (c == ' ' || c == '\t' || c == '\n' || c == ';') {
        ++at_;
      } else if (c == '\\' && peek(1) == '\n') {
        at_ += 2;
      } else if (c == '#') {  // words are read whole: here it begins one
        while (!at_end() && peek() != '\n') ++at_;
        continue;
      } else if (c == '&' || c == '|') {
        if (c == '&' && peek(1) == '>') {  // &> file
          at_ += peek(2) == '>' ? 3 : 2;
          ENGRAMD_CHECK(redirection_target(true));
          continue;
        }
        ++at_;
        if (peek() == c || (c == '|' && peek() == '&')) ++at_;
        ENGRAMD_CHECK(end_command());
        continue;
      } else if (c == '(') {
        if (!command_.words.empty()) return unsupported("a bracket within a command");
        if (peek(1) == '(') return unsupported("arithmetic");
        ++at_;
        ENGRAMD_CHECK(list(true));
        continue;
      } else if (c == ')') {
        ENGRAMD_CHECK(end_command());
        if (!inside) return unsupported("a closing bracket without an opening one");
        ++at_;
        return {};
      } else {
        ENGRAMD_CHECK(word_or_redirection());
        continue;
      }
      if (c == '\n' || c == ';') ENGRAMD_CHECK(end_command());
    }
    if (inside) return unsupported("a bracket is not closed");
    return end_command();
  }

  Status word_or_redirection() {
    size_t digits = 0;
    while (peek(digits) >= '0' && peek(digits) <= '9') ++digits;
    if (peek(digits) == '<' || peek(digits) == '>') {
      // "2>file" redirects, "a2>file" does not: digits count at the beginning of a word only.
      at_ += digits;
      return redirection();
    }
    ShellWord word;
    ENGRAMD_CHECK(read_word(word));
    // Braces are words of their own in a group.
    if (command_.words.empty() && (word.text == "{" || word.text == "}" || word.text == "!"))
      return {};
    if (command_.words.empty() && is_assignment(word)) {
      // PATH=, LD_PRELOAD= and the like decide what a name means.
      const std::string name = word.text.substr(0, word.text.find('='));
      if (name == "PATH" || name.starts_with("LD_") || name == "IFS" || name == "BASH_ENV" ||
          name == "ENV" || name == "GIT_SSH_COMMAND" || name == "PAGER" || name == "GIT_PAGER" ||
          name == "EDITOR" || name == "GIT_EXTERNAL_DIFF")
        return unsupported("it sets " + name);
      return {};
    }
    if (command_.words.empty()) {
      if (word.dynamic) return unsupported("the program's name is known only when it runs");
      if (std::find(std::begin(kReserved), std::end(kReserved), word.text) != std::end(kReserved))
        return unsupported("\"" + word.text + "\"");
    }
    command_.words.push_back(std::move(word));
    if (command_.words.size() == 1 && peek() == '(') return unsupported("a function");
    return {};
  }

  Status redirection() {
    const char direction = peek();
    ++at_;
    if (direction == '<') {
      if (peek() == '<') return unsupported("a here-document");
      if (peek() == '(') return substitution(1);
      if (peek() == '>') {
        ++at_;
        return redirection_target(true);
      }
      if (peek() == '&') ++at_;
      return redirection_target(false);
    }
    if (peek() == '(') return substitution(1);
    if (peek() == '>' || peek() == '|') ++at_;
    if (peek() == '&') {
      ++at_;
      // 2>&1 and >&- move descriptors; >&file writes.
      if ((peek() >= '0' && peek() <= '9') || peek() == '-') {
        while ((peek() >= '0' && peek() <= '9') || peek() == '-') ++at_;
        return {};
      }
    }
    return redirection_target(true);
  }

  Status redirection_target(bool writes) {
    while (peek() == ' ' || peek() == '\t') ++at_;
    if (at_end()) return unsupported("a redirection without a file");
    ShellWord target;
    ENGRAMD_CHECK(read_word(target));
    if (!writes || (!target.dynamic && target.text == "/dev/null")) return {};
    SimpleCommand write;
    write.words = {{">", false}, std::move(target)};
    return add(std::move(write));
  }

  // "$(...)", "<(...)": at_ is at the bracket when skip is 1.
  Status substitution(size_t skip) {
    at_ += skip;
    const size_t begin = at_;
    // The inner text ends at its own bracket: a parser of its own finds it.
    int depth = 1;
    char quote = 0;
    for (; !at_end() && depth > 0; ++at_) {
      const char c = peek();
      if (quote != 0) {
        if (c == quote) quote = 0;
        if (c == '\\' && quote == '"') ++at_;
      } else if (c == '\'' || c == '"') {
        quote = c;
      } else if (c == '\\') {
        ++at_;
      } else if (c == '(') {
        ++depth;
      } else if (c == ')') {
        --depth;
      }
    }
    if (depth > 0) return unsupported("a substitution is not closed");
    return Parser(text_.substr(begin, at_ - 1 - begin), depth_ + 1, out_).run();
  }

  Status dollar(ShellWord& word) {
    word.dynamic = true;
    ++at_;
    if (peek() == '(') {
      if (peek(1) == '(') return unsupported("arithmetic");
      return substitution(1);
    }
    if (peek() == '{') {
      while (!at_end() && peek() != '}') {
        if (peek() == '$' || peek() == '`') return unsupported("a nested expansion");
        ++at_;
      }
      if (at_end()) return unsupported("an expansion is not closed");
      ++at_;
      return {};
    }
    if (peek() == '\'') return unsupported("$'…'");
    if (is_name_char(peek())) {
      while (is_name_char(peek())) ++at_;
    } else if (std::string_view("?#@*!$-").find(peek()) != std::string_view::npos && !at_end()) {
      ++at_;
    } else {
      word.text += '$';
      word.dynamic = false;
    }
    return {};
  }

  Status backticks(ShellWord& word) {
    word.dynamic = true;
    const size_t end = text_.find('`', at_ + 1);
    if (end == std::string_view::npos) return unsupported("a backtick is not closed");
    const std::string_view inner = text_.substr(at_ + 1, end - at_ - 1);
    if (inner.find('\\') != std::string_view::npos) return unsupported("escapes in backticks");
    at_ = end + 1;
    return Parser(inner, depth_ + 1, out_).run();
  }

  Status read_word(ShellWord& word) {
    while (!at_end()) {
      const char c = peek();
      if (std::string_view(" \t\n;&|()<>").find(c) != std::string_view::npos) break;
      if (c == '\'') {
        const size_t end = text_.find('\'', at_ + 1);
        if (end == std::string_view::npos) return unsupported("a quote is not closed");
        word.text.append(text_, at_ + 1, end - at_ - 1);
        at_ = end + 1;
      } else if (c == '"') {
        ENGRAMD_CHECK(double_quoted(word));
      } else if (c == '\\') {
        if (at_ + 1 >= text_.size()) return unsupported("it ends in a backslash");
        if (peek(1) != '\n') word.text += peek(1);
        at_ += 2;
      } else if (c == '$') {
        ENGRAMD_CHECK(dollar(word));
      } else if (c == '`') {
        ENGRAMD_CHECK(backticks(word));
      } else {
        if (c == '*' || c == '?' || c == '[') word.dynamic = true;
        if (c == '{') word.dynamic = true;  // {a,b}; a group's own brace is told apart below
        word.text += c;
        ++at_;
      }
    }
    return {};
  }

  Status double_quoted(ShellWord& word) {
    ++at_;
    while (!at_end() && peek() != '"') {
      if (peek() == '\\' && std::string_view("$`\"\\\n").find(peek(1)) != std::string_view::npos) {
        if (peek(1) != '\n') word.text += peek(1);
        at_ += 2;
      } else if (peek() == '$') {
        ENGRAMD_CHECK(dollar(word));
      } else if (peek() == '`') {
        ENGRAMD_CHECK(backticks(word));
      } else {
        word.text += peek();
        ++at_;
      }
    }
    if (at_end()) return unsupported("a quote is not closed");
    ++at_;
    return {};
  }

  Status end_command() {
    if (command_.words.empty()) return {};
    SimpleCommand done = std::move(command_);
    command_ = {};
    return add(std::move(done));
  }

  Status add(SimpleCommand command) {
    if (out_.commands.size() >= kMaxCommands) return unsupported("it holds too many commands");
    out_.commands.push_back(command);
    return unwrap(command);
  }

  // What the command itself starts, when that can be read off its words.
  Status unwrap(const SimpleCommand& command) {
    const std::string program = base_name(command.words[0].text);
    if (program == "eval" || program == "source" || program == ".")
      return unsupported(program + " runs text that is not here");
    if (std::find(std::begin(kShells), std::end(kShells), program) != std::end(kShells))
      return shell_text(command);
    if (program == "find") return found_commands(command);
    for (const Wrapper& wrapper : kWrappers)
      if (program == wrapper.name) return wrapped(command, wrapper);
    return {};
  }

  Status shell_text(const SimpleCommand& command) {
    for (size_t i = 1; i < command.words.size(); ++i) {
      const ShellWord& word = command.words[i];
      if (word.dynamic) return unsupported("what " + command.words[0].text + " gets to run");
      if (!word.text.starts_with('-')) return {};  // a script: the file is what it is
      if (word.text.starts_with("--") || word.text.find('c') == std::string::npos) continue;
      if (i + 1 >= command.words.size() || command.words[i + 1].dynamic)
        return unsupported("what " + command.words[0].text + " gets to run");
      return Parser(command.words[i + 1].text, depth_ + 1, out_).run();
    }
    return unsupported(command.words[0].text + " reads what it runs from somewhere else");
  }

  Status found_commands(const SimpleCommand& command) {
    for (size_t i = 1; i + 1 < command.words.size(); ++i) {
      const std::string& word = command.words[i].text;
      if (word != "-exec" && word != "-execdir" && word != "-ok" && word != "-okdir") continue;
      SimpleCommand inner;
      for (size_t k = i + 1; k < command.words.size(); ++k) {
        if (command.words[k].text == ";" || command.words[k].text == "+") break;
        inner.words.push_back(command.words[k]);
      }
      if (inner.words.empty() || inner.words[0].dynamic) return unsupported("what find runs");
      ENGRAMD_CHECK(add(std::move(inner)));
    }
    return {};
  }

  Status wrapped(const SimpleCommand& command, const Wrapper& wrapper) {
    size_t i = 1;
    for (; i < command.words.size(); ++i) {
      const ShellWord& word = command.words[i];
      if (word.text == "--") {
        ++i;
        break;
      }
      if (wrapper.name == "env" && is_assignment(word)) continue;
      if (!word.text.starts_with('-') || word.text.size() < 2) break;
      if (word.text.find('S') != std::string::npos && wrapper.name == "env")
        return unsupported("env -S");
      if (!word.text.starts_with("--") && word.text.size() == 2 &&
          wrapper.options_with_value.find(word.text[1]) != std::string_view::npos)
        ++i;
    }
    i += wrapper.n_operands;
    if (i >= command.words.size()) return {};
    SimpleCommand inner;
    inner.words.assign(command.words.begin() + static_cast<std::ptrdiff_t>(i), command.words.end());
    if (inner.words[0].dynamic) return unsupported("what " + std::string(wrapper.name) + " runs");
    return add(std::move(inner));
  }

  const std::string_view text_;
  const int depth_;
  ParsedCommand& out_;
  size_t at_ = 0;
  SimpleCommand command_;
};

}  // namespace

std::string SimpleCommand::text() const {
  std::string out;
  for (const ShellWord& word : words) out += (out.empty() ? "" : " ") + word.text;
  return out;
}

Result<ParsedCommand> parse_shell_command(std::string_view text) {
  ParsedCommand parsed;
  ENGRAMD_CHECK(Parser(text, 0, parsed).run());
  if (parsed.commands.empty()) return fail(ErrorCode::unsupported, "there is no command in it");
  return parsed;
}

}  // namespace engramd::agent
