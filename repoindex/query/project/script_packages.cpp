#include "repoindex/query/project/script_packages.h"

#include <algorithm>

#include "repoindex/query/project/paths.h"

namespace engramd::repoindex {

namespace {

constexpr int kMaxExtends = 8;
constexpr size_t kMaxPlaces = 24;

// Every file that an exports entry may lead to: a string, conditions, or a list of both.
void targets_of(const JsonValue& value, std::vector<std::string>* out, int depth = 0) {
  if (depth > 8 || out->size() >= kMaxPlaces) return;
  if (value.kind == JsonValue::Kind::string) out->push_back(value.text);
  // Of an object only: looking for conditions in what is none asked 6 to the 8th times.
  const bool conditions = value.kind == JsonValue::Kind::object;
  for (const char* condition : {"source", "types", "import", "module", "default", "require"}) {
    if (conditions) targets_of(value.at(condition), out, depth + 1);
  }
  if (value.kind == JsonValue::Kind::array) {
    for (const JsonValue& item : value.items) targets_of(item, out, depth + 1);
  }
  if (value.kind == JsonValue::Kind::object) {  // other conditions: node, browser, ...
    for (const JsonValue& item : value.items) targets_of(item, out, depth + 1);
  }
}

// An entry of an exports or imports object for a key, patterns with one '*' included.
std::vector<std::string> mapped(const JsonValue& map, std::string_view key) {
  std::vector<std::string> out;
  targets_of(map.at(key), &out);
  for (size_t i = 0; out.empty() && i < map.keys.size() && i < map.items.size(); ++i) {
    std::string_view pattern = map.keys[i];
    size_t star = pattern.find('*');
    if (star == std::string_view::npos || key.size() < pattern.size() - 1) continue;
    std::string_view tail = pattern.substr(star + 1);
    if (key.substr(0, star) != pattern.substr(0, star)) continue;
    if (key.substr(key.size() - tail.size()) != tail) continue;
    std::string_view middle = key.substr(star, key.size() - tail.size() - star);
    targets_of(map.items[i], &out);
    for (std::string& target : out) {
      if (size_t at = target.find('*'); at != std::string::npos) target.replace(at, 1, middle);
    }
  }
  return out;
}

// dist/x.js is built from src/x.ts: the built file is not in the repository, its source is.
void add_place(const std::string& folder, std::string_view written, std::vector<std::string>* out) {
  auto path = normal_path(joined_path(folder, written));
  if (!path || out->size() >= kMaxPlaces) return;
  out->push_back(*path);
  std::string inside = path->substr(std::min(path->size(), folder.empty() ? 0 : folder.size() + 1));
  for (std::string_view built : {"dist/", "lib/", "build/", "out/", "es/", "esm/", "cjs/"}) {
    if (inside.compare(0, built.size(), built) != 0) continue;
    std::string source = inside.substr(built.size());
    for (std::string_view end : {".d.ts", ".mjs", ".cjs", ".js"}) {
      if (source.size() > end.size() &&
          source.compare(source.size() - end.size(), end.size(), end) == 0) {
        source.resize(source.size() - end.size());
        break;
      }
    }
    out->push_back(joined_path(folder, "src/" + source));
  }
}

}  // namespace

PathMapping PathMapping::read(const std::string& config_path, const ReadText& read_text) {
  PathMapping out;
  bool has_paths = false;
  std::vector<std::string> next = {config_path};
  for (int n = 0; n < kMaxExtends && !next.empty(); ++n) {
    std::string path = next.front();
    next.erase(next.begin());
    std::string folder = parent_path(path);
    JsonValue config = read_json(read_text(path));
    const JsonValue& options = config.at("compilerOptions");
    std::string base = folder;
    bool said = options.at("baseUrl").kind == JsonValue::Kind::string;
    if (said) {
      base = normal_path(joined_path(folder, options.string_at("baseUrl"))).value_or(folder);
    }
    if (said && !out.has_base) {
      out.has_base = true;
      out.base = base;
    }
    // The nearest file that has paths decides alone, as the compiler does it.
    if (const JsonValue& paths = options.at("paths"); !has_paths && !paths.keys.empty()) {
      has_paths = true;
      for (size_t i = 0; i < std::min(paths.keys.size(), paths.items.size()); ++i) {
        Rule rule;
        size_t star = paths.keys[i].find('*');
        rule.star = star != std::string::npos;
        rule.prefix = paths.keys[i].substr(0, star);
        if (rule.star) rule.suffix = paths.keys[i].substr(star + 1);
        for (const JsonValue& target : paths.items[i].items) {
          if (auto place = normal_path(joined_path(base, target.text))) {
            rule.targets.push_back(std::move(*place));
          }
        }
        out.rules.push_back(std::move(rule));
      }
    }
    const JsonValue& extends = config.at("extends");
    std::vector<std::string> bases;
    if (extends.kind == JsonValue::Kind::string) bases.push_back(extends.text);
    // Of a list the last wins.
    for (size_t i = extends.items.size(); i > 0; --i) bases.push_back(extends.items[i - 1].text);
    for (const std::string& written : bases) {
      if (written.substr(0, 1) != ".") continue;  // a package: not in the repository
      auto place = normal_path(joined_path(folder, written));
      if (!place) continue;
      bool bare = place->size() < 5 || place->compare(place->size() - 5, 5, ".json") != 0;
      next.push_back(bare ? *place + ".json" : *place);
    }
  }
  return out;
}

std::vector<std::string> PathMapping::places(std::string_view name) const {
  // The longest prefix wins; an exact name beats every pattern.
  const Rule* best = nullptr;
  for (const Rule& rule : rules) {
    bool holds = rule.star ? name.size() >= rule.prefix.size() + rule.suffix.size() &&
                                 name.substr(0, rule.prefix.size()) == rule.prefix &&
                                 name.substr(name.size() - rule.suffix.size()) == rule.suffix
                           : name == rule.prefix;
    if (!holds) continue;
    bool better = best == nullptr || (best->star && !rule.star) ||
                  (best->star == rule.star && rule.prefix.size() > best->prefix.size());
    if (better) best = &rule;
  }
  std::vector<std::string> out;
  if (best != nullptr) {
    std::string_view middle = name.substr(best->prefix.size());
    middle = middle.substr(0, middle.size() - best->suffix.size());
    for (std::string target : best->targets) {
      if (size_t at = target.find('*'); at != std::string::npos) target.replace(at, 1, middle);
      out.push_back(std::move(target));
    }
  }
  if (has_base) {
    if (auto place = normal_path(joined_path(base, name))) out.push_back(std::move(*place));
  }
  return out;
}

ScriptPackage ScriptPackage::read(const std::string& path, const std::string& text) {
  ScriptPackage out;
  JsonValue file = read_json(text);
  out.folder = parent_path(path);
  out.name = std::string(file.string_at("name"));
  for (const char* key : {"source", "types", "typings", "module", "main"}) {
    if (std::string_view value = file.string_at(key); !value.empty()) out.mains.emplace_back(value);
  }
  out.exports = file.at("exports");
  out.imports = file.at("imports");
  return out;
}

std::vector<std::string> ScriptPackage::places(std::string_view sub) const {
  std::vector<std::string> written, out;
  bool by_subpath = !exports.keys.empty() && exports.keys[0].substr(0, 1) == ".";
  if (by_subpath) {
    written = mapped(exports, sub.empty() ? "." : "./" + std::string(sub));
  } else if (sub.empty()) {
    targets_of(exports, &written);
  }
  if (sub.empty()) written.insert(written.end(), mains.begin(), mains.end());
  for (const std::string& w : written) add_place(folder, w, &out);
  if (sub.empty()) {
    out.push_back(joined_path(folder, "src/index"));
    out.push_back(joined_path(folder, "index"));
  } else {
    add_place(folder, sub, &out);
    out.push_back(joined_path(folder, "src/" + std::string(sub)));
  }
  return out;
}

std::vector<std::string> ScriptPackage::private_places(std::string_view written) const {
  std::vector<std::string> out;
  for (const std::string& w : mapped(imports, written)) add_place(folder, w, &out);
  return out;
}

}  // namespace engramd::repoindex
