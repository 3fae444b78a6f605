// agent/permissions/rules.h - "allow git log", "deny rm -rf": rules about commands.
//
// A rule's words are the beginning of a command's words; a word may end in * ("log*"). Deny beats
// ask, ask beats allow, and a compound command is allowed when every part of it is. Rules come from
// the user's own settings and answers, never from a repository. Pure functions: any thread.
#pragma once

#include <string>
#include <vector>

#include "agent/permissions/shell_command.h"
#include "base/result.h"

namespace engramd::agent {

enum class Verdict { allow, ask, deny };

struct CommandRule {
  Verdict verdict = Verdict::ask;
  std::vector<std::string> words;
  std::string text;  // as it was written
};

// "allow|ask|deny WORDS…"; quotes are read as a shell reads them.
Result<CommandRule> parse_rule(const std::string& text);

struct CommandVerdict {
  Verdict verdict = Verdict::ask;
  bool known = false;  // a rule said so; otherwise the mode decides
  std::string reason;  // the rule, or what was not understood
};

// Of a command that could be parsed. Where a word is known only at run time, it matches what a deny
// rule may mean (then: ask) and nothing of an allow rule.
CommandVerdict judge_command(const ParsedCommand& command, const std::vector<CommandRule>& rules);

// Commands that only look: ls, cat, grep, git log, …
const std::vector<CommandRule>& looking_rules();

}  // namespace engramd::agent
