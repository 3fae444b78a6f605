#include "repoindex/rank/mentions.h"

#include <algorithm>
#include <cctype>
#include <unordered_map>

namespace engramd::repoindex {
namespace {

constexpr size_t kMaxMentions = 200;
constexpr size_t kMaxSharing = 3;  // a name that fits more files than this says nothing
constexpr double kDottedStrength = 0.5;

bool is_path_char(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' || c == '.' ||
         c == '/' || c == '\\' || c == '+' || c == '@';
}

std::string_view last_component(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

// Trailing components that are equal.
size_t matching_components(std::string_view a, std::string_view b) {
  size_t n = 0;
  while (!a.empty() && !b.empty()) {
    const std::string_view last_a = last_component(a), last_b = last_component(b);
    if (last_a != last_b) break;
    ++n;
    a.remove_suffix(std::min(a.size(), last_a.size() + 1));
    b.remove_suffix(std::min(b.size(), last_b.size() + 1));
  }
  return n;
}

uint32_t number_at(std::string_view text, size_t at) {
  uint32_t number = 0;
  for (size_t n = 0;
       at < text.size() && n < 8 && std::isdigit(static_cast<unsigned char>(text[at])); ++at, ++n) {
    number = number * 10 + static_cast<uint32_t>(text[at] - '0');
  }
  return number;
}

// ":12", "(12", "\", line 12", " line 12" after a path.
uint32_t line_after(std::string_view text, size_t at) {
  if (at < text.size() && (text[at] == ':' || text[at] == '(')) return number_at(text, at + 1);
  const std::string_view rest = text.substr(at, 12);
  const size_t word = rest.find("line ");
  if (word != std::string_view::npos && word <= 4) return number_at(text, at + word + 5);
  return 0;
}

class Finder {
 public:
  explicit Finder(const std::vector<std::string>& paths) : paths_(paths) {
    for (uint32_t i = 0; i < paths_.size(); ++i) {
      const std::string_view name = last_component(paths_[i]);
      by_name_[std::string(name)].push_back(i);
      std::string_view stem = name.substr(0, name.rfind('.'));
      std::string_view module =
          std::string_view(paths_[i]).substr(0, paths_[i].size() - name.size() + stem.size());
      if (stem == "__init__" && module.size() > 9) {
        module.remove_suffix(9);
        stem = last_component(module);
      }
      by_stem_[std::string(stem)].push_back({i, module});
    }
  }

  void path(std::string_view written, uint32_t line, std::vector<Mention>& found) const {
    while (!written.empty() && (written.back() == '.' || written.back() == '/'))
      written.remove_suffix(1);
    std::string clean(written);
    std::replace(clean.begin(), clean.end(), '\\', '/');
    const auto same_name = by_name_.find(std::string(last_component(clean)));
    if (same_name == by_name_.end()) return;
    size_t best = 0;
    std::vector<uint32_t> fitting;
    for (uint32_t i : same_name->second) {
      const size_t n = matching_components(clean, paths_[i]);
      if (n > best) fitting.clear();
      best = std::max(best, n);
      if (n == best) fitting.push_back(i);
    }
    // /usr/lib/…/json/decoder.py is not our src/decoder.py: of an absolute path more than the
    // last name must fit, unless ours lies at the top.
    const bool absolute = clean.front() == '/' || (clean.size() > 1 && clean[1] == ':');
    if (absolute && best < 2) {
      std::erase_if(fitting, [&](uint32_t i) { return paths_[i].find('/') != std::string::npos; });
    }
    add(fitting, line, 1, found);
  }

  // pkg.module.Class.method: the longest leading part that is a module.
  void dotted(std::string_view written, std::vector<Mention>& found) const {
    std::string clean(written);
    std::replace(clean.begin(), clean.end(), '.', '/');
    while (clean.find('/') != std::string::npos) {
      if (const auto same = by_stem_.find(std::string(last_component(clean)));
          same != by_stem_.end()) {
        const size_t n_components =
            1 + static_cast<size_t>(std::count(clean.begin(), clean.end(), '/'));
        std::vector<uint32_t> fitting;
        for (const auto& [i, module] : same->second) {
          if (matching_components(clean, module) == n_components) fitting.push_back(i);
        }
        if (!fitting.empty()) {
          add(fitting, 0, kDottedStrength, found);
          return;
        }
      }
      clean.resize(clean.rfind('/'));
    }
  }

 private:
  void add(const std::vector<uint32_t>& fitting, uint32_t line, double strength,
           std::vector<Mention>& found) const {
    if (fitting.empty() || fitting.size() > kMaxSharing) return;
    for (uint32_t i : fitting) {
      found.push_back({paths_[i], line, strength / static_cast<double>(fitting.size())});
    }
  }

  const std::vector<std::string>& paths_;
  std::unordered_map<std::string, std::vector<uint32_t>> by_name_;
  std::unordered_map<std::string, std::vector<std::pair<uint32_t, std::string_view>>> by_stem_;
};

}  // namespace

std::vector<Mention> find_mentions(std::string_view text, const std::vector<std::string>& paths) {
  std::vector<Mention> found;
  const Finder finder(paths);
  for (size_t i = 0; i < text.size() && found.size() < kMaxMentions;) {
    if (!is_path_char(text[i])) {
      ++i;
      continue;
    }
    size_t end = i;
    while (end < text.size() && is_path_char(text[end])) ++end;
    const std::string_view run = text.substr(i, end - i);
    if (run.find('.') != std::string_view::npos && run.size() <= 4096) {
      const size_t before = found.size();
      finder.path(run, line_after(text, end), found);
      if (found.size() == before && run.find('/') == std::string_view::npos) {
        std::string_view name = run;
        while (!name.empty() && name.back() == '.') name.remove_suffix(1);
        finder.dotted(name, found);
      }
    }
    i = end;
  }
  return found;
}

}  // namespace engramd::repoindex
