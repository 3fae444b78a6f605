#include "repoindex/git/ignore.h"

#include "base/text.h"

namespace engramd::repoindex {

namespace {

// One [..] class at glob[0]; sets its length, or 0 when it is not closed.
bool class_matches(std::string_view glob, char c, size_t* length) {
  size_t i = 1;
  bool negated = i < glob.size() && (glob[i] == '!' || glob[i] == '^');
  if (negated) ++i;
  bool found = false;
  for (bool first = true; i < glob.size(); first = false, ++i) {
    if (glob[i] == ']' && !first) {
      *length = i + 1;
      return found != negated && c != '/';
    }
    char low = glob[i];
    if (i + 2 < glob.size() && glob[i + 1] == '-' && glob[i + 2] != ']') {
      found |= low <= c && c <= glob[i + 2];
      i += 2;
    } else {
      found |= low == c;
    }
  }
  *length = 0;
  return false;
}

struct Matcher {
  size_t budget = 20000;

  bool match(std::string_view glob, std::string_view path, int depth) {
    if (depth > 40) return false;
    while (!glob.empty()) {
      if (budget-- == 0) return false;
      if (glob[0] == '*') {
        bool across = glob.size() > 1 && glob[1] == '*';
        size_t stars = 0;
        while (stars < glob.size() && glob[stars] == '*') ++stars;
        std::string_view rest = glob.substr(stars);
        if (across && !rest.empty() && rest[0] == '/') {  // **/x also matches x
          if (match(rest.substr(1), path, depth + 1)) return true;
        }
        for (size_t i = 0; i <= path.size(); ++i) {
          if (match(rest, path.substr(i), depth + 1)) return true;
          if (budget == 0 || (i < path.size() && path[i] == '/' && !across)) return false;
        }
        return false;
      }
      if (path.empty()) return false;
      size_t n = 1;
      if (glob[0] == '?') {
        if (path[0] == '/') return false;
      } else if (glob[0] == '[') {
        if (!class_matches(glob, path[0], &n)) {
          if (n != 0 || path[0] != '[') return false;
          n = 1;
        }
      } else {
        if (glob[0] == '\\' && glob.size() > 1) glob.remove_prefix(1);
        if (glob[0] != path[0]) return false;
      }
      glob.remove_prefix(n);
      path.remove_prefix(1);
    }
    return path.empty();
  }
};

}  // namespace

bool glob_matches(std::string_view glob, std::string_view path) {
  return Matcher().match(glob, path, 0);
}

void IgnoreRules::add(std::string_view text, std::string_view base) {
  for (std::string_view line : split_lines(text)) add_pattern(line, base);
}

void IgnoreRules::add_pattern(std::string_view line, std::string_view base) {
  if (patterns_.size() > 20000) return;
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t')) {
    if (line.size() > 1 && line[line.size() - 2] == '\\') break;
    line.remove_suffix(1);
  }
  if (line.empty() || line[0] == '#') return;
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
  patterns_.push_back(std::move(pattern));
}

bool IgnoreRules::ignored(std::string_view path, bool is_folder) const {
  for (size_t i = patterns_.size(); i-- > 0;) {
    const Pattern& p = patterns_[i];
    if (p.folders_only && !is_folder) continue;
    std::string_view below = path;
    if (!p.base.empty()) {
      if (path.size() <= p.base.size() || path.substr(0, p.base.size()) != p.base ||
          path[p.base.size()] != '/') {
        continue;
      }
      below = path.substr(p.base.size() + 1);
    }
    if (!p.anchored) {
      size_t slash = below.rfind('/');
      if (slash != std::string_view::npos) below = below.substr(slash + 1);
    }
    if (glob_matches(p.glob, below)) return !p.negated;
  }
  return false;
}

bool IgnoreRules::ignored_with_parents(std::string_view path) const {
  if (patterns_.empty()) return false;
  for (size_t slash = path.find('/'); slash != std::string_view::npos;
       slash = path.find('/', slash + 1)) {
    if (ignored(path.substr(0, slash), true)) return true;
  }
  return ignored(path, false);
}

}  // namespace engramd::repoindex
