#include "agent/tools/arguments.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "base/text.h"

namespace engramd::agent {
namespace {

using nlohmann::json;

// Names that the tools of other agents gave these arguments: models have learnt them.
struct Names {
  const char* name;
  std::vector<std::string> others;
};
const std::vector<Names>& names() {
  static const std::vector<Names> kNames = {
      {"path",
       {"file_path", "file", "filename", "filepath", "filePath", "file_name", "target_file",
        "relative_path", "folder", "directory", "dir"}},
      {"search", {"old_str", "old_string", "old_text", "oldText", "old", "find", "before"}},
      {"replace", {"new_str", "new_string", "new_text", "newText", "new", "replacement", "after"}},
      {"text",
       {"content", "contents", "file_text", "code", "query", "pattern", "body", "new_text",
        "replacement", "issue", "task"}},
      {"patch", {"input", "diff", "text", "patch_text", "content"}},
      {"first_line", {"start_line", "line_start", "start", "from_line", "begin", "line", "offset"}},
      {"last_line", {"end_line", "line_end", "end", "to_line", "stop"}},
      {"lines", {"line_range", "view_range", "range"}},
      {"name", {"symbol", "identifier", "symbol_name", "query"}},
      {"symbol", {"name", "symbol_name", "function", "class", "method"}},
      {"command", {"cmd", "shell", "script", "bash_command"}},
      {"tests", {"test", "ids", "test_ids", "test_id", "path", "paths", "files", "test_path"}},
      {"summary", {"message", "text", "result", "answer", "description"}},
      {"seconds", {"timeout", "timeout_s", "timeout_seconds"}},
      {"regex", {"is_regex", "regexp", "use_regex"}},
      {"context", {"context_lines", "n_context"}},
      {"commit", {"rev", "revision", "sha", "hash"}},
      {"edits", {"blocks", "replacements", "changes"}},
      {"to", {"new_path", "destination", "target", "new_name"}},
      {"count", {"limit", "k", "n", "top_k", "max_results"}},
      {"where", {"position", "mode", "place"}},
  };
  return kNames;
}

// A raw line end or tab inside a string is no JSON, and what small models write.
std::string with_escaped_controls(const std::string& text) {
  std::string out;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string && c == '\\' && i + 1 < text.size()) {
      out += c;
      out += text[++i];
      continue;
    }
    if (c == '"') in_string = !in_string;
    if (in_string && c == '\n')
      out += "\\n";
    else if (in_string && c == '\t')
      out += "\\t";
    else if (in_string && c == '\r')
      out += "\\r";
    else
      out += c;
  }
  return out;
}

std::string plain_text(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_float()) {
    const double number = value.get<double>();
    if (number == static_cast<double>(static_cast<int64_t>(number)) && number < 1e15 &&
        number > -1e15)
      return std::to_string(static_cast<int64_t>(number));
  }
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace

std::vector<std::string> other_names(const std::string& name) {
  for (const Names& row : names())
    if (row.name == name) return row.others;
  return {};
}

Result<Arguments> Arguments::parse(const std::string& json_text) {
  json value = json::parse(trim(json_text).empty() ? "{}" : json_text, nullptr, false);
  if (value.is_discarded()) value = json::parse(with_escaped_controls(json_text), nullptr, false);
  // Once more in quotes: {"a": 1} as a string.
  if (value.is_string()) value = json::parse(value.get<std::string>(), nullptr, false);
  if (value.is_null()) value = json::object();
  if (!value.is_object())
    return fail(ErrorCode::invalid_input,
                "the arguments are not a JSON object: " + utf8_sanitized(json_text.substr(0, 200)));
  // {"arguments": {...}}: the envelope was written twice.
  if (value.size() == 1)
    for (const char* wrapper : {"arguments", "parameters", "input", "args"})
      if (const auto inner = value.find(wrapper); inner != value.end() && inner->is_object()) {
        json unwrapped = *inner;
        value = std::move(unwrapped);
        break;
      }
  Arguments arguments;
  for (const auto& [name, item] : value.items()) {
    if (item.is_null()) continue;
    if (item.is_object()) {
      ENGRAMD_TRY(Arguments inner, parse(item.dump()));
      arguments.objects_[name].push_back(std::move(inner));
      continue;
    }
    if (!item.is_array()) {
      arguments.texts_[name] = plain_text(item);
      continue;
    }
    std::string joined;
    for (const json& part : item) {
      if (part.is_object()) {
        ENGRAMD_TRY(Arguments inner, parse(part.dump()));
        arguments.objects_[name].push_back(std::move(inner));
        continue;
      }
      if (!arguments.lists_[name].empty()) joined += "\n";
      joined += plain_text(part);
      arguments.lists_[name].push_back(plain_text(part));
    }
    if (!arguments.lists_[name].empty()) arguments.texts_[name] = joined;
  }
  return arguments;
}

const std::string* Arguments::find(const std::string& name) const {
  if (const auto found = texts_.find(name); found != texts_.end()) return &found->second;
  for (const std::string& other : other_names(name))
    if (const auto found = texts_.find(other); found != texts_.end()) return &found->second;
  return nullptr;
}

bool Arguments::has(const std::string& name) const {
  return find(name) != nullptr || !objects(name).empty();
}

std::string Arguments::missing(const std::string& name, const std::string& type) const {
  std::string given;
  for (const auto& [known, value] : texts_) given += (given.empty() ? "" : ", ") + known;
  return "the argument \"" + name + "\" (" + type + ") is missing" +
         (given.empty() ? "" : "; given: " + given);
}

Result<std::string> Arguments::text(const std::string& name) const {
  const std::string* found = find(name);
  if (found == nullptr) return fail(ErrorCode::invalid_input, missing(name, "a string"));
  return *found;
}

std::string Arguments::text_or(const std::string& name, const std::string& fallback) const {
  const std::string* found = find(name);
  return found == nullptr ? fallback : *found;
}

Result<int64_t> Arguments::number_or(const std::string& name, int64_t fallback) const {
  const std::string* found = find(name);
  if (found == nullptr || trim(*found).empty()) return fallback;
  std::string_view text = trim(*found);
  if (text.starts_with("line ")) text.remove_prefix(5);
  if (text.starts_with("L")) text.remove_prefix(1);
  int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  if (parsed.ec != std::errc{} || parsed.ptr != end)
    return fail(ErrorCode::invalid_input, "the argument \"" + name +
                                              "\" must be a whole number, found \"" +
                                              utf8_sanitized(text.substr(0, 40)) + "\"");
  return value;
}

Result<bool> Arguments::flag_or(const std::string& name, bool fallback) const {
  const std::string* found = find(name);
  if (found == nullptr) return fallback;
  std::string text(trim(*found));
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (text == "true" || text == "yes" || text == "1") return true;
  if (text == "false" || text == "no" || text == "0" || text.empty()) return false;
  return fail(
      ErrorCode::invalid_input,
      "the argument \"" + name + "\" must be true or false, found \"" + text.substr(0, 40) + "\"");
}

std::vector<std::string> Arguments::words(const std::string& name) const {
  std::vector<std::string> candidates = other_names(name);
  candidates.insert(candidates.begin(), name);
  for (const std::string& candidate : candidates)
    if (const auto list = lists_.find(candidate); list != lists_.end()) return list->second;
  std::vector<std::string> out;
  const std::string text = text_or(name, "");
  // A test's name may hold blanks, inside brackets: cut only at those outside.
  std::string word;
  int depth = 0;
  const auto finish = [&] {
    if (!word.empty()) out.push_back(std::exchange(word, {}));
  };
  for (const char c : text) {
    if (c == '[' || c == '(') ++depth;
    if ((c == ']' || c == ')') && depth > 0) --depth;
    if (depth == 0 && (c == ' ' || c == ',' || c == '\n' || c == '\t'))
      finish();
    else
      word += c;
  }
  finish();
  return out;
}

const std::vector<Arguments>& Arguments::objects(const std::string& name) const {
  static const std::vector<Arguments> kNone;
  if (const auto found = objects_.find(name); found != objects_.end()) return found->second;
  for (const std::string& other : other_names(name))
    if (const auto found = objects_.find(other); found != objects_.end()) return found->second;
  return kNone;
}

}  // namespace engramd::agent
