#include "agent/permissions/permissions.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/hash.h"

namespace engramd::agent {
namespace {

using nlohmann::json;

constexpr uint64_t kMaxStoreBytes = 1u << 20;
constexpr size_t kMaxRemembered = 500;

std::string shell_quoted(const std::string& word) {
  std::string out = "'";
  for (const char c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

}  // namespace

std::string_view to_string(PermissionMode mode) {
  switch (mode) {
    case PermissionMode::read_only:
      return "read-only";
    case PermissionMode::ask:
      return "ask";
    case PermissionMode::accept_edits:
      return "accept-edits";
    case PermissionMode::automatic:
      return "auto";
  }
  return "ask";
}

Result<PermissionMode> read_permission_mode(std::string_view text) {
  for (const PermissionMode mode : {PermissionMode::read_only, PermissionMode::ask,
                                    PermissionMode::accept_edits, PermissionMode::automatic})
    if (text == to_string(mode)) return mode;
  return fail(ErrorCode::invalid_input, "unknown permission mode \"" + std::string(text) +
                                            "\", expected read-only, ask, accept-edits or auto");
}

std::filesystem::path permission_store(const std::filesystem::path& state_folder,
                                       const std::filesystem::path& root) {
  std::error_code error;
  const std::filesystem::path real = std::filesystem::canonical(root, error);
  return state_folder / "permissions" / (hash128_hex((error ? root : real).string()) + ".json");
}

Permissions::Permissions(PermissionOptions options) : options_(std::move(options)) {
  if (options_.store.empty()) return;
  std::error_code error;
  if (!std::filesystem::exists(options_.store, error)) return;
  const auto text = read_file(options_.store, kMaxStoreBytes);
  const json value = text ? json::parse(*text, nullptr, false) : json();
  if (!value.is_object() || !value.value("allow", json()).is_array()) {
    notes_.push_back("the remembered permissions in " + options_.store.string() +
                     " cannot be read and count for nothing");
    return;
  }
  for (const json& item : value["allow"]) {
    if (!item.is_string()) continue;
    if (auto rule = parse_rule("allow " + item.get<std::string>())) {
      remembered_.push_back(item.get<std::string>());
      options_.rules.push_back(std::move(*rule));
    }
  }
}

Status Permissions::refuse(const std::string& what) {
  ++n_refused_;
  return fail(ErrorCode::invalid_input, what);
}

void Permissions::remember(const ParsedCommand& command) {
  for (const SimpleCommand& part : command.commands) {
    // A part that differs from run to run cannot be allowed for good.
    if (std::any_of(part.words.begin(), part.words.end(),
                    [](const ShellWord& word) { return word.dynamic; }))
      continue;
    std::string words;
    for (const ShellWord& word : part.words)
      words += (words.empty() ? "" : " ") +
               (word.text == ">" && words.empty() ? word.text : shell_quoted(word.text));
    if (remembered_.size() >= kMaxRemembered ||
        std::find(remembered_.begin(), remembered_.end(), words) != remembered_.end())
      continue;
    if (auto rule = parse_rule("allow " + words)) {
      remembered_.push_back(words);
      options_.rules.push_back(std::move(*rule));
    }
  }
  if (options_.store.empty()) return;
  const json value = {{"version", 1}, {"allow", remembered_}};
  if (Status saved = write_file_atomic(options_.store, value.dump(1) + "\n", 0600, true); !saved)
    notes_.push_back("the permission could not be kept: " + saved.error().message);
}

Status Permissions::ask(const PermissionQuestion& question, const ParsedCommand* command) {
  const std::string what = question.kind == PermissionQuestion::Kind::command
                               ? "running `" + question.subject + "`"
                               : "changing " + question.subject;
  if (!options_.ask)
    return refuse(what + " needs somebody's yes in the mode " +
                  std::string(to_string(options_.mode)) + ", and nobody is there to ask; " +
                  (command != nullptr || question.kind == PermissionQuestion::Kind::command
                       ? "a rule in agent.rules can allow it"
                       : "--mode accept-edits allows edits"));
  switch (options_.ask(question)) {
    case PermissionAnswer::no:
      return refuse(what + " was refused by the user");
    case PermissionAnswer::always:
      if (command != nullptr)
        remember(*command);
      else
        edits_always_ = true;
      return {};
    case PermissionAnswer::once:
      return {};
  }
  return {};
}

Status Permissions::check_command(const std::string& command) {
  const auto parsed = parse_shell_command(command);
  const bool is_auto = options_.mode == PermissionMode::automatic;
  if (!parsed) {
    // Where there are rules, a command that may get around them is never simply run.
    if (is_auto && options_.rules.empty()) return {};
    if (options_.mode == PermissionMode::read_only)
      return refuse(parsed.error().message + "; only commands that look are run (read-only)");
    return ask({PermissionQuestion::Kind::command, command, parsed.error().message}, nullptr);
  }
  const CommandVerdict verdict = judge_command(*parsed, options_.rules);
  if (verdict.verdict == Verdict::deny)
    return refuse("`" + command + "` is denied by the rule \"" + verdict.reason + "\"");
  if (options_.mode == PermissionMode::read_only) {
    if (judge_command(*parsed, looking_rules()).verdict == Verdict::allow) return {};
    return refuse("`" + command +
                  "` may change something; only commands that look are run "
                  "(read-only)");
  }
  if (verdict.verdict == Verdict::allow) return {};
  if (!verdict.known) {
    if (is_auto) return {};
    std::vector<CommandRule> with_looking = options_.rules;
    with_looking.insert(with_looking.end(), looking_rules().begin(), looking_rules().end());
    if (judge_command(*parsed, with_looking).verdict == Verdict::allow) return {};
  }
  return ask({PermissionQuestion::Kind::command, command, verdict.reason}, &*parsed);
}

Status Permissions::check_edit(const FileChange& change) {
  switch (options_.mode) {
    case PermissionMode::read_only:
      return refuse("nothing is changed in the mode read-only");
    case PermissionMode::accept_edits:
    case PermissionMode::automatic:
      return {};
    case PermissionMode::ask:
      if (edits_always_) return {};
      return ask({PermissionQuestion::Kind::edit, change.path, unified_diff({change})}, nullptr);
  }
  return {};
}

bool Permissions::consents_to(const FileChange& change) {
  if (!options_.ask || options_.mode == PermissionMode::read_only) return false;
  return options_.ask({PermissionQuestion::Kind::protected_file, change.path,
                       unified_diff({change})}) != PermissionAnswer::no;
}

}  // namespace engramd::agent
