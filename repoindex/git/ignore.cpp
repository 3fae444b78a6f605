#include "repoindex/git/ignore.h"

#include <cctype>

namespace engramd::repoindex {

namespace {

constexpr size_t kMaxPatterns = 20000;

bool in_named_class(std::string_view name, unsigned char c) {
  if (name == "alnum") return std::isalnum(c) != 0;
  if (name == "alpha") return std::isalpha(c) != 0;
  if (name == "blank") return c == ' ' || c == '\t';
  if (name == "cntrl") return std::iscntrl(c) != 0;
  if (name == "digit") return std::isdigit(c) != 0;
  if (name == "graph") return std::isgraph(c) != 0;
  if (name == "lower") return std::islower(c) != 0;
  if (name == "print") return std::isprint(c) != 0;
  if (name == "punct") return std::ispunct(c) != 0;
  if (name == "space") return std::isspace(c) != 0;
  if (name == "upper") return std::isupper(c) != 0;
  if (name == "xdigit") return std::isxdigit(c) != 0;
  return false;
}

// One [..] class at glob[0]; sets its length, or 0 when it is not closed: nothing matches then.
bool class_matches(std::string_view glob, char given, size_t* length) {
  const auto c = static_cast<unsigned char>(given);
  size_t i = 1;
  const bool negated = i < glob.size() && (glob[i] == '!' || glob[i] == '^');
  if (negated) ++i;
  bool found = false;
  *length = 0;
  for (bool first = true; i < glob.size(); first = false) {
    if (glob[i] == ']' && !first) {
      *length = i + 1;
      return found != negated && given != '/';
    }
    if (glob[i] == '[' && i + 1 < glob.size() && glob[i + 1] == ':') {
      const size_t end = glob.find(":]", i + 2);
      if (end != std::string_view::npos) {
        found |= in_named_class(glob.substr(i + 2, end - i - 2), c);
        i = end + 2;
        continue;
      }
    }
    if (glob[i] == '\\' && i + 1 < glob.size()) ++i;
    const auto low = static_cast<unsigned char>(glob[i++]);
    if (i + 1 < glob.size() && glob[i] == '-' && glob[i + 1] != ']') {
      ++i;
      if (glob[i] == '\\' && i + 1 < glob.size()) ++i;
      const auto high = static_cast<unsigned char>(glob[i++]);
      found |= low <= c && c <= high;
    } else {
      found |= low == c;
    }
  }
  return false;
}

struct Matcher {
  std::string_view whole;  // the glob; the views below are tails of it
  size_t budget = 20000;

  bool match(std::string_view glob, std::string_view path, int depth) {
    if (depth > 40) return false;
    while (!glob.empty()) {
      if (budget == 0) return false;
      --budget;
      if (glob[0] == '*') return match_stars(glob, path, depth);
      if (path.empty()) return false;
      size_t n = 1;
      if (glob[0] == '?') {
        if (path[0] == '/') return false;
      } else if (glob[0] == '[') {
        if (!class_matches(glob, path[0], &n) || n == 0) return false;
      } else {
        if (glob[0] == '\\') {
          if (glob.size() == 1) return false;
          glob.remove_prefix(1);
        }
        if (glob[0] != path[0]) return false;
      }
      glob.remove_prefix(n);
      path.remove_prefix(1);
    }
    return path.empty();
  }

  bool match_stars(std::string_view glob, std::string_view path, int depth) {
    const size_t at = whole.size() - glob.size();
    size_t stars = 0;
    while (stars < glob.size() && glob[stars] == '*') ++stars;
    const std::string_view rest = glob.substr(stars);
    // Only a `**` that is a whole component crosses folders.
    const bool across =
        stars > 1 && (at == 0 || whole[at - 1] == '/') && (rest.empty() || rest[0] == '/');
    if (across && !rest.empty()) {  // **/x also matches x
      if (match(rest.substr(1), path, depth + 1)) return true;
    }
    for (size_t i = 0; i <= path.size(); ++i) {
      if (match(rest, path.substr(i), depth + 1)) return true;
      if (budget == 0 || (i < path.size() && path[i] == '/' && !across)) return false;
    }
    return false;
  }
};

}  // namespace

bool glob_matches(std::string_view glob, std::string_view path) {
  if (!glob.empty() && (path.empty() || glob[0] != path[0]) &&
      std::string_view("*?[\\").find(glob[0]) == std::string_view::npos) {
    return false;
  }
  return Matcher{glob}.match(glob, path, 0);
}

std::string_view part_to_match(std::string_view path, std::string_view base, bool anchored) {
  if (!base.empty()) {
    if (path.size() <= base.size() || path.substr(0, base.size()) != base ||
        path[base.size()] != '/') {
      return {};
    }
    path.remove_prefix(base.size() + 1);
  }
  if (!anchored) {
    const size_t slash = path.rfind('/');
    if (slash != std::string_view::npos) path.remove_prefix(slash + 1);
  }
  return path;
}

void IgnoreRules::add(std::string_view text, std::string_view base) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.substr(0, kByteOrderMark.size()) == kByteOrderMark)
    text.remove_prefix(kByteOrderMark.size());
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    add_pattern(line, base);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

void IgnoreRules::add_pattern(std::string_view line, std::string_view base) {
  if (patterns_.size() >= kMaxPatterns) return;
  if (!line.empty() && line[0] == '#') return;
  while (!line.empty() && line.back() == ' ') {
    if (line.size() > 1 && line[line.size() - 2] == '\\') break;
    line.remove_suffix(1);
  }
  if (line.empty()) return;
  Pattern pattern;
  pattern.base = std::string(base);
  if (line[0] == '!') {
    pattern.negated = true;
    line.remove_prefix(1);
  }
  if (!line.empty() && line.back() == '/') {
    pattern.folders_only = true;
    line.remove_suffix(1);
  }
  pattern.anchored = line.find('/') != std::string_view::npos;
  if (!line.empty() && line[0] == '/') line.remove_prefix(1);
  if (line.empty()) return;
  pattern.glob = std::string(line);
  if (line.find_first_of("*?[\\") == std::string_view::npos) {
    pattern.shape = Shape::plain;
  } else if (line[0] == '*' && !pattern.anchored &&
             line.find_first_of("*?[\\", 1) == std::string_view::npos) {
    pattern.shape = Shape::suffix;
    pattern.glob.erase(0, 1);
  }
  patterns_.push_back(std::move(pattern));
}

bool IgnoreRules::ignored(std::string_view path, bool is_folder) const {
  const std::string_view name = part_to_match(path, {}, false);
  for (size_t i = patterns_.size(); i-- > 0;) {
    const Pattern& p = patterns_[i];
    if (p.folders_only && !is_folder) continue;
    const std::string_view part = !p.base.empty() ? part_to_match(path, p.base, p.anchored)
                                  : p.anchored    ? path
                                                  : name;
    if (part.empty()) continue;
    bool matches = false;
    switch (p.shape) {
      case Shape::plain:
        matches = part == p.glob;
        break;
      case Shape::suffix:
        matches = part.ends_with(p.glob);
        break;
      case Shape::glob:
        matches = glob_matches(p.glob, part);
        break;
    }
    if (matches) return !p.negated;
  }
  return false;
}

bool IgnoreRules::ignored_with_parents(std::string_view path, bool is_folder) const {
  if (patterns_.empty()) return false;
  for (size_t slash = path.find('/'); slash != std::string_view::npos;
       slash = path.find('/', slash + 1)) {
    if (ignored(path.substr(0, slash), true)) return true;
  }
  return ignored(path, is_folder);
}

}  // namespace engramd::repoindex
