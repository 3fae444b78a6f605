#include "agent/swebench/instance.h"

#include <fnmatch.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "agent/swebench/shell.h"
#include "agent/swebench/task_folder.h"
#include "base/file.h"
#include "base/text.h"

namespace engramd::agent::swebench {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr uint64_t kMaxFileBytes = 2ull << 30;
constexpr size_t kMaxTestIds = 200'000;

tl::unexpected<Error> wrong(const std::string& origin, const std::string& what) {
  return fail(ErrorCode::invalid_input, origin + ": " + what);
}

// The string literals of "['a', \"b\\n\"]"; nothing when it is no list of strings.
std::optional<std::vector<std::string>> read_python_list(std::string_view text) {
  text = trim(text);
  if (text.size() < 2 || text.front() != '[' || text.back() != ']') return std::nullopt;
  text = text.substr(1, text.size() - 2);
  std::vector<std::string> items;
  size_t i = 0;
  const auto skip_spaces = [&] {
    while (i < text.size() && std::string_view(" \t\r\n").find(text[i]) != std::string_view::npos)
      ++i;
  };
  for (skip_spaces(); i < text.size(); skip_spaces()) {
    const char quote = text[i++];
    if (quote != '\'' && quote != '"') return std::nullopt;
    std::string item;
    while (i < text.size() && text[i] != quote) {
      if (text[i] == '\\' && i + 1 < text.size()) {
        const char c = text[++i];
        if (c == 'n')
          item += '\n';
        else if (c == 't')
          item += '\t';
        else if (c == '\\' || c == '\'' || c == '"')
          item += c;
        else
          item += {'\\', c};
        ++i;
      } else {
        item += text[i++];
      }
    }
    if (i++ >= text.size() || items.size() >= kMaxTestIds) return std::nullopt;
    items.push_back(std::move(item));
    skip_spaces();
    if (i < text.size() && text[i++] != ',') return std::nullopt;
  }
  return items;
}

class Record {
 public:
  Record(const json& object, const std::string& origin) : object_(object), origin_(origin) {}

  // Of the first name that is there; null and absent are empty.
  Result<std::string> text(std::initializer_list<const char*> names) const {
    for (const char* name : names) {
      const auto found = object_.find(name);
      if (found == object_.end() || found->is_null()) continue;
      if (found->is_string()) return found->get<std::string>();
      if (found->is_number()) return found->dump();
      return wrong(origin_, std::string(name) + " is no text, found " + found->type_name());
    }
    return std::string();
  }
  Result<std::string> needed(const char* name) const {
    ENGRAMD_TRY(std::string value, text({name}));
    if (value.empty()) return wrong(origin_, std::string("expected ") + name + ", found none");
    return value;
  }
  Result<std::vector<std::string>> list(std::initializer_list<const char*> names) const {
    for (const char* name : names) {
      const auto found = object_.find(name);
      if (found == object_.end() || found->is_null()) continue;
      if (found->is_array()) return strings(name, *found);
      if (!found->is_string())
        return wrong(origin_, std::string(name) +
                                  " is neither a list nor a text that holds one, found " +
                                  found->type_name());
      const std::string inner = found->get<std::string>();
      if (trim(inner).empty()) return std::vector<std::string>();
      const json parsed = json::parse(inner, nullptr, false);
      if (parsed.is_array()) return strings(name, parsed);
      if (auto items = read_python_list(inner)) return std::move(*items);
      return wrong(origin_, std::string(name) + " holds no list: \"" + inner.substr(0, 60) + "\"");
    }
    return std::vector<std::string>();
  }

 private:
  Result<std::vector<std::string>> strings(const char* name, const json& array) const {
    if (array.size() > kMaxTestIds)
      return wrong(origin_, std::string(name) + " has " + std::to_string(array.size()) +
                                " entries, expected at most " + std::to_string(kMaxTestIds));
    std::vector<std::string> items;
    for (const json& item : array) {
      if (!item.is_string())
        return wrong(origin_, std::string(name) + " holds something that is no text, found " +
                                  item.type_name());
      items.push_back(item.get<std::string>());
    }
    return items;
  }
  const json& object_;
  const std::string& origin_;
};

bool is_hex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

Status check_fields(const Instance& instance) {
  const std::string& id = instance.id;
  const bool good_id = id.size() <= 200 && id.front() != '.' && id.front() != '-' &&
                       id.find_first_not_of(
                           "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                           "0123456789._+-") == std::string::npos;
  if (!good_id)
    return wrong(instance.origin,
                 "instance_id \"" + id.substr(0, 80) +
                     "\" is no name for a folder, expected letters, digits, '.', '_', '-'");
  const std::string& repo = instance.repo;
  const size_t slash = repo.find('/');
  if (slash == 0 || slash + 1 == repo.size() || repo.find("..") != std::string::npos ||
      repo.front() == '-' ||
      repo.find_first_not_of(
          "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-/") !=
          std::string::npos)
    return wrong(instance.origin, "repo is \"" + repo.substr(0, 80) + "\", expected owner/name");
  for (const std::string* commit : {&instance.base_commit, &instance.fix_commit})
    if (!commit->empty() && (commit->size() < 7 || commit->size() > 64 || !is_hex(*commit)))
      return wrong(instance.origin, "\"" + commit->substr(0, 80) +
                                        "\" is no commit, expected 7 to 64 hexadecimal digits");
  return {};
}

Result<Instance> from_object(const json& object, const std::string& origin) {
  if (!object.is_object())
    return wrong(origin,
                 std::string("expected an object for each instance, found ") + object.type_name());
  const Record record(object, origin);
  Instance instance;
  instance.origin = origin;
  ENGRAMD_TRY(instance.id, record.needed("instance_id"));
  ENGRAMD_TRY(instance.repo, record.needed("repo"));
  ENGRAMD_TRY(instance.base_commit, record.needed("base_commit"));
  ENGRAMD_TRY(instance.fix_commit, record.text({"fix_commit"}));
  ENGRAMD_TRY(instance.problem, record.text({"problem_statement"}));
  ENGRAMD_TRY(instance.hints, record.text({"hints_text"}));
  ENGRAMD_TRY(instance.patch, record.text({"patch", "gold_patch"}));
  ENGRAMD_TRY(instance.test_patch, record.text({"test_patch"}));
  ENGRAMD_TRY(instance.fail_to_pass, record.list({"FAIL_TO_PASS", "fail_to_pass"}));
  ENGRAMD_TRY(instance.pass_to_pass, record.list({"PASS_TO_PASS", "pass_to_pass"}));
  ENGRAMD_TRY(instance.test_files,
              record.list({"test_files", "selected_test_files_to_run", "test_directives"}));
  ENGRAMD_TRY(instance.test_command, record.text({"test_command", "test_cmd"}));
  ENGRAMD_TRY(instance.eval_script, record.text({"eval_script"}));
  ENGRAMD_TRY(instance.version, record.text({"version"}));
  ENGRAMD_TRY(instance.created_at, record.text({"created_at"}));
  ENGRAMD_TRY(instance.language, record.text({"language", "repo_language"}));
  ENGRAMD_TRY(instance.difficulty, record.text({"difficulty"}));
  ENGRAMD_TRY(instance.image, record.text({"image", "image_name", "dockerhub_tag"}));
  ENGRAMD_TRY(instance.split, record.text({"split"}));
  ENGRAMD_TRY(instance.datasets, record.list({"datasets"}));
  ENGRAMD_CHECK(check_fields(instance));
  return instance;
}

Status check_ids_once(const std::vector<Instance>& instances) {
  std::map<std::string, std::string> seen;
  for (const Instance& instance : instances) {
    const auto [place, added] = seen.try_emplace(instance.id, instance.origin);
    if (!added)
      return wrong(instance.origin, "instance_id " + instance.id + " was in " + place->second +
                                        " before, expected each once");
  }
  return {};
}

Result<std::vector<Instance>> from_document(const std::string& text, const std::string& name) {
  const json document = json::parse(text, nullptr, false);
  std::vector<Instance> instances;
  if (document.is_discarded() || !document.is_structured())
    return wrong(name, "is no JSON, expected an array of instances or one object a line");
  size_t n = 0;
  for (const json& object : document) {
    ENGRAMD_TRY(Instance instance, from_object(object, name + ": entry " + std::to_string(++n)));
    instances.push_back(std::move(instance));
  }
  return instances;
}

Result<std::vector<Instance>> from_lines(const std::string& text, const std::string& name) {
  std::vector<Instance> instances;
  size_t number = 0;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = trim(std::string_view(text).substr(begin, end - begin));
    begin = end + 1;
    ++number;
    if (line.empty()) continue;
    ENGRAMD_TRY(Instance instance, instance_from_json(line, name + ":" + std::to_string(number)));
    instances.push_back(std::move(instance));
  }
  return instances;
}

}  // namespace

Result<Instance> instance_from_json(std::string_view text, const std::string& origin) {
  try {
    return from_object(json::parse(text), origin);
  } catch (const json::exception& error) {
    return wrong(origin, std::string("is no JSON object: ") + error.what());
  }
}

std::string to_json_line(const Instance& instance) {
  const json object = {{"instance_id", instance.id},
                       {"repo", instance.repo},
                       {"base_commit", instance.base_commit},
                       {"fix_commit", instance.fix_commit},
                       {"problem_statement", instance.problem},
                       {"hints_text", instance.hints},
                       {"patch", instance.patch},
                       {"test_patch", instance.test_patch},
                       {"FAIL_TO_PASS", instance.fail_to_pass},
                       {"PASS_TO_PASS", instance.pass_to_pass},
                       {"test_files", instance.test_files},
                       {"test_command", instance.test_command},
                       {"eval_script", instance.eval_script},
                       {"version", instance.version},
                       {"created_at", instance.created_at},
                       {"language", instance.language},
                       {"difficulty", instance.difficulty},
                       {"image", instance.image},
                       {"split", instance.split},
                       {"datasets", instance.datasets}};
  return object.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<std::vector<Instance>> read_instances(const fs::path& path) {
  std::error_code error;
  std::vector<Instance> instances;
  if (fs::is_directory(path, error)) {
    ENGRAMD_TRY(instances, read_task_folder(path));
  } else {
    ENGRAMD_TRY(const std::string text, read_file(path, kMaxFileBytes));
    const std::string name = path.filename().string();
    const std::string_view start = trim(std::string_view(text).substr(0, 4096));
    const bool one_document =
        start.starts_with('[') ||
        (path.extension() == ".json" && start.starts_with('{') && json::accept(text));
    ENGRAMD_TRY(instances, one_document ? from_document(text, name) : from_lines(text, name));
  }
  if (instances.empty())
    return fail(ErrorCode::invalid_input, path.string() + " holds no instance");
  ENGRAMD_CHECK(check_ids_once(instances));
  return instances;
}

Result<Shard> read_shard(std::string_view text) {
  Shard shard;
  const size_t slash = text.find('/');
  const auto number = [](std::string_view digits, size_t& value) {
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return error == std::errc() && end == digits.data() + digits.size();
  };
  if (slash == std::string_view::npos || !number(text.substr(0, slash), shard.index) ||
      !number(text.substr(slash + 1), shard.count) || shard.count == 0 ||
      shard.index >= shard.count)
    return fail(ErrorCode::invalid_input,
                "--shard is \"" + std::string(text) +
                    "\", expected i/n with i from 0 to n-1, for instance 0/8");
  return shard;
}

Result<std::vector<Instance>> select_instances(std::vector<Instance> instances,
                                               const std::vector<std::string>& patterns,
                                               const Shard& shard) {
  if (!patterns.empty()) {
    std::vector<bool> used(patterns.size(), false);
    std::erase_if(instances, [&](const Instance& instance) {
      bool wanted = false;
      for (size_t i = 0; i < patterns.size(); ++i)
        if (::fnmatch(patterns[i].c_str(), instance.id.c_str(), 0) == 0) wanted = used[i] = true;
      return !wanted;
    });
    for (size_t i = 0; i < patterns.size(); ++i)
      if (!used[i])
        return fail(ErrorCode::not_found, "--filter " + patterns[i] +
                                              " names no instance; shell patterns over the ids "
                                              "are expected, for instance 'django__*'");
  }
  std::vector<Instance> mine;
  for (size_t i = shard.index; i < instances.size(); i += shard.count)
    mine.push_back(std::move(instances[i]));
  return mine;
}

std::vector<std::string> files_of_patch(std::string_view patch) {
  std::set<std::string> files;
  std::string old_name, pending;
  const auto name_in = [](std::string_view line, std::string_view prefix) -> std::string {
    line.remove_prefix(4);
    line = line.substr(0, line.find('\t'));
    while (line.ends_with('\r') || line.ends_with(' ')) line.remove_suffix(1);
    if (line == "/dev/null") return {};
    std::string name;
    if (line.size() >= 2 && line.front() == '"' && line.back() == '"')
      name = unquote_git_path(line);
    else
      name = std::string(line);
    return name.starts_with(prefix) ? name.substr(prefix.size()) : name;
  };
  size_t old_left = 0, new_left = 0;  // lines of the hunk we are in
  for (const std::string_view line : split_lines(patch)) {
    if (old_left + new_left > 0) {
      const char kind = line.empty() ? ' ' : line.front();
      if (kind != '+' && kind != '\\' && old_left > 0) --old_left;
      if (kind != '-' && kind != '\\' && new_left > 0) --new_left;
    } else if (line.starts_with("@@ -")) {
      const auto count = [&](char mark) -> size_t {
        const size_t at = line.find(mark, mark == '-' ? 0 : 4);
        const size_t end = line.find(' ', at);
        if (at == std::string_view::npos || end == std::string_view::npos) return 0;
        const std::string_view range = line.substr(at + 1, end - at - 1);
        const size_t comma = range.find(',');
        size_t n = 1;
        if (comma != std::string_view::npos)
          std::from_chars(range.data() + comma + 1, range.data() + range.size(), n);
        return n;
      };
      old_left = count('-');
      new_left = count('+');
    } else if (line.starts_with("rename to ")) {
      files.insert(std::string(line.substr(10)));
    } else if (line.starts_with("--- ")) {
      old_name = name_in(line, "a/");
    } else if (line.starts_with("+++ ")) {
      const std::string name = name_in(line, "b/");
      const std::string& used = name.empty() ? old_name : name;
      if (!used.empty()) files.insert(used);
    } else if (line.starts_with("diff --git ")) {
      // A file without lines (a mode, an empty or a binary one) is named here only.
      const size_t at = line.rfind(" b/");
      pending = at == std::string_view::npos ? std::string() : std::string(line.substr(at + 3));
    } else if (!pending.empty() &&
               (line.starts_with("new file mode ") || line.starts_with("deleted file mode ") ||
                line.starts_with("new mode ") || line.starts_with("GIT binary patch"))) {
      files.insert(unquote_git_path(pending));
    }
  }
  return {files.begin(), files.end()};
}

}  // namespace engramd::agent::swebench
