#include "agent/repair/red_command.h"

#include <algorithm>

namespace engramd::agent {
namespace {

constexpr size_t kMaxIds = 20;

std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text)
    if (c == '\'')
      out += "'\\''";
    else
      out += c;
  return out + "'";
}

std::string alternatives(const std::vector<std::string>& names) {
  std::string out = "^(";
  for (size_t i = 0; i < names.size(); ++i) {
    if (i > 0) out += '|';
    for (const char c : names[i]) {
      if (std::string_view("\\^$.|?*+()[]{}/").find(c) != std::string_view::npos) out += '\\';
      out += c;
    }
  }
  return out + ")$";
}

bool is_last_command(const std::string& text, std::string_view program) {
  // Options are added at the end: what follows the last && must be the runner itself, alone.
  const size_t join = text.rfind("&&");
  const std::string last = text.substr(join == std::string::npos ? 0 : join + 2);
  return last.find(program) != std::string::npos &&
         last.find_first_of("|;<>&`#()") == std::string::npos &&
         last.find(" -- ") == std::string::npos;
}

}  // namespace

std::optional<TestCommand> red_command(const TestCommand& command,
                                       const std::vector<std::string>& red_ids) {
  if (red_ids.empty() || red_ids.size() > kMaxIds) return std::nullopt;
  std::string text;
  // Runners of JavaScript that print TAP or their own format: they select by the whole title.
  for (const auto& [program, option] : {std::pair<const char*, const char*>{"mocha", " --grep "},
                                        {"jest", " -t "},
                                        {"vitest", " -t "}})
    if (is_last_command(command.text, program)) {
      text = command.text + option + quoted(alternatives(red_ids));
      return read_test_command(text);
    }
  switch (command.framework) {
    case Framework::node: {
      if (!is_last_command(command.text, "node ")) return std::nullopt;
      // An option after the files would be one of theirs.
      const size_t at = command.text.rfind("--test");
      if (at == std::string::npos) return std::nullopt;
      text = command.text;
      text.insert(at, "--test-name-pattern=" + quoted(alternatives(red_ids)) + " ");
      break;
    }
    case Framework::go: {
      if (!is_last_command(command.text, "go test")) return std::nullopt;
      std::vector<std::string> names;
      for (const std::string& id : red_ids) {
        const std::string name = id.substr(0, id.find('/'));
        if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
      }
      text = command.text + " -run " + quoted(alternatives(names));
      break;
    }
    case Framework::ctest:
      if (!is_last_command(command.text, "ctest")) return std::nullopt;
      text = command.text + " -R " + quoted(alternatives(red_ids));
      break;
    case Framework::cargo:
      if (!is_last_command(command.text, "cargo test")) return std::nullopt;
      text = command.text + " -- --exact";
      for (const std::string& id : red_ids) text += " " + quoted(id);
      break;
    case Framework::pytest:
      if (!is_last_command(command.text, "pytest")) return std::nullopt;
      for (const std::string& id : red_ids)
        if (id.find(".py") == std::string::npos) return std::nullopt;
      text = command.text + " -x";
      for (const std::string& id : red_ids) text += " " + quoted(id);
      // Naming files twice runs them whole: only a command without any can be restricted.
      if (command.text.find(".py") != std::string::npos) return std::nullopt;
      break;
    default:
      return std::nullopt;
  }
  return read_test_command(text);
}

}  // namespace engramd::agent
