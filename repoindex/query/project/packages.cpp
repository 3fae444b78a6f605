#include "repoindex/query/project/packages.h"

#include <algorithm>
#include <cctype>

#include "repoindex/query/project/json_text.h"
#include "repoindex/query/project/paths.h"

namespace engramd::repoindex {

namespace {

constexpr size_t kMaxRules = 20000;
constexpr size_t kMaxTargets = 5000;
constexpr size_t kMaxWords = 200;  // of one list in a file that is a program

std::vector<std::string> strings_of(const JsonValue& value) {
  if (value.kind == JsonValue::Kind::string) return {value.text};
  std::vector<std::string> out;
  for (const JsonValue& item : value.items) {
    if (item.kind == JsonValue::Kind::string) out.push_back(item.text);
  }
  return out;
}

std::string slashed(std::string_view name) {
  std::string out(name);
  std::replace(out.begin(), out.end(), '\\', '/');
  return out;
}

// The text inside the first pair of quotes at or behind `at`, and where it ends.
std::string_view quoted(std::string_view text, size_t at, size_t* end) {
  size_t open = text.find_first_of("\"'", at);
  size_t close =
      open == std::string_view::npos ? open : text.find_first_of(text.substr(open, 1), open + 1);
  if (close == std::string_view::npos) {
    *end = text.size();
    return {};
  }
  *end = close + 1;
  return text.substr(open + 1, close - open - 1);
}

// Behind the bracket that closes the one at `open`; strings and comments are stepped over.
size_t behind_bracket(std::string_view text, size_t open) {
  int depth = 0;
  for (size_t i = open; i < text.size(); ++i) {
    char c = text[i];
    if (c == '"') {
      for (++i; i < text.size() && text[i] != '"' && text[i] != '\n'; ++i) {
        if (text[i] == '\\') ++i;
      }
    } else if (c == '/' && text.substr(i, 2) == "//") {
      i = std::min(text.find('\n', i), text.size());
    } else if (c == '(' || c == '[') {
      ++depth;
    } else if ((c == ')' || c == ']') && --depth == 0) {
      return i + 1;
    }
  }
  return text.size();
}

// `label: "value"` directly inside a call's brackets; empty when it is not there.
std::string_view labelled(std::string_view call, std::string_view label) {
  for (size_t i = 1; i < call.size(); ++i) {
    if (call[i] == '(' || call[i] == '[') {
      i = behind_bracket(call, i) - 1;
    } else if (call[i] == '/' && call.substr(i, 2) == "//") {
      i = std::min(call.find('\n', i), call.size());
    } else if (call[i] == '"') {
      size_t end = i;
      quoted(call, i, &end);
      i = end - 1;
    } else if (call.substr(i, label.size()) == label &&
               !isalnum(static_cast<unsigned char>(call[i - 1]))) {
      size_t end = i + label.size();
      while (end < call.size() && isspace(static_cast<unsigned char>(call[end]))) ++end;
      if (end < call.size() && call[end] == '"') return quoted(call, end, &end);
    }
  }
  return {};
}

}  // namespace

void ComposerPackages::add(const std::string& file, std::string_view text) {
  std::string folder = parent_path(file);
  JsonValue package = read_json(text);
  for (const char* section : {"autoload", "autoload-dev"}) {
    const JsonValue& autoload = package.at(section);
    for (bool psr0 : {false, true}) {
      const JsonValue& map = autoload.at(psr0 ? "psr-0" : "psr-4");
      for (size_t i = 0; i < std::min(map.keys.size(), map.items.size()); ++i) {
        for (const std::string& below : strings_of(map.items[i])) {
          auto place = normal_path(joined_path(folder, below));
          if (!place || rules_.size() >= kMaxRules) continue;
          Rule rule{map.keys[i], std::move(*place), psr0};
          auto longer = [](const Rule& a, const Rule& b) {
            return a.prefix.size() > b.prefix.size();
          };
          rules_.insert(std::upper_bound(rules_.begin(), rules_.end(), rule, longer), rule);
        }
      }
    }
  }
}

std::vector<std::string> ComposerPackages::places(std::string_view class_name) const {
  std::vector<std::string> out;
  for (const Rule& rule : rules_) {
    if (class_name.substr(0, rule.prefix.size()) != rule.prefix) continue;
    std::string below;
    if (rule.psr0) {
      size_t cut = class_name.rfind('\\');
      size_t name = cut == std::string_view::npos ? 0 : cut + 1;
      below = slashed(class_name.substr(0, name));
      for (char c : class_name.substr(name)) below += c == '_' ? '/' : c;
    } else {
      below = slashed(class_name.substr(rule.prefix.size()));
    }
    while (!below.empty() && below[0] == '/') below.erase(0, 1);
    if (!below.empty()) out.push_back(joined_path(rule.folder, below + ".php"));
  }
  return out;
}

void SwiftPackages::add(const std::string& file, std::string_view text) {
  struct Kind {
    std::string_view call;
    std::vector<const char*> parents;  // of the folder called like the target
  };
  static const Kind kKinds[] = {
      {".target(", {"Sources", "Source", "src", "srcs"}},
      {".executableTarget(", {"Sources", "Source", "src", "srcs"}},
      {".macro(", {"Sources", "Source", "src", "srcs"}},
      {".systemLibrary(", {"Sources", "Source", "src", "srcs"}},
      {".testTarget(", {"Tests", "Sources", "Source", "src", "srcs"}},
      {".plugin(", {"Plugins"}},
  };
  std::string folder = parent_path(file);
  for (size_t at = text.find('.'); at != std::string_view::npos; at = text.find('.', at + 1)) {
    for (const Kind& kind : kKinds) {
      if (text.substr(at, kind.call.size()) != kind.call) continue;
      size_t open = at + kind.call.size() - 1;
      size_t end = behind_bracket(text, open);
      std::string_view call = text.substr(open, end - open);
      // `.plugin(name:, targets:)` is a product, `.target(name:)` in brackets a dependency: both
      // only name what is a target elsewhere, in a folder of that name or not at all.
      Target target;
      target.name = std::string(labelled(call, "name:"));
      std::string_view path = labelled(call, "path:");
      if (!path.empty()) {
        auto place = normal_path(joined_path(folder, path));
        if (place) target.folders.push_back(std::move(*place));
      } else {
        for (const char* parent : kind.parents) {
          target.folders.push_back(joined_path(folder, joined_path(parent, target.name)));
        }
      }
      if (!target.name.empty() && targets_.size() < kMaxTargets) {
        targets_.push_back(std::move(target));
      }
      at = end - 1;
      break;
    }
  }
}

std::vector<std::string> ruby_require_folders(const std::string& gemspec, std::string_view text) {
  std::string folder = parent_path(gemspec);
  std::vector<std::string> out;
  auto add = [&](std::string_view below) {
    auto place = normal_path(joined_path(folder, below));
    if (place && std::find(out.begin(), out.end(), *place) == out.end()) {
      out.push_back(std::move(*place));
    }
  };
  for (std::string_view key : {".require_paths", ".require_path"}) {
    size_t at = text.find(key);
    if (at == std::string_view::npos) continue;
    std::string_view line = text.substr(at, text.find('\n', at) - at);
    if (size_t list = line.find("%w"); list != std::string_view::npos) {
      size_t word = list + 3, n = 0;
      while (word < line.size() && ++n < kMaxWords) {
        size_t end = std::min(line.find_first_of(" )]}>", word), line.size());
        if (end > word) add(line.substr(word, end - word));
        if (end >= line.size() || line[end] != ' ') break;
        word = end + 1;
      }
      continue;
    }
    size_t n = 0;
    for (size_t end = 0; ++n < kMaxWords;) {
      std::string_view word = quoted(line, end, &end);
      if (word.empty()) break;
      add(word);
    }
  }
  if (out.empty()) add("lib");
  return out;
}

std::vector<std::string> project_usings(std::string_view csproj) {
  std::vector<std::string> out;
  for (size_t at = csproj.find("<Using "); at != std::string_view::npos && out.size() < kMaxWords;
       at = csproj.find("<Using ", at + 1)) {
    std::string_view element = csproj.substr(at, csproj.find('>', at) - at);
    bool plain = element.find("Alias") == std::string_view::npos;
    size_t include = element.find("Include");
    if (!plain || include == std::string_view::npos) continue;
    size_t end = 0;
    std::string_view name = quoted(element, include, &end);
    if (!name.empty()) out.emplace_back(name);
  }
  return out;
}

}  // namespace engramd::repoindex
