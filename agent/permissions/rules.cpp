#include "agent/permissions/rules.h"

#include <algorithm>
#include <set>

namespace engramd::agent {
namespace {

enum class Match { no, perhaps, yes };

bool word_matches(const std::string& pattern, const std::string& word) {
  if (pattern.ends_with('*'))
    return word.compare(0, pattern.size() - 1, pattern, 0, pattern.size() - 1) == 0;
  return pattern == word;
}

// A program named by its path is that program only from where the system keeps programs.
bool program_matches(const std::string& pattern, const std::string& program, bool is_deny) {
  if (word_matches(pattern, program)) return true;
  const size_t slash = program.rfind('/');
  if (slash == std::string::npos) return false;
  const std::string folder = program.substr(0, slash), name = program.substr(slash + 1);
  const bool is_system = folder == "/bin" || folder == "/usr/bin" || folder == "/sbin" ||
                         folder == "/usr/sbin" || folder == "/usr/local/bin";
  return (is_deny || is_system) && word_matches(pattern, name);
}

bool is_short_flags(const std::string& word) {
  return word.size() >= 2 && word[0] == '-' && word[1] != '-';
}

// "-rf" of a deny rule means r and f, however they are spelled: -fr, -r -f, -Rf.
bool has_flags(const std::string& pattern, const SimpleCommand& command) {
  std::set<char> given;
  for (const ShellWord& word : command.words)
    if (is_short_flags(word.text))
      for (size_t i = 1; i < word.text.size(); ++i) given.insert(word.text[i]);
    else if (word.text == "--recursive")
      given.insert('r');
    else if (word.text == "--force")
      given.insert('f');
  if (given.contains('R')) given.insert('r');
  for (size_t i = 1; i < pattern.size(); ++i)
    if (!given.contains(pattern[i])) return false;
  return true;
}

Match match_allow(const CommandRule& rule, const SimpleCommand& command) {
  if (rule.words.size() > command.words.size()) return Match::no;
  for (size_t i = 0; i < rule.words.size(); ++i) {
    const ShellWord& word = command.words[i];
    const bool ok = i == 0 ? program_matches(rule.words[0], word.text, false)
                           : word_matches(rule.words[i], word.text);
    if (word.dynamic ? rule.words[i] != "*" : !ok) return Match::no;
  }
  return Match::yes;
}

// Flags anywhere, other words in order: an option put in between must not get around a rule.
Match match_deny(const CommandRule& rule, const SimpleCommand& command) {
  if (!program_matches(rule.words[0], command.words[0].text, true)) return Match::no;
  bool perhaps = false;
  size_t at = 1;
  const bool any_dynamic = std::any_of(command.words.begin(), command.words.end(),
                                       [](const ShellWord& word) { return word.dynamic; });
  for (size_t i = 1; i < rule.words.size(); ++i) {
    const std::string& pattern = rule.words[i];
    if (is_short_flags(pattern) && !pattern.ends_with('*')) {
      if (has_flags(pattern, command)) continue;
      if (!any_dynamic) return Match::no;
      perhaps = true;
      continue;
    }
    size_t found = at;
    while (found < command.words.size() && !word_matches(pattern, command.words[found].text))
      ++found;
    if (found < command.words.size()) {
      perhaps = perhaps || command.words[found].dynamic;
      at = found + 1;
    } else if (any_dynamic) {
      perhaps = true;
    } else {
      return Match::no;
    }
  }
  return perhaps ? Match::perhaps : Match::yes;
}

// A wrapper that changes nothing by itself: what it starts is judged in its place.
bool is_plain_wrapper(const SimpleCommand& command) {
  static const std::set<std::string> names = {"env",  "timeout", "nice",    "nohup",
                                              "time", "stdbuf",  "command", "ionice"};
  return command.words.size() > 1 && names.contains(command.words[0].text);
}

}  // namespace

Result<CommandRule> parse_rule(const std::string& text) {
  const size_t blank = text.find_first_of(" \t");
  const std::string verdict = text.substr(0, blank);
  CommandRule rule;
  rule.text = text;
  if (verdict == "allow")
    rule.verdict = Verdict::allow;
  else if (verdict == "ask")
    rule.verdict = Verdict::ask;
  else if (verdict == "deny")
    rule.verdict = Verdict::deny;
  else
    return fail(ErrorCode::invalid_input,
                "the rule \"" + text + "\" does not begin with allow, ask or deny");
  std::string rest = blank == std::string::npos ? "" : text.substr(blank + 1);
  // "> file" is how a redirection that writes is named.
  if (const size_t at = rest.find_first_not_of(" \t"); at != std::string::npos && rest[at] == '>') {
    rule.words.push_back(">");
    rest.erase(0, at + 1);
  }
  // A rule of redirections may stop here: any file.
  if (rest.find_first_not_of(" \t") == std::string::npos && !rule.words.empty()) return rule;
  auto parsed = parse_shell_command(rest);
  if (!parsed || parsed->commands.empty())
    return fail(ErrorCode::invalid_input, "the rule \"" + text + "\" names no command" +
                                              (parsed ? "" : ": " + parsed.error().message));
  for (const ShellWord& word : parsed->commands[0].words) rule.words.push_back(word.text);
  return rule;
}

CommandVerdict judge_command(const ParsedCommand& command, const std::vector<CommandRule>& rules) {
  std::string asked, unknown, allowed;
  for (const SimpleCommand& part : command.commands) {
    bool part_allowed = false;
    for (const CommandRule& rule : rules) {
      const Match match =
          rule.verdict == Verdict::allow ? match_allow(rule, part) : match_deny(rule, part);
      if (match == Match::no) continue;
      if (rule.verdict == Verdict::deny && match == Match::yes)
        return {Verdict::deny, true, rule.text};
      if (rule.verdict == Verdict::allow) {
        part_allowed = true;
        allowed = rule.text;
      } else {
        asked = rule.text + (match == Match::perhaps ? " (perhaps: a word is known only when it "
                                                       "runs)"
                                                     : "");
      }
    }
    if (!part_allowed && !is_plain_wrapper(part)) unknown = part.text();
  }
  if (!asked.empty()) return {Verdict::ask, true, asked};
  if (!unknown.empty()) return {Verdict::ask, false, "no rule about " + unknown};
  return {Verdict::allow, true, allowed};
}

const std::vector<CommandRule>& looking_rules() {
  static const std::vector<CommandRule> rules = [] {
    std::vector<CommandRule> out;
    for (const char* text : {"allow ls",
                             "allow cat",
                             "allow head",
                             "allow tail",
                             "allow wc",
                             "allow grep",
                             "allow rg",
                             "allow pwd",
                             "allow echo",
                             "allow true",
                             "allow false",
                             "allow test",
                             "allow stat",
                             "allow file",
                             "allow du",
                             "allow diff",
                             "allow cmp",
                             "allow basename",
                             "allow dirname",
                             "allow cd",
                             "allow git status",
                             "allow git log",
                             "allow git diff",
                             "allow git show",
                             "allow git blame",
                             "allow git grep",
                             "allow git ls-files",
                             "deny git log --output*",
                             "deny git diff --output*",
                             "deny git show --output*",
                             "deny git grep -O*",
                             "deny rg --pre*"})
      out.push_back(*parse_rule(text));
    return out;
  }();
  return rules;
}

}  // namespace engramd::agent
